"""Rows of the log's tables, to and from what the relay works with."""

from __future__ import annotations

from typing import Any

import orjson
import sqlalchemy as sa

from handoff.domain.conversation import Conversation, from_snapshot
from handoff.domain.events import Actor, Event, from_data, to_data
from handoff.ports import Append, CommandKey, CommandResult, Customer, Head


def head_of(row: Any) -> Head:
    """A conversation's head from its row."""
    return Head(from_snapshot(orjson.loads(row.snapshot)), Customer(**orjson.loads(row.customer)))


def head_columns(append: Append) -> dict[str, Any]:
    """What an append makes of the conversation's row."""
    state: Conversation = append.after
    return {
        "seq": state.seq,
        "snapshot": orjson.dumps(state).decode(),
        "state": state.state,
        "holder_id": state.holder_id,
        "queue_rank": state.queue_rank,
        "waiting_since": state.waiting_since,
        "due_at": append.due_at,
        "updated_at": append.at,
        "follow_up_since": state.follow_up.at if state.follow_up is not None else None,
    }


def result_row(key: CommandKey, result: CommandResult) -> dict[str, Any]:
    """A row of `commands`."""
    return {
        "conversation_id": key.conversation_id,
        "actor": key.actor,
        "client_id": key.client_id,
        "digest": result.digest,
        "seq": result.seq,
        "events": result.events,
    }


def event_row(event: Event) -> dict[str, Any]:
    """A row of `events`."""
    return {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "id": event.id,
        "at": event.at,
        "kind": event.kind,
        "actor_type": event.actor.type,
        "actor_id": event.actor.id,
        "customer_prev": event.customer_prev,
    }


def body_row(event: Event) -> dict[str, Any]:
    """A row of `event_bodies`: what was said, apart from that it was."""
    return {
        "conversation_id": event.conversation_id,
        "seq": event.seq,
        "actor_name": event.actor.name,
        "data": orjson.dumps(to_data(event.payload)).decode(),
    }


def event_of(row: sa.Row[Any]) -> Event:
    """An event from its row and the body's."""
    return Event(
        conversation_id=row.conversation_id,
        seq=row.seq,
        id=row.id,
        at=row.at,
        actor=Actor(row.actor_type, row.actor_id, row.actor_name),
        payload=from_data(row.kind, orjson.loads(row.data)),
        customer_prev=row.customer_prev,
    )
