"""What somebody may want to happen to a conversation. Imperative, frozen, without the time and without I/O."""

from __future__ import annotations

from dataclasses import dataclass

from bot.contract import TurnOutcome
from handoff.domain.events import Json
from handoff.domain.rules import AlertLevel


@dataclass(frozen=True, slots=True)
class StartConversation:
    locale: str
    page: Json | None = None


@dataclass(frozen=True, slots=True)
class SayAsCustomer:
    """`choice` is the id of a choice offered last in this episode."""

    text: str
    client_id: str
    choice: str | None = None


@dataclass(frozen=True, slots=True)
class RequestHuman:
    """Asked by the customer (`asked`) or by a rule (`policy`)."""

    reason: str = "asked"


@dataclass(frozen=True, slots=True)
class CancelHandoff:
    pass


@dataclass(frozen=True, slots=True)
class EndConversation:
    pass


@dataclass(frozen=True, slots=True)
class RateEpisode:
    metric: str
    score: int
    comment: str | None = None


@dataclass(frozen=True, slots=True)
class GiveFeedback:
    seq: int
    helpful: bool


@dataclass(frozen=True, slots=True)
class LeaveContact:
    email: str
    text: str | None = None


@dataclass(frozen=True, slots=True)
class RecordTurn:
    """The bot's outcome of one turn. Decided against the state at commit (P5)."""

    turn: int
    outcome: TurnOutcome


@dataclass(frozen=True, slots=True)
class RecordTurnFailure:
    """The bot gave no outcome in time (P9)."""

    turn: int


@dataclass(frozen=True, slots=True)
class TellBotIsDown:
    """A question waits for a bot that warms up or is down: say so, once for that question."""

    turn: int


@dataclass(frozen=True, slots=True)
class TellBotIsBack:
    """The bot can answer again and nobody has claimed the conversation: offer its answer."""


@dataclass(frozen=True, slots=True)
class ClaimConversation:
    takeover: bool = False


@dataclass(frozen=True, slots=True)
class SayAsAgent:
    text: str
    client_id: str


@dataclass(frozen=True, slots=True)
class NoteAsAgent:
    text: str


@dataclass(frozen=True, slots=True)
class TransferConversation:
    to: Json
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ReturnToBot:
    outcome: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class CloseConversation:
    """`after` is the last `seq` the agent saw; newer words of the customer refuse the close."""

    after: int
    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class FinishFollowUp:
    """The customer who left an address has been written to."""

    outcome: str | None = None


@dataclass(frozen=True, slots=True)
class ReleaseLease:
    """The holder has had no socket for the length of its lease."""

    agent_id: str


@dataclass(frozen=True, slots=True)
class RaiseAlert:
    """A customer has waited for the time of a rung. `waiting_since` names the wait it was set for."""

    level: AlertLevel
    waiting_since: int


@dataclass(frozen=True, slots=True)
class TellIncident:
    """Something is down, or works again: said to who is in a conversation now."""

    text: str


@dataclass(frozen=True, slots=True)
class PassTime:
    """The clock reached the conversation's `due_at`."""


CustomerCommand = (
    SayAsCustomer | RequestHuman | CancelHandoff | EndConversation | RateEpisode | GiveFeedback | LeaveContact
)
AgentCommand = (
    ClaimConversation
    | SayAsAgent
    | NoteAsAgent
    | TransferConversation
    | ReturnToBot
    | CloseConversation
    | FinishFollowUp
)
SystemCommand = (
    StartConversation
    | RecordTurn
    | RecordTurnFailure
    | TellBotIsDown
    | TellBotIsBack
    | ReleaseLease
    | RaiseAlert
    | TellIncident
    | PassTime
)
Command = CustomerCommand | AgentCommand | SystemCommand
