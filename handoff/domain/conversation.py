"""A conversation as the fold of its log: `decide` says what a command makes happen, `apply` what it changed.

Pure: no clock, no I/O, no identifiers made up. Who may speak, what transitions exist and what is refused is
decided here and nowhere else (table.py states it as a table, from which that of docs/protocol.md is made).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Final, Literal, cast

from handoff.domain.events import (
    INCIDENT,
    Actor,
    AgentJoined,
    AgentLeft,
    BotReplied,
    BotReplyDiscarded,
    ContactFollowedUp,
    ConversationClosed,
    ConversationReturnedToBot,
    ConversationStarted,
    ConversationTransferred,
    CustomerLeftContact,
    CustomerSaid,
    EpisodeStarted,
    Event,
    HandoffAlerted,
    HandoffCancelled,
    HandoffExpired,
    HandoffRequested,
    Json,
    SystemNotice,
)
from handoff.domain.rules import RELAY_CHOICES

State = Literal["none", "bot", "waiting", "agent", "closed"]

STORY_LINES: Final = 12
STORY_CHARACTERS: Final = 160
PREVIEW_CHARACTERS: Final = 140


@dataclass(frozen=True, slots=True)
class StoryLine:
    """A line of the episode so far, short, for the handoff's summary. `seq` names the event it tells of."""

    seq: int
    teller: Literal["customer", "answer", "bot", "agent"]
    text: str


@dataclass(frozen=True, slots=True)
class FollowUp:
    """The address a customer left instead of waiting on. Open until an agent has written or joined again."""

    at: int
    email: str
    text: str | None = None


@dataclass(frozen=True)
class Conversation:
    """What the log up to `seq` amounts to. Times are milliseconds since the epoch.

    `open_turns` are the customer's messages the bot still owes an outcome, in order. `bot_missed` says that
    words were said or settled since the bot's last reply (`bot_seq`) which it must be told with its next turn.
    `alert` is how loudly this wait was called out, `asked_for_contact` that it outlasted the site's limit.
    """

    id: str
    state: State = "none"
    seq: int = 0
    customer_seq: int = 0
    at: int = 0
    locale: str = "en"
    episode: int = 0
    handoffs: int = 0
    handoff_id: str | None = None
    reason: str | None = None
    waiting_since: int | None = None
    at_front: bool = False
    offered_to: str | None = None
    alert: str | None = None
    asked_for_contact: bool = False
    follow_up: FollowUp | None = None
    holder_id: str | None = None
    holder_name: str | None = None
    closed_by_agent: str | None = None
    closed_at: int = 0
    offer_turn: int = 0
    offer: tuple[str, ...] = ()
    open_turns: tuple[int, ...] = ()
    told_bot_is_down: bool = False
    bot_seq: int = 0
    bot_missed: bool = False
    last_customer_seq: int = 0
    preview: str = ""
    last_decision: Json | None = None
    story: tuple[StoryLine, ...] = ()

    def evolved(self, **changes: Any) -> Conversation:
        """A copy with some fields changed, at a tenth of what `dataclasses.replace` takes: it is made for each message.

        That is why this class has no slots. Fields are not checked; a test folds random logs and looks.
        """
        copy = object.__new__(Conversation)
        object.__setattr__(copy, "__dict__", vars(self) | changes)
        return copy

    @property
    def queue_rank(self) -> int:
        """0 for those put back at the front of the queue, 1 for the others."""
        return 0 if self.at_front else 1

    def due_at(self, episode_idle_ms: int, handoff_limit_ms: int | None = None) -> int | None:
        """When the clock alone next changes something, or None. A turn still open is not idleness."""
        if self.state == "bot" and not self.open_turns:
            return self.at + episode_idle_ms
        if self.waiting_since is not None and handoff_limit_ms is not None and not self.asked_for_contact:
            return self.waiting_since + handoff_limit_ms
        return None


def apply(state: Conversation, event: Event) -> Conversation:
    """The conversation after one more event.

    Raises:
        ValueError: the event does not follow `state.seq`; folding it would hide a hole in the log.
    """
    if event.seq != state.seq + 1:
        raise ValueError(f"event {event.seq} does not follow {state.seq} in {state.id}")
    payload = event.payload
    if isinstance(payload, CustomerSaid):
        # Most of the log; a copy of the state is the dearest part of folding an event in, so this makes only one.
        return _heard_from_customer(state, event, payload)
    customer_seq = event.seq if event.visible_to_customer else state.customer_seq
    state = state.evolved(seq=event.seq, at=event.at, customer_seq=customer_seq)
    match payload:
        case ConversationStarted() as started:
            return state.evolved(state="bot", locale=started.locale, episode=1)
        case EpisodeStarted() as started:
            return _begin_episode(state, started.episode)
        case BotReplied() as replied:
            return _hear_bot(state, event.seq, replied)
        case BotReplyDiscarded() as discarded:
            return state.evolved(open_turns=_without(state.open_turns, discarded.turn), bot_missed=True)
        case HandoffRequested() as handoff:
            return state.evolved(
                state="waiting",
                handoffs=state.handoffs + 1,
                handoff_id=handoff.handoff_id,
                reason=handoff.reason,
                waiting_since=event.at,
                at_front=handoff.offered_to is not None,
                offered_to=handoff.offered_to,
            )
        case HandoffAlerted() as alerted:
            return state.evolved(alert=alerted.level)
        case HandoffCancelled() | HandoffExpired():
            return _leave_queue(state, "bot")
        case AgentJoined():
            return _leave_queue(state, "agent").evolved(
                holder_id=event.actor.id,
                holder_name=event.actor.name,
                follow_up=None,
            )
        case AgentLeft() | ConversationTransferred() as gone:
            return _back_to_queue(state, event.at, gone)
        case ConversationReturnedToBot() as returned:
            told = _tell(state, event.seq, "agent", _settled(event.actor, returned))
            return told.evolved(
                state="bot",
                holder_id=None,
                holder_name=None,
                open_turns=(),
                reason=None,
                bot_missed=True,
            )
        case CustomerLeftContact() | ContactFollowedUp() as contact:
            return state.evolved(follow_up=_follow_up(contact, event.at))
        case ConversationClosed():
            closer = event.actor.id if event.actor.type == "agent" else None
            left = _leave_queue(state, "closed")
            return left.evolved(
                holder_id=None,
                holder_name=None,
                closed_by_agent=closer,
                closed_at=event.at,
                offer=(),
            )
        case SystemNotice() as notice:
            return _after_notice(state, notice, event.seq)
        case _:
            return state


def _after_notice(state: Conversation, notice: SystemNotice, seq: int) -> Conversation:
    if notice.code == INCIDENT:
        return state  # news from outside: whatever the customer was asked last can still be answered
    return state.evolved(
        offer=_ids(notice.choices),
        offer_turn=seq,
        told_bot_is_down=state.told_bot_is_down or notice.code == "bot_warming",
        asked_for_contact=state.asked_for_contact or notice.code == "leave_contact",
    )


def fold(conversation_id: str, events: list[Event]) -> Conversation:
    """The conversation that a whole log amounts to."""
    state = Conversation(conversation_id)
    for event in events:
        state = apply(state, event)
    return state


def turns_now_due(before: Conversation, after: Conversation) -> tuple[int, ...]:
    """The open turns the bot is to be asked about because of what happened between the two states."""
    if after.state != "bot":
        return ()
    asked = before.open_turns if before.state == "bot" else ()
    return tuple(turn for turn in after.open_turns if turn not in asked)


def to_snapshot(state: Conversation) -> dict[str, Any]:
    """The state as JSON, kept beside the log so that a command need not fold it anew."""
    return asdict(state)


def from_snapshot(raw: dict[str, Any]) -> Conversation:
    """The state behind a stored snapshot."""
    story = tuple(StoryLine(**line) for line in raw["story"])
    lists = {k: tuple(v) for k, v in raw.items() if isinstance(v, list) and k != "story"}
    follow_up = raw.get("follow_up")
    kept = {"story": story, "follow_up": None if follow_up is None else FollowUp(**follow_up)}
    return Conversation(**{**raw, **lists, **kept})


# --- the parts of the fold ---------------------------------------------------------------------------------


def _begin_episode(state: Conversation, episode: int) -> Conversation:
    return state.evolved(
        state="bot",
        episode=episode,
        open_turns=(),
        offer=(),
        story=(),
        reason=None,
        handoff_id=None,
        last_decision=None,
        told_bot_is_down=False,
    )


def _heard_from_customer(state: Conversation, event: Event, said: CustomerSaid) -> Conversation:
    seq = event.seq
    is_for_relay = said.choice in RELAY_CHOICES
    is_question = state.state == "bot" and not is_for_relay
    return state.evolved(
        seq=seq,
        at=event.at,
        customer_seq=seq,
        last_customer_seq=seq,
        preview=said.text[:PREVIEW_CHARACTERS],
        bot_missed=state.bot_missed or state.state != "bot",
        open_turns=(*state.open_turns, seq) if is_question else state.open_turns,
        story=state.story if is_for_relay else _story(state, seq, "customer", said.text),
    )


def _hear_bot(state: Conversation, seq: int, replied: BotReplied) -> Conversation:
    offer = _ids(replied.choices)
    if replied.turn == state.offer_turn:
        offer = (*state.offer, *(c for c in offer if c not in state.offer))
    if replied.article_id is None:
        told = _tell(state, seq, "bot", replied.text)
    else:
        told = _tell(state, seq, "answer", replied.article_title or replied.article_id)
    return told.evolved(
        offer=offer,
        offer_turn=replied.turn,
        open_turns=_without(state.open_turns, replied.turn),
        told_bot_is_down=False,
        bot_seq=seq,
        bot_missed=False,
        last_decision=replied.decision or state.last_decision,
    )


def _leave_queue(state: Conversation, to: State) -> Conversation:
    # Whoever leaves the queue is told anew should the bot be down again.
    return state.evolved(
        state=to,
        waiting_since=None,
        at_front=False,
        offered_to=None,
        alert=None,
        asked_for_contact=False,
        told_bot_is_down=False,
    )


def _back_to_queue(state: Conversation, at: int, gone: AgentLeft | ConversationTransferred) -> Conversation:
    offered_to = (
        cast("str | None", gone.to.get("agent")) if isinstance(gone, ConversationTransferred) else None
    )
    return state.evolved(
        state="waiting",
        waiting_since=at,
        at_front=True,
        offered_to=offered_to,
        holder_id=None,
        holder_name=None,
    )


def _follow_up(contact: CustomerLeftContact | ContactFollowedUp, at: int) -> FollowUp | None:
    return FollowUp(at, contact.email, contact.text) if isinstance(contact, CustomerLeftContact) else None


def _settled(actor: Actor, returned: ConversationReturnedToBot) -> str:
    parts = [p for p in (returned.outcome, returned.note) if p]
    return f"{actor.name or 'An agent'}: {'; '.join(parts) if parts else 'returned it to the assistant'}"


def _tell(
    state: Conversation, seq: int, teller: Literal["customer", "answer", "bot", "agent"], text: str
) -> Conversation:
    return state.evolved(story=_story(state, seq, teller, text))


def _story(
    state: Conversation, seq: int, teller: Literal["customer", "answer", "bot", "agent"], text: str
) -> tuple[StoryLine, ...]:
    line = StoryLine(seq, teller, text[:STORY_CHARACTERS])
    story = (*state.story, line)
    if len(story) > STORY_LINES:
        # The customer's first line is what they came for; it stays, and the oldest of the others goes.
        story = (story[0], *story[2:]) if story[0].teller == "customer" else story[1:]
    return story


def _ids(choices: tuple[Json, ...]) -> tuple[str, ...]:
    return tuple(cast("str", choice["id"]) for choice in choices)


def _without(turns: tuple[int, ...], turn: int) -> tuple[int, ...]:
    return tuple(t for t in turns if t != turn)
