"""Who takes part in the interleavings, what each may send, and what is noted of each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hypothesis import strategies as st

from handoff.domain.events import CUSTOMER, Actor
from handoff.relay.cursor import Cursor
from handoff.relay.session import SessionLimits

CNV = "cnv_1"
ANA, BEN, SUE = (Actor("agent", f"usr_{name.lower()}", name) for name in ("Ana", "Ben", "Sue"))
PEOPLE = (CUSTOMER, ANA, BEN, SUE)
AGENTS = st.sampled_from((ANA, BEN, SUE))
LIMITS = SessionLimits(rate=1e6, burst=1_000_000)
HIDDEN_FROM_CUSTOMER = ("agent.noted", "bot.reply_discarded")
FINAL = ("ack", "nack")

words = st.sampled_from(("Where is it?", "Hello", "Still there?"))
choices = st.sampled_from(("human", "relay:ask_bot", "relay:wait", "elsewhere"))
customer_frames = st.sampled_from(
    (
        {"type": "request_human"},
        {"type": "cancel_handoff"},
        {"type": "end"},
        {"type": "leave_contact", "email": "kim@example.org"},
        {"type": "rate", "metric": "csat", "score": 5},
    )
)
agent_frames = st.sampled_from(
    (
        {"type": "claim"},
        {"type": "say", "text": "I can help."},
        {"type": "say", "text": "One moment."},
        {"type": "claim", "takeover": True},
        {"type": "note", "text": "A regular."},
        {"type": "transfer", "to": {}},
        {"type": "return_to_bot", "outcome": "solved"},
        {"type": "close", "after": 0},
        {"type": "close", "after": 10_000},
    )
)
AT_ONCE = st.booleans()
"""Whether a command reaches the door by itself, before anything else does."""


@dataclass
class Reader:
    """What one reader was sent, and where its cursor stands."""

    agent_id: str | None
    got: list[dict[str, Any]] = field(default_factory=list)
    cursor: Cursor | None = None

    @property
    def held(self) -> int:
        """The `seq` that it would reconnect with."""
        return self.got[-1]["seq"] if self.got else 0


@dataclass
class Sent:
    """A command as a client sent it, and every final answer that it got."""

    actor: Actor
    frame: dict[str, Any]
    answers: list[dict[str, Any]] = field(default_factory=list)
