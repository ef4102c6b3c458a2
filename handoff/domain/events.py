"""What can have happened in a conversation. Frozen facts; the transition each makes stands beside it.

An event's payload is a dataclass; its wire name is `KIND`. `to_data` and `from_data` turn payloads into the
JSON objects of the protocol and back, so that the log, the sockets and the fold speak of the same thing.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final, Literal, NamedTuple, cast, get_args

ActorType = Literal["customer", "bot", "agent", "system"]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who did it. `id` is a user's id for agents and the conversation's own customer otherwise."""

    type: ActorType
    id: str | None = None
    name: str | None = None

    @property
    def key(self) -> str:
        """Who this is for P2 and for read cursors: type and id."""
        return self.type if self.id is None else f"{self.type}:{self.id}"


CUSTOMER: Final = Actor("customer")
BOT: Final = Actor("bot")
SYSTEM: Final = Actor("system")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class ConversationStarted:  # none -> bot
    KIND: ClassVar[str] = "conversation.started"
    locale: str
    page: Json | None = None


@dataclass(frozen=True, slots=True)
class EpisodeStarted:  # closed -> bot
    KIND: ClassVar[str] = "episode.started"
    episode: int


@dataclass(frozen=True, slots=True)
class CustomerSaid:  # no transition
    KIND: ClassVar[str] = "customer.said"
    text: str
    client_id: str
    choice: str | None = None


@dataclass(frozen=True, slots=True)
class BotReplied:  # bot -> bot
    KIND: ClassVar[str] = "bot.replied"
    turn: int
    release_id: str
    kind: str
    text: str
    choices: tuple[Json, ...] = ()
    article_id: str | None = None
    article_title: str | None = None
    decision: Json | None = None  # on the first reply of a turn: what it was decided on


@dataclass(frozen=True, slots=True)
class BotReplyDiscarded:  # no transition
    KIND: ClassVar[str] = "bot.reply_discarded"
    turn: int


@dataclass(frozen=True, slots=True)
class HandoffRequested:  # bot -> waiting
    KIND: ClassVar[str] = "handoff.requested"
    handoff_id: str
    episode: int
    reason: str
    evidence: Json = field(default_factory=dict)
    summary: tuple[Json, ...] = ()
    offered_to: str | None = None


@dataclass(frozen=True, slots=True)
class HandoffCancelled:  # waiting -> bot
    KIND: ClassVar[str] = "handoff.cancelled"


@dataclass(frozen=True, slots=True)
class HandoffExpired:  # waiting -> bot
    KIND: ClassVar[str] = "handoff.expired"


@dataclass(frozen=True, slots=True)
class HandoffAlerted:  # no transition
    KIND: ClassVar[str] = "handoff.alerted"
    level: str


@dataclass(frozen=True, slots=True)
class AgentJoined:  # waiting -> agent; agent -> agent after a takeover
    KIND: ClassVar[str] = "agent.joined"
    handoff_id: str


@dataclass(frozen=True, slots=True)
class AgentLeft:  # agent -> waiting; at the front
    KIND: ClassVar[str] = "agent.left"
    reason: str


@dataclass(frozen=True, slots=True)
class AgentSaid:  # no transition
    KIND: ClassVar[str] = "agent.said"
    text: str
    client_id: str


@dataclass(frozen=True, slots=True)
class AgentNoted:  # no transition
    KIND: ClassVar[str] = "agent.noted"
    text: str


@dataclass(frozen=True, slots=True)
class ConversationTransferred:  # agent -> waiting; agent -> agent when followed by `agent.joined`
    KIND: ClassVar[str] = "conversation.transferred"
    to: Json
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationReturnedToBot:  # agent -> bot
    KIND: ClassVar[str] = "conversation.returned_to_bot"
    outcome: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerLeftContact:  # no transition; `conversation.closed` follows in the same append
    KIND: ClassVar[str] = "customer.left_contact"
    email: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class ContactFollowedUp:  # no transition
    KIND: ClassVar[str] = "contact.followed_up"
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationClosed:  # bot, waiting, agent -> closed
    KIND: ClassVar[str] = "conversation.closed"
    by: str
    episode: int
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerRated:  # no transition
    KIND: ClassVar[str] = "customer.rated"
    metric: str
    score: int
    episode: int
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class CustomerGaveFeedback:  # no transition
    KIND: ClassVar[str] = "customer.gave_feedback"
    seq: int
    helpful: bool


INCIDENT: Final = "incident"
"""The code of a notice whose words are an editor's own."""


@dataclass(frozen=True, slots=True)
class SystemNotice:  # no transition
    KIND: ClassVar[str] = "system.notice"
    code: str
    text: str
    choices: tuple[Json, ...] = ()


Payload = (
    ConversationStarted
    | EpisodeStarted
    | CustomerSaid
    | BotReplied
    | BotReplyDiscarded
    | HandoffRequested
    | HandoffCancelled
    | HandoffExpired
    | HandoffAlerted
    | AgentJoined
    | AgentLeft
    | AgentSaid
    | AgentNoted
    | ConversationTransferred
    | ConversationReturnedToBot
    | CustomerLeftContact
    | ContactFollowedUp
    | ConversationClosed
    | CustomerRated
    | CustomerGaveFeedback
    | SystemNotice
)

PAYLOADS: Final[Mapping[str, type[Payload]]] = {cls.KIND: cls for cls in get_args(Payload)}

HIDDEN_FROM_CUSTOMER: Final = frozenset(
    {AgentNoted.KIND, BotReplyDiscarded.KIND, ContactFollowedUp.KIND, HandoffAlerted.KIND}
)
"""Events a customer is never shown. `prev` in the customer's copy of the others proves nothing else is missing."""

CUSTOMER_OMITS: Final[Mapping[str, frozenset[str]]] = {
    BotReplied.KIND: frozenset({"decision"}),
    HandoffRequested.KIND: frozenset({"evidence", "summary", "offered_to"}),
    ConversationTransferred.KIND: frozenset({"note"}),
    ConversationReturnedToBot.KIND: frozenset({"outcome", "note"}),
    ConversationClosed.KIND: frozenset({"outcome"}),
    AgentSaid.KIND: frozenset({"client_id"}),
}
"""Fields left out of the customer's copy: notes, evidence, scores and other people's client ids."""


class NewEvent(NamedTuple):
    """An event that was decided and not yet appended: it has no `seq`."""

    actor: Actor
    payload: Payload


class Event(NamedTuple):
    """An event of the log. `at` is in milliseconds since the epoch, never less than that of the event before."""

    conversation_id: str
    seq: int
    id: str
    at: int
    actor: Actor
    payload: Payload
    customer_prev: int

    @property
    def kind(self) -> str:
        """The wire name of what happened."""
        return self.payload.KIND

    @property
    def visible_to_customer(self) -> bool:
        """Whether the customer's copy of the conversation has this event."""
        return self.kind not in HIDDEN_FROM_CUSTOMER


_FIELDS: Final = {cls: tuple(spec.name for spec in dataclasses.fields(cls)) for cls in PAYLOADS.values()}


def to_data(payload: Payload) -> dict[str, Any]:
    """The `data` object of an event. Optional fields that are not set are left out."""
    data: dict[str, Any] = {}
    for name in _FIELDS[type(payload)]:
        value = getattr(payload, name)
        if value is None:
            continue
        data[name] = list(value) if isinstance(value, tuple) else value
    return data


def from_data(kind: str, data: Mapping[str, Any]) -> Payload:
    """The payload behind a stored `data` object.

    Raises:
        KeyError: the kind is unknown.
        TypeError: a field is missing or unknown.
    """
    cls: Any = PAYLOADS[kind]
    return cast("Payload", cls(**{k: tuple(v) if isinstance(v, list) else v for k, v in data.items()}))
