"""The state table: what may happen to a conversation in each state, and what everything else is told.

`TABLE` states once what `decide` and `apply` do. The tables of docs/protocol.md are generated from it, and the
tests hold every pair of a state and a trigger against it, so that page, table and code cannot drift apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, get_args

from handoff.domain import commands as c
from handoff.domain import events as e
from handoff.domain.conversation import State

STATES: Final[tuple[State, ...]] = get_args(State)


@dataclass(frozen=True, slots=True)
class Trigger:
    """Something that comes to a conversation: a command, under the condition that `words` state.

    `otherwise` is what it comes to in a state that the table does not name for it: the code of its refusal, or
    None when nothing happens. Before a conversation was opened every trigger but the opening is `not_found`.
    `possible_in` are the states in which the condition can hold at all.
    """

    command: type[c.Command]
    words: str
    otherwise: str | None = "wrong_state"
    possible_in: tuple[State, ...] = STATES


@dataclass(frozen=True, slots=True)
class Transition:
    """One row: in any of `from_states`, `by` makes `events` happen and leaves the conversation in `to`.

    `to` None: the state stays what it was. `note` is said beside the row in the documentation.
    """

    from_states: tuple[State, ...]
    by: Trigger
    to: State | None
    events: tuple[type[e.Payload], ...]
    note: str = ""


OPENED: Final = Trigger(c.StartConversation, "conversation opened", otherwise=None)

SAYS: Final = Trigger(c.SayAsCustomer, "`say`")
SAYS_SOON_AFTER: Final = Trigger(
    c.SayAsCustomer,
    "`say` within `BATON_REOPEN_SAME_AGENT` of an agent's `close`",
    possible_in=("closed",),
)
CHOOSES_HUMAN: Final = Trigger(c.SayAsCustomer, "`say` with the choice `human`", otherwise="bad_frame")
CHOOSES_BOT: Final = Trigger(c.SayAsCustomer, "`say` with the choice `relay:ask_bot`", otherwise="bad_frame")
ASKS_FOR_HUMAN: Final = Trigger(c.RequestHuman, "`request_human`, a rule")
CANCELS: Final = Trigger(c.CancelHandoff, "`cancel_handoff`")
ENDS: Final = Trigger(c.EndConversation, "`end`")
LEAVES_CONTACT: Final = Trigger(c.LeaveContact, "`leave_contact`")
RATES: Final = Trigger(c.RateEpisode, "`rate`")
GIVES_FEEDBACK: Final = Trigger(c.GiveFeedback, "`feedback`")

CLAIMS: Final = Trigger(c.ClaimConversation, "`claim`")
CLAIMS_OWN: Final = Trigger(c.ClaimConversation, "`claim` by the holder", possible_in=("agent",))
TAKES_OVER: Final = Trigger(c.ClaimConversation, "`claim {takeover}`")
AGENT_SAYS: Final = Trigger(c.SayAsAgent, "`say` by the holder", otherwise="not_holder")
NOTES: Final = Trigger(c.NoteAsAgent, "`note`")
TRANSFERS: Final = Trigger(c.TransferConversation, "`transfer` by the holder")
RETURNS: Final = Trigger(c.ReturnToBot, "`return_to_bot` by the holder")
CLOSES: Final = Trigger(c.CloseConversation, "`close`; in `agent` by the holder")
FOLLOWS_UP: Final = Trigger(
    c.FinishFollowUp, "`follow_up_done` after `leave_contact`", possible_in=("bot", "waiting", "closed")
)

TURN_ANSWERED: Final = Trigger(c.RecordTurn, "a turn's outcome", otherwise=None)
TURN_ESCALATED: Final = Trigger(c.RecordTurn, "a turn's decision to escalate", otherwise=None)
TURN_FAILED: Final = Trigger(c.RecordTurnFailure, "a turn without an outcome in time", otherwise=None)
BOT_DOWN: Final = Trigger(c.TellBotIsDown, "a question while the bot is down, once", otherwise=None)
BOT_BACK: Final = Trigger(
    c.TellBotIsBack, "the bot is back before a claim (reason `bot_error`), once", otherwise=None
)
LEASE_ENDED: Final = Trigger(c.ReleaseLease, "the holder's lease runs out", otherwise=None)
NOBODY_CAME: Final = Trigger(
    c.PassTime, "nobody came within `BATON_HANDOFF_LIMIT`, `BATON_HANDOFF_EXPIRY` being `bot`", otherwise=None
)
NOBODY_CAME_YET: Final = Trigger(
    c.PassTime,
    "nobody came within `BATON_HANDOFF_LIMIT`, `BATON_HANDOFF_EXPIRY` being `contact`",
    otherwise=None,
)
WAITED: Final = Trigger(c.RaiseAlert, "a rung of the wake-up ladder, once for each level", otherwise=None)
INCIDENT_TOLD: Final = Trigger(
    c.TellIncident, "an editor tells of an incident, or of its end", otherwise=None
)
IDLE: Final = Trigger(c.PassTime, "idle for `BATON_EPISODE_IDLE`", otherwise=None)

TABLE: Final[tuple[Transition, ...]] = (
    Transition(("none",), OPENED, "bot", (e.ConversationStarted,)),
    Transition(("bot",), ASKS_FOR_HUMAN, "waiting", (e.HandoffRequested,), "reason `asked` or `policy`"),
    Transition(("bot",), CHOOSES_HUMAN, "waiting", (e.CustomerSaid, e.HandoffRequested), "reason `asked`"),
    Transition(("bot",), TURN_ESCALATED, "waiting", (e.BotReplied, e.HandoffRequested), "the bot's reason"),
    Transition(("bot",), TURN_FAILED, "waiting", (e.HandoffRequested,), "reason `bot_error`"),
    Transition(("bot", "waiting", "agent"), ENDS, "closed", (e.ConversationClosed,), "by `customer`"),
    Transition(("bot", "waiting", "agent"), CLOSES, "closed", (e.ConversationClosed,), "by `agent`"),
    Transition(("bot",), IDLE, "closed", (e.ConversationClosed,), "by `idle`"),
    Transition(("waiting",), CLAIMS, "agent", (e.AgentJoined,)),
    Transition(("waiting",), TAKES_OVER, "agent", (e.AgentJoined,)),
    Transition(("waiting",), CANCELS, "bot", (e.HandoffCancelled,), "questions still open go to the bot"),
    Transition(("waiting",), CHOOSES_BOT, "bot", (e.CustomerSaid, e.HandoffCancelled), "likewise"),
    Transition(
        ("waiting",),
        NOBODY_CAME,
        "bot",
        (e.HandoffExpired, e.SystemNotice),
        "code `handoff_expired`",
    ),
    Transition(
        ("waiting",),
        LEAVES_CONTACT,
        "closed",
        (e.CustomerLeftContact, e.ConversationClosed),
        "kept as a follow-up",
    ),
    Transition(("agent",), TRANSFERS, "waiting", (e.ConversationTransferred,), "at the front"),
    Transition(("agent",), RETURNS, "bot", (e.ConversationReturnedToBot,)),
    Transition(("agent",), LEASE_ENDED, "waiting", (e.AgentLeft,), "at the front"),
    Transition(
        ("agent",), TAKES_OVER, "agent", (e.ConversationTransferred, e.AgentJoined), "a supervisor's right"
    ),
    Transition(("closed",), SAYS, "bot", (e.EpisodeStarted, e.CustomerSaid)),
    Transition(
        ("closed",),
        SAYS_SOON_AFTER,
        "waiting",
        (e.EpisodeStarted, e.CustomerSaid, e.HandoffRequested),
        "reason `reopened`, offered to the same agent first",
    ),
    # --- what leaves the state as it is -----------------------------------------------------------------------
    Transition(("bot",), SAYS, None, (e.CustomerSaid,), "the bot is asked"),
    Transition(("waiting", "agent"), SAYS, None, (e.CustomerSaid,), "logged for the agent"),
    Transition(("waiting", "agent"), CHOOSES_HUMAN, None, (e.CustomerSaid,)),
    Transition(("bot", "agent"), CHOOSES_BOT, None, (e.CustomerSaid,)),
    Transition(("bot", "waiting", "agent", "closed"), RATES, None, (e.CustomerRated,)),
    Transition(("bot", "waiting", "agent", "closed"), GIVES_FEEDBACK, None, (e.CustomerGaveFeedback,)),
    Transition(("agent",), AGENT_SAYS, None, (e.AgentSaid,)),
    Transition(("bot", "waiting", "agent", "closed"), NOTES, None, (e.AgentNoted,)),
    Transition(("agent",), CLAIMS_OWN, None, (), "`ack` with `events: 0`"),
    Transition(("bot",), TURN_ANSWERED, None, (e.BotReplied,), "one `bot.replied` for each reply"),
    Transition(
        ("waiting", "agent", "closed"),
        TURN_ANSWERED,
        None,
        (e.BotReplyDiscarded,),
        "a person took over meanwhile",
    ),
    Transition(("waiting", "agent", "closed"), TURN_ESCALATED, None, (e.BotReplyDiscarded,)),
    Transition(("bot",), BOT_DOWN, None, (e.SystemNotice,), "code `bot_warming`"),
    Transition(("waiting",), BOT_BACK, None, (e.SystemNotice,), "code `bot_back`"),
    Transition(("waiting",), NOBODY_CAME_YET, None, (e.SystemNotice,), "code `leave_contact`, once a wait"),
    Transition(("waiting",), WAITED, None, (e.HandoffAlerted,)),
    Transition(("bot", "waiting", "agent"), INCIDENT_TOLD, None, (e.SystemNotice,), "code `incident`"),
    Transition(("bot", "waiting", "closed"), FOLLOWS_UP, None, (e.ContactFollowedUp,)),
)

REFUSALS: Final = ((CLAIMS, "agent", "already_claimed"),)
"""Pairs with a refusal of their own: the loser of a race is told who holds the conversation (P6)."""


def row_for(state: State, trigger: Trigger) -> Transition | None:
    """What the table says about `trigger` in `state`; None when it is refused or comes to nothing."""
    for row in TABLE:
        if row.by is trigger and state in row.from_states:
            return row
    return None


def refusal_for(state: State, trigger: Trigger) -> str | None:
    """The code of the refusal where `row_for` is None; None again: nothing happens."""
    if state == "none":
        return None if trigger is OPENED else "not_found"
    for refused, where, code in REFUSALS:
        if refused is trigger and where == state:
            return code
    return trigger.otherwise
