"""What the bot is asked: one message of the customer, with what happened since the bot last spoke."""

from __future__ import annotations

from typing import Final

from bot.contract import Handback, Said, TurnContext, TurnRequest
from handoff.domain.conversation import Conversation
from handoff.domain.events import (
    AgentSaid,
    BotReplyDiscarded,
    ConversationReturnedToBot,
    CustomerSaid,
    Event,
)
from handoff.domain.rules import RELAY_CHOICES
from handoff.ports import Customer, Head
from handoff.service.feed import Feed

SAID_AT_MOST: Final = 20
SAID_CHARACTERS: Final = 1000
"""Keep a turn's context far under the bot's limit of 256 KiB; the whole story stays in the log."""


async def turn_request(feed: Feed, head: Head, turn: int, dialogue: str | None) -> TurnRequest | None:
    """The request for the customer's message at seq `turn`, which continues `dialogue`; None when there is no such message."""
    state = head.state
    found = await feed.read(state.id, turn - 1, turn)
    if not found or not isinstance(found[0].payload, CustomerSaid):
        return None
    said = found[0].payload
    context = await _context(feed, state, turn) if state.bot_missed else TurnContext()
    return TurnRequest(
        conversation_id=state.id,
        episode=state.episode,
        turn=turn,
        text=said.text,
        choice=said.choice,
        locale=state.locale,
        customer=_about(head.customer),
        context=context,
        dialogue=dialogue,
    )


async def _context(feed: Feed, state: Conversation, turn: int) -> TurnContext:
    since: list[Event] = []
    after = state.bot_seq
    while after < turn - 1:
        page = await feed.read(state.id, after, turn - 1)
        if not page:
            break
        since.extend(event for event in page if event.seq < turn)
        after = page[-1].seq
    said: list[Said] = []
    handback: Handback | None = None
    discarded: list[int] = []
    for event in since:
        match event.payload:
            case CustomerSaid(text=text, choice=choice):
                if choice not in RELAY_CHOICES and event.seq not in state.open_turns:
                    said.append(Said("customer", text[:SAID_CHARACTERS]))
            case AgentSaid(text=text):
                said.append(Said("agent", text[:SAID_CHARACTERS]))
            case ConversationReturnedToBot(outcome=outcome, note=note):
                handback = Handback(outcome, note)
            case BotReplyDiscarded(turn=gone):
                discarded.append(gone)
            case _:
                pass
    return TurnContext(handback, tuple(said[-SAID_AT_MOST:]), tuple(discarded))


def _about(customer: Customer) -> dict[str, object]:
    about = {"id": customer.id, "name": customer.name, "verified": customer.verified}
    return {key: value for key, value in about.items() if value is not None}
