"""Appends to write into a log: events numbered and folded as the service does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from handoff.domain.conversation import Conversation, apply
from handoff.domain.events import (
    CUSTOMER,
    SYSTEM,
    Actor,
    AgentJoined,
    ConversationStarted,
    CustomerSaid,
    Event,
    HandoffRequested,
    NewEvent,
    Payload,
)
from handoff.ports import Append, Customer, EventLog, Opening
from tests.contract.held_clock import START

ANA = Actor("agent", "usr_ana", "Ana")
BEN = Actor("agent", "usr_ben", "Ben")


class Script:
    """A conversation that is being written, event by event."""

    def __init__(self, conversation_id: str, at: int = START) -> None:
        self.state = Conversation(conversation_id)
        self.at = at

    def append(
        self, *news: NewEvent | Payload, at: int | None = None, due_at: int | None = None, **more: Any
    ) -> Append:
        """The next append; payloads alone are the customer's."""
        self.at = self.at + 1 if at is None else at
        events = []
        for new in news:
            decided = new if isinstance(new, NewEvent) else NewEvent(CUSTOMER, new)
            event = Event(
                conversation_id=self.state.id,
                seq=self.state.seq + 1,
                id=f"evt_{self.state.id}_{self.state.seq + 1}",
                at=self.at,
                actor=decided.actor,
                payload=decided.payload,
                customer_prev=self.state.customer_seq,
            )
            self.state = apply(self.state, event)
            events.append(event)
        return Append(
            conversation_id=self.state.id,
            events=tuple(events),
            after=self.state,
            at=self.at,
            due_at=due_at,
            **more,
        )

    def start(self, **more: Any) -> Append:
        return self.append(NewEvent(SYSTEM, ConversationStarted("en")), **more)

    def says(self, text: str = "Where is my order?", **more: Any) -> Append:
        return self.append(CustomerSaid(text, f"client-id-{self.state.seq + 1:08}"), **more)

    def asks_for_a_person(self, **more: Any) -> Append:
        asked = HandoffRequested(f"{self.state.id}.{self.state.handoffs + 1}", 1, "asked")
        return self.append(NewEvent(CUSTOMER, asked), **more)

    def is_claimed(self, by: Actor = ANA, **more: Any) -> Append:
        return self.append(NewEvent(by, AgentJoined(self.state.handoff_id or "")), **more)


def opening_of(conversation_id: str, customer: Customer | None = None) -> Opening:
    return Opening(conversation_id, f"opened-{conversation_id}", "digest", customer or Customer())


async def write(log: EventLog, *appends: Append) -> None:
    """Append in a transaction of its own."""
    async with log.transaction() as transaction:
        await transaction.lock({append.conversation_id for append in appends})
        await transaction.write(appends)


async def opened(
    log: EventLog, conversation_id: str, *, customer: Customer | None = None, at: int = START
) -> Script:
    """A conversation that is in the log with its first event."""
    script = Script(conversation_id, at)
    start = script.start(at=at)
    async with log.transaction() as transaction:
        await transaction.open(opening_of(conversation_id, customer), start)
    return script


async def texts(log: EventLog, conversation_id: str) -> list[str]:
    """What the customer's words in the log are, in order."""
    events: Sequence[Event] = await log.read(conversation_id, 0, 10_000)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    return [event.payload.text for event in events if isinstance(event.payload, CustomerSaid)]
