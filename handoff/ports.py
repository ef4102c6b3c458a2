"""What the relay needs from outside, as protocols. Adapters implement them; bootstrap.py picks which."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, Protocol

from bot.contract import TurnOutcome, TurnRequest
from handoff.domain.asked import Thumb, TurnRecord
from handoff.domain.conversation import Conversation, State
from handoff.domain.events import Event
from handoff.domain.ladder import Timer
from handoff.domain.waits import Pickup


class Clock(Protocol):
    """The time, so that tests can hold it."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch, UTC."""
        ...


@dataclass(frozen=True, slots=True)
class Customer:
    """Who a conversation belongs to. `verified` says that `id` came with the site's signature."""

    id: str | None = None
    name: str | None = None
    email: str | None = None
    attributes: Mapping[str, Any] | None = None
    verified: bool = False


class Head(NamedTuple):
    """A conversation as a command finds it: its state, and what no event changes."""

    state: Conversation
    customer: Customer


class CommandKey(NamedTuple):
    """What makes a command one command (P2). `actor` is `Actor.key`."""

    conversation_id: str
    actor: str
    client_id: str


class CommandResult(NamedTuple):
    """What the first run of a command came to; `digest` is of its content."""

    digest: str
    seq: int
    events: int


@dataclass(frozen=True, slots=True)
class Reaction:
    """Work that an event calls for, held by lease."""

    conversation_id: str
    seq: int
    kind: str
    created_at: int
    attempts: int


@dataclass(frozen=True, slots=True)
class Carried:
    """A bot's dialogue after its `turn`, opaque to the relay; None where only that bot can go on from it."""

    turn: int
    dialogue: str | None


class Append(NamedTuple):
    """What one command writes, all in one transaction: events, state, its result and its reactions."""

    conversation_id: str
    events: Sequence[Event]
    after: Conversation
    at: int
    due_at: int | None
    result: tuple[CommandKey, CommandResult] | None = None
    turns: Sequence[int] = ()
    """Turns the bot is to be asked about from now on."""
    leased_turn: int = 0
    """The one of them that the appending process asks about at once; 0 for none."""
    finishes: Reaction | None = None
    """The reaction whose work this append is."""
    timers: Sequence[Timer] = ()
    """Reactions to be taken from their time on. They stand under the `seq` of the last event of this append."""
    pickup: Pickup | None = None
    """The wait that this append ended by an agent's coming."""
    carries: Carried | None = None
    """The bot's dialogue after this append; None where it has not moved."""
    asked: TurnRecord | None = None
    """What the turn came to whose outcome this append is. A turn that is asked again has the newest."""
    thumb: Thumb | None = None
    """What the customer thinks of a reply, from this append on."""


@dataclass(frozen=True, slots=True)
class Opening:
    """A conversation to be made. `digest` is of what the client sent, to tell a repeat from a reuse."""

    conversation_id: str
    client_id: str
    digest: str
    customer: Customer


@dataclass(frozen=True, slots=True)
class Opened:
    """A conversation that a client_id opened before, with the digest of what it was opened with."""

    conversation_id: str
    digest: str


class RunBeforeError(Exception):
    """A command whose result was to be written has one already. The transaction must be given up."""


class LogTransaction(Protocol):
    """Appends that become durable together. Heads that were locked stay as they were read until the end."""

    async def lock(
        self, conversation_ids: Collection[str], known: Callable[[str], Head | None] = lambda _id: None
    ) -> dict[str, Head]:
        """The heads of these conversations, locked against other writers; unknown ids are left out.

        `known` is what the caller believes: a head that has its `seq` is taken for it, which saves reading it.
        """
        ...

    async def results(self, keys: Collection[CommandKey]) -> dict[CommandKey, CommandResult]:
        """What of these commands was run before."""
        ...

    async def opened(self, client_ids: Collection[str]) -> dict[str, Opened]:
        """Which of these client_ids have opened a conversation before."""
        ...

    async def open(self, opening: Opening, append: Append) -> None:
        """Make a conversation together with its first events."""
        ...

    async def write(self, appends: Sequence[Append]) -> None:
        """Append. Several appends of one conversation follow each other in order.

        Raises:
            RunBeforeError: one of the commands was run before; see `results`.
        """
        ...


class EventLog(Protocol):
    """The append-only log. Nothing is visible to readers before its transaction is durable."""

    def transaction(self) -> AbstractAsyncContextManager[LogTransaction]:
        """Commits at exit; an exception rolls everything back.

        Raises:
            StorageUnavailable: the storage did not take it; nothing was written.
        """
        ...

    async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
        """Append in a transaction of its own, if each conversation in `seqs` has that `seq` still and none of the commands was run before; else write nothing and return False.

        The short way for what was decided from known heads. Why it was refused is found out in a `transaction`.

        Raises:
            StorageUnavailable: the storage did not take it, or did not say that it had.
        """
        ...

    async def head(self, conversation_id: str) -> Head | None:
        """The conversation's newest durable state."""
        ...

    async def heads(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """The newest `seq` of each conversation."""
        ...

    async def read(self, conversation_id: str, after: int, limit: int) -> list[Event]:
        """Events with `seq` over `after`, in order, at most `limit`."""
        ...

    async def dialogue(self, conversation_id: str) -> str | None:
        """The bot's dialogue after its last recorded outcome, for whichever bot takes the next turn."""
        ...

    async def in_states(self, states: Collection[State], limit: int) -> list[Head]:
        """Conversations in these states, the longest waiting first."""
        ...

    async def follow_ups(self, limit: int) -> list[Head]:
        """Conversations whose customer left an address and was not written to yet, the oldest first."""
        ...

    async def pickups(self, since: int, limit: int) -> list[Pickup]:
        """The latest waits that an agent ended, from `since` on."""
        ...

    async def seqs_in_states(self, states: Collection[State]) -> dict[str, int]:
        """The newest `seq` of every conversation in these states, and of those with an address to write to."""
        ...

    async def held_by(self, agent_id: str) -> list[str]:
        """Ids of the conversations that this agent holds."""
        ...

    async def due(self, now: int, limit: int) -> list[str]:
        """Conversations whose `due_at` has come."""
        ...


@dataclass(frozen=True, slots=True)
class Backlog:
    """Reactions not done: `open` counts all, `due` those that could be taken now; `oldest_ms` is the age of the oldest of these."""

    open: int
    due: int
    oldest_ms: int


class ReactionQueue(Protocol):
    """Reactions of certain kinds by lease: one worker at a time has a reaction.

    Of each kind, one of a conversation at a time is out, the first one first.
    """

    async def take(self, worker: str, now: int, lease_ms: int, limit: int) -> list[Reaction]:
        """Lease the first open reaction of each of up to `limit` conversations that have none out."""
        ...

    async def renew(self, worker: str, reactions: Sequence[Reaction], until: int) -> None:
        """Keep the leases while the work goes on."""
        ...

    async def finish(self, worker: str, reaction: Reaction, now: int) -> None:
        """The reaction is done."""
        ...

    async def release(self, worker: str, reaction: Reaction, due_at: int) -> None:
        """Give it back, to be taken again from `due_at` on."""
        ...

    async def release_all(self, worker: str) -> None:
        """Give back everything the worker has, to be taken at once: it is going away."""
        ...

    async def backlog(self, now: int) -> Backlog:
        """How much is waiting to be worked on."""
        ...


class WebhookFailedError(Exception):
    """The other side did not take it; worth another try later."""


class Webhook(Protocol):
    """Somebody outside who is told what happens here."""

    async def post(self, delivery: str, body: Mapping[str, Any]) -> None:
        """Tell it, signed. `delivery` is the same for each try of one notice.

        Raises:
            WebhookFailedError: it could not be reached, or did not say yes in time.
        """
        ...


class Cursors(Protocol):
    """How far each reader has read, and which agents are there. Stored, never events."""

    async def seen(self, conversation_id: str) -> dict[str, int]:
        """The read cursor of each actor key."""
        ...

    async def see(self, conversation_id: str, actor: str, seq: int) -> bool:
        """Move a cursor forward. False when it was there already."""
        ...

    async def renew_agents(self, agent_ids: Collection[str], until: int) -> None:
        """These agents have an open socket."""
        ...

    async def lost_agents(self, now: int) -> list[str]:
        """Agents who hold a conversation and whose lease has run out."""
        ...


@dataclass(frozen=True, slots=True)
class Hint:
    """Something may be new in a conversation. Lost hints only delay (P4)."""

    conversation_id: str
    seq: int


@dataclass(frozen=True, slots=True)
class Signal:
    """What is told to whoever is there and never stored: typing, presence, read marks."""

    topic: str
    body: Mapping[str, Any]


class PubSub(Protocol):
    """Hints and signals between processes. Delivery is not promised; the log is the truth."""

    @property
    def healthy(self) -> bool:
        """Whether other processes are reached now."""
        ...

    async def start(self) -> None:
        """Begin to reach other processes; does not wait until they are."""
        ...

    async def stop(self) -> None:
        """End."""
        ...

    async def publish(self, message: Hint | Signal) -> None:
        """Tell every subscriber, this process included."""
        ...

    def subscribe(self, handler: Callable[[Hint | Signal], None]) -> Callable[[], None]:
        """Call `handler` for each message, from the event loop; returns what ends it. It must not block."""
        ...


class BotNotReadyError(Exception):
    """The bot is known to be down or warming up: the turn was not handed over."""


class BotFailedError(Exception):
    """The bot took the turn and gave no usable outcome."""


class BotReleaseRefusedError(Exception):
    """A bot cannot use the release that was asked for: the turn was not handed over. The message says why."""


class ReleaseTrial(Protocol):
    """A release that answers a share of new conversations, if there is one."""

    @property
    def is_on(self) -> bool:
        """Whether there is one."""
        ...

    def release_for(self, conversation_id: str, created_at: int) -> str | None:
        """The release that answers this conversation in the place of the live one; None: the live one does."""
        ...

    def went_wrong(self, release_id: str, *, refused: bool) -> None:
        """It left a turn unanswered that the live release answered; `refused`: no bot would use it. It must not block."""
        ...


class BotEngine(Protocol):
    """The bot, wherever it runs."""

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        """Ask for one turn.

        Raises:
            BotNotReadyError: it is warming up or cannot be reached.
            BotFailedError: it answered with an error, with nonsense or not in time.
            BotReleaseRefusedError: the request names a release that it cannot use.
        """
        ...

    async def ready(self) -> bool:
        """Whether a turn would be taken now."""
        ...

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        """Articles for a query: `{article_id, title, snippet, score}`, best first.

        Raises:
            BotNotReadyError: it is warming up or cannot be reached.
        """
        ...


class Workbench(Protocol):
    """The bot as editors use it. Nothing that is asked here is stored or counted."""

    async def try_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """One turn of a conversation that only its caller keeps: `{outcome, explanation, dialogue}`.

        `asked` has `text`, `locale`, and may have `choice`, `dialogue`, `draft` and `release_id`.

        Raises:
            BotNotReadyError: no bot is there.
            BotFailedError: it could not answer this.
        """
        ...

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        """What is doubtful about an article beside all others: `{warnings: [{code, field, index, text, other}]}`.

        Raises as `try_turn`.
        """
        ...

    async def embed(self, texts: Sequence[str]) -> tuple[str, list[list[float]]]:
        """The encoder's fingerprint, and a vector of length 1 for each of 1 to 64 texts.

        Raises as `try_turn`.
        """
        ...

    async def has_loaded(self, release_id: str) -> bool:
        """Whether every bot that is there has a release in memory.

        Raises:
            BotNotReadyError: no bot is there.
        """
        ...

    async def load(self, release_id: str) -> None:
        """Have every bot that is there load a release, which takes seconds.

        Raises:
            BotNotReadyError: no bot is there.
            BotReleaseRefusedError: one cannot use that release.
        """
        ...

    async def follow(self, release_id: str, revision: int) -> bool:
        """Have every bot that is there answer customers from that revision of that live release, now.

        Returns whether all of them do. Takes 3 s at most: a bot that is slow takes it up later, as one does that is away.
        False where none is there.
        """
        ...


Presence = Literal["online", "away", "offline"]
