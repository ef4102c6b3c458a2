"""Conversations to record: the same few, told once."""

from __future__ import annotations

from typing import Any

from tests.browser.recorded_relay import HUMAN, MAYA, RecordedRelay
from tests.browser.recorded_talk import Talk

EVIDENCE: dict[str, Any] = {
    "trigger_seq": 6,
    "confidence": 0.31,
    "threshold": 0.62,
    "frustration": 0.78,
    "frustration_threshold": 0.6,
    "signals": [
        {"name": "words", "weight": 0.42},
        {"name": "repeats", "weight": 0.25},
        {"name": "thanks", "weight": -0.08},
    ],
    "intent": "complain",
    "passages": [
        {
            "article_id": "exchange-size",
            "title": "How do I exchange an item for another size?",
            "score": 0.71,
        },
        {"article_id": "size-guide", "title": "Which size do I need?", "score": 0.41},
    ],
    "slots": {"order_number": "FG-204816"},
}
ANSWER = (
    "You can swap them for another size within **45 days**; the exchange is free.\n\n"
    "1. Open [your order](/account/orders) and choose **Exchange**.\n2. Pick the new size.\n\n"
    "| Service | Price |\n|---|---|\n| Standard | **£3.95** |"
)


def answer(_talk: Talk, text: str) -> list[dict[str, Any]]:
    """A bot that knows one thing, asks back about another, and is honest about the rest."""
    if "boots" in text:
        return [{"kind": "bot.replied", "text": ANSWER, "choices": [HUMAN], "article_id": "exchange-size"}]
    if "cost" in text:
        choices = [
            {"id": "a1", "label": "Cost of delivery"},
            {"id": "a2", "label": "Cost of a return"},
            HUMAN,
        ]
        return [{"kind": "bot.replied", "text": "Which of these?", "choices": choices}]
    return [
        {"kind": "bot.replied", "text": "I am not sure. Could you say it in other words?", "choices": [HUMAN]}
    ]


def escalated(
    relay: RecordedRelay, name: str | None, reason: str = "frustration", *, group: str | None = None
) -> Talk:
    """Somebody whom the bot could not help waits for a person."""
    talk = relay.talk(name)
    talk.group = group
    relay.record(
        talk, "conversation.started", "system", {"locale": "en", "page": {"title": "Boots", "url": "/"}}
    )
    relay.record(talk, "customer.said", "customer", {"text": "Can I swap my boots for a bigger size?"})
    relay.record(
        talk,
        "bot.replied",
        "bot",
        {"turn": 2, "kind": "answer", "text": ANSWER, "choices": [HUMAN], "article_id": "exchange-size"},
    )
    relay.record(talk, "customer.said", "customer", {"text": "That page shows no exchange button."})
    relay.record(
        talk,
        "bot.replied",
        "bot",
        {"turn": 4, "kind": "unsure", "text": "I am not sure.", "choices": [HUMAN]},
    )
    relay.record(talk, "customer.said", "customer", {"text": "This is the third time I ask!"})
    relay.record(
        talk, "bot.replied", "bot", {"turn": 6, "kind": "escalate", "text": "I am getting a person."}
    )
    relay.record(
        talk,
        "handoff.requested",
        "bot",
        {
            "handoff_id": f"{talk.id}.1",
            "episode": 1,
            "reason": reason,
            "evidence": EVIDENCE,
            "summary": [{"text": "Asked three times about an exchange.", "seqs": [2, 4, 6]}],
        },
    )
    return talk


def held(relay: RecordedRelay, name: str, holder: dict[str, Any] = MAYA) -> Talk:
    """A conversation that an agent has."""
    talk = escalated(relay, name)
    relay.record(talk, "agent.joined", holder, {"handoff_id": f"{talk.id}.1"})
    relay.record(talk, "agent.said", holder, {"text": "Hello, I have read all of it."})
    return talk


def only_talk(relay: RecordedRelay) -> Talk:
    """The one conversation there is."""
    (talk,) = relay.talks.values()
    return talk
