"""One conversation of the recorded relay: its log, and the copies that its readers see."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from fastapi import WebSocket

Json = dict[str, Any]
HIDDEN_FROM_CUSTOMERS = {"agent.noted", "bot.reply_discarded", "contact.followed_up", "handoff.alerted"}


@dataclass
class Talk:
    """One conversation: its log and what the pages are told beside it."""

    id: str
    events: list[Json] = field(default_factory=list)
    state: str = "bot"
    holder: Json | None = None
    acks: dict[str, int] = field(default_factory=dict)
    customer: Json = field(default_factory=dict)
    seen: int = 0
    waiting_since: str | None = None
    reason: str | None = None
    group: str | None = None
    alert: str | None = None
    follow_up: Json | None = None
    sockets: list[WebSocket] = field(default_factory=list)

    def visible(self, event: Json) -> bool:
        """Whether a customer is shown it."""
        return event["kind"] not in HIDDEN_FROM_CUSTOMERS

    def wire(self, *, customer: bool) -> list[Json]:
        """The log as one reader sees it, each event with the one before it that the reader saw."""
        out: list[Json] = []
        prev = 0
        for event in self.events:
            if customer and not self.visible(event):
                continue
            data = dict(event["data"])
            if customer and event["kind"] == "handoff.requested":
                data.pop("evidence", None)
                data.pop("summary", None)
            out.append({**event, "data": data, "prev": prev})
            prev = event["seq"]
        return out

    def item(self) -> Json:
        """Its line in the inbox."""
        said = [e["data"]["text"] for e in self.events if e["kind"] == "customer.said"]
        return {
            "conversation_id": self.id,
            "state": self.state,
            "position": None,
            "waiting_since": self.waiting_since,
            "reason": self.reason,
            "priority": 0,
            "customer": {"verified": False, **self.customer},
            "preview": said[-1][:140] if said else "",
            "holder": self.holder,
            "group": self.group,
            "alert": self.alert,
            "follow_up": self.follow_up,
            "due": {},
        }
