"""A conversation to tell in tests: commands go through `decide`, their events through `apply`, as in the product."""

from __future__ import annotations

from bot.contract import Choice, Decision, DecisionKind, Passage, Reply, TurnOutcome
from handoff.domain.commands import (
    ClaimConversation,
    CloseConversation,
    Command,
    RecordTurn,
    RequestHuman,
    SayAsCustomer,
    StartConversation,
)
from handoff.domain.conversation import Conversation, State, apply
from handoff.domain.decide import decide
from handoff.domain.events import BOT, CUSTOMER, SYSTEM, Actor, Event
from handoff.domain.rules import Rules

ANNA = Actor("agent", "usr_anna", "Anna")
BEN = Actor("agent", "usr_ben", "Ben")
RULES = Rules()
MINUTE = 60_000
START = 1_700_000_000_000
CLIENT_ID = "c" * 16


class Story:
    """A log that grows, the state beside it and a clock that is moved by hand."""

    def __init__(self, rules: Rules = RULES) -> None:
        self.rules = rules
        self.state = Conversation("cnv_1")
        self.log: list[Event] = []
        self.now = START

    def do(self, actor: Actor, command: Command) -> list[Event]:
        """Run a command and append what it makes happen; refusals pass through and leave all as it was."""
        at = max(self.now, self.state.at)
        appended = []
        for new in decide(self.state, actor, command, at, self.rules):
            seq = self.state.seq + 1
            event = Event(
                self.state.id, seq, f"evt_{seq}", at, new.actor, new.payload, self.state.customer_seq
            )
            self.state = apply(self.state, event)
            appended.append(event)
        self.log += appended
        return appended

    def open(self) -> Story:
        """A conversation that has begun."""
        self.do(SYSTEM, StartConversation("en"))
        return self

    def say(self, text: str = "Where is my parcel?", choice: str | None = None) -> list[Event]:
        """Words of the customer."""
        return self.do(CUSTOMER, SayAsCustomer(text, CLIENT_ID, choice))

    def answer(self, turn: int | None = None, kind: DecisionKind = "answer") -> list[Event]:
        """The bot's outcome of the oldest open turn, or of `turn`."""
        return self.do(
            BOT, RecordTurn(self.state.open_turns[0] if turn is None else turn, outcome(turn or 1, kind))
        )

    def claimed(self, agent: Actor = ANNA) -> Story:
        """The conversation in an agent's hands."""
        if self.state.state == "bot":
            self.do(CUSTOMER, RequestHuman())
        self.do(agent, ClaimConversation())
        return self

    def close(self, agent: Actor = ANNA) -> Story:
        """Closed by an agent who has seen everything."""
        self.do(agent, CloseConversation(self.state.seq))
        return self

    def kinds(self) -> list[str]:
        """What happened, by name."""
        return [event.kind for event in self.log]


def outcome(
    turn: int,
    kind: DecisionKind = "answer",
    *,
    reason: str | None = None,
    replies: tuple[Reply, ...] | None = None,
) -> TurnOutcome:
    """An outcome with all its evidence."""
    decision = Decision(
        kind=kind,
        reason=reason or ("low_confidence" if kind == "escalate" else "confident"),
        confidence=0.875,
        threshold=0.5,
        frustration=0.25,
        frustration_threshold=0.75,
        intent="ask",
        passages=(Passage("parcel", "Where is my parcel", 0.875),),
        slots={"order": "A1"},
    )
    said = Reply(
        "Here it is.", (Choice("human", "Talk to a person"),), "parcel" if kind == "answer" else None
    )
    return TurnOutcome(turn, "rel_1", decision, (said,) if replies is None else replies)


def in_state(state: State) -> Story:
    """A conversation in `state` with one question of the customer that the bot still owes an outcome.

    `closed` was closed by the agent who held it.
    """
    story = Story()
    if state == "none":
        return story
    story.open().say()
    if state == "waiting":
        story.do(CUSTOMER, RequestHuman())
    elif state in ("agent", "closed"):
        story.claimed()
    if state == "closed":
        story.close()
    assert story.state.state == state
    return story
