"""What the relay sends, as UTF-8 text. An event is encoded once for all the readers who may see the same copy."""

from __future__ import annotations

from collections import OrderedDict
from typing import Any, Final, Literal

import orjson

from handoff.domain.errors import HandoffError
from handoff.domain.events import CUSTOMER_OMITS, Actor, AgentSaid, CustomerSaid, Event, to_data
from handoff.wire.times import rfc3339

AT_HAND: Final = 2048
"""Frames kept: an event is sent within milliseconds of its commit, and a frame may have 8 kB."""
Audience = Literal["customer", "agent", "author"]
"""`author` is the agent who said it: only they are shown their own client_id."""


def frame(type_: str, **fields: Any) -> bytes:
    """A frame as the text of one WebSocket message."""
    # Copied, because frames wait and are kept: orjson leaves up to eight times their length allocated behind them.
    return bytes(memoryview(orjson.dumps({"type": type_, **fields})))


def error_body(error: HandoffError) -> dict[str, Any]:
    """The one shape of every error answer."""
    return {"error": error.to_json()}


def actor_json(actor: Actor) -> dict[str, Any]:
    """An actor as the protocol shows it."""
    shown: dict[str, Any] = {"type": actor.type}
    if actor.id is not None:
        shown["id"] = actor.id
    if actor.name is not None:
        shown["name"] = actor.name
    return shown


def event_json(event: Event, audience: Audience) -> dict[str, Any]:
    """The copy of an event that `audience` may see."""
    payload = event.payload
    kind = payload.KIND
    data = to_data(payload)
    if audience == "customer":
        for omitted in CUSTOMER_OMITS.get(kind, ()):
            data.pop(omitted, None)
    elif kind == CustomerSaid.KIND or (kind == AgentSaid.KIND and audience != "author"):
        data.pop("client_id", None)
    return {
        "seq": event.seq,
        "prev": event.customer_prev if audience == "customer" else event.seq - 1,
        "id": event.id,
        "at": rfc3339(event.at),
        "kind": kind,
        "actor": actor_json(event.actor),
        "data": data,
    }


def audience_of(event: Event, agent_id: str | None) -> Audience:
    """Which copy the reader gets; `agent_id` None is the customer."""
    if agent_id is None:
        return "customer"
    return "author" if event.actor.id == agent_id else "agent"


class EventEncoder:
    """Event frames, kept for the readers to come."""

    def __init__(self) -> None:
        self._frames: OrderedDict[tuple[str, Audience], bytes] = OrderedDict()

    def frame(self, event: Event, agent_id: str | None) -> bytes:
        """The `event` frame for a customer (`agent_id` None) or an agent."""
        audience = audience_of(event, agent_id)
        key = (event.id, audience)
        known = self._frames.get(key)
        if known is not None:
            return known
        body = event_json(event, audience)
        if audience == "customer":
            text = frame("event", event=body)
        else:
            text = frame("event", conversation_id=event.conversation_id, event=body)
        self._frames[key] = text
        if len(self._frames) > AT_HAND:
            self._frames.popitem(last=False)
        return text
