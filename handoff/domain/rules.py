"""What a site decides about its conversations, handed to `decide`: durations and the relay's own words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from bot.contract import HUMAN_CHOICE, Choice

WAIT_CHOICE: Final = "relay:wait"
ASK_BOT_CHOICE: Final = "relay:ask_bot"
RELAY_CHOICES: Final = frozenset({HUMAN_CHOICE, WAIT_CHOICE, ASK_BOT_CHOICE})
"""Choices that the relay acts on itself. None of them is a question for the bot."""

SCALES: Final[Mapping[str, tuple[int, int]]] = {"csat": (1, 5), "ces": (1, 7), "nps": (0, 10)}
"""The least and the most of each metric a customer can rate on."""

NoticeCode = Literal["bot_warming", "bot_back", "handoff_expired", "leave_contact"]
Expiry = Literal["contact", "bot"]
"""What a customer is told when nobody came in time: `contact` asks for an address and keeps the place, `bot` goes
back to the bot."""
AlertLevel = Literal["agents", "supervisors"]
LOUDER_OR_SAME: Final[Mapping[AlertLevel, frozenset[AlertLevel]]] = {
    "agents": frozenset({"agents", "supervisors"}),
    "supervisors": frozenset({"supervisors"}),
}
RungKind = Literal["wake_agents", "wake_supervisors", "wake_webhook"]
Voice = Literal["formal", "casual"]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something the relay says in its own name, with the choices it offers."""

    text: str
    choices: tuple[Choice, ...] = ()


NOTICES: Final[Mapping[Voice, Mapping[NoticeCode, Notice]]] = {
    "casual": {
        "bot_warming": Notice(
            "I need a moment to get ready. Your question is saved and I'll answer it as soon as I can.",
            (Choice(WAIT_CHOICE, "I'll wait"), Choice(HUMAN_CHOICE, "Talk to a person")),
        ),
        "bot_back": Notice(
            "I'm back and can answer your question now. You keep your place in the queue until you choose.",
            (Choice(ASK_BOT_CHOICE, "Show me the answer"), Choice(WAIT_CHOICE, "Keep waiting for a person")),
        ),
        "handoff_expired": Notice(
            "Sorry, nobody could join just now. Your messages are saved and you can ask for a person again.",
            (Choice(HUMAN_CHOICE, "Ask for a person again"),),
        ),
        "leave_contact": Notice(
            "Sorry, nobody could join yet. Leave your email address and we'll write to you, or keep waiting: "
            "your place in the queue stays yours.",
            (Choice(WAIT_CHOICE, "Keep waiting"),),
        ),
    },
    "formal": {
        "bot_warming": Notice(
            "The assistant is starting. Your question has been saved and will be answered shortly.",
            (Choice(WAIT_CHOICE, "Wait"), Choice(HUMAN_CHOICE, "Speak to a person")),
        ),
        "bot_back": Notice(
            "The assistant is available again and can answer your question. Your place in the queue is kept.",
            (Choice(ASK_BOT_CHOICE, "Show the answer"), Choice(WAIT_CHOICE, "Continue waiting for a person")),
        ),
        "handoff_expired": Notice(
            "We apologise: no colleague was available. Your messages have been saved; you may ask again.",
            (Choice(HUMAN_CHOICE, "Ask for a person again"),),
        ),
        "leave_contact": Notice(
            "We apologise: no colleague has been available so far. You may leave your email address for a written "
            "reply, or continue waiting. Your place in the queue is kept.",
            (Choice(WAIT_CHOICE, "Continue waiting"),),
        ),
    },
}


@dataclass(frozen=True, slots=True)
class Rung:
    """A step of the wake-up ladder: what is done about a customer who still waits after `after_ms`."""

    kind: RungKind
    after_ms: int


LADDER: Final = (Rung("wake_agents", 30_000), Rung("wake_supervisors", 120_000))
"""The queue itself is at 0. A site with a webhook has one more rung, beside the supervisors'."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Durations in milliseconds. `handoff_limit_ms` None: a customer waits until somebody comes."""

    episode_idle_ms: int = 30 * 60_000
    reopen_same_agent_ms: int = 2 * 60_000
    handoff_limit_ms: int | None = None
    handoff_expiry: Expiry = "bot"
    ladder: tuple[Rung, ...] = LADDER
    notices: Mapping[NoticeCode, Notice] = field(default_factory=lambda: NOTICES["casual"])
