"""Heads of conversations from their snapshots and what has happened since."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.asked import Asked
from handoff.adapters.log_rows import customer_of, event_of, state_of
from handoff.adapters.schema import conversations, event_bodies, events, snapshots
from handoff.domain.conversation import apply
from handoff.ports import Head

MAX_IDS: Final = 500
"""Ids in one IN list; SQLite allows 32,766 bound values in a statement."""

SELECT_HEADS: Final = sa.select(
    conversations.c.id,
    conversations.c.seq,
    conversations.c.customer,
    snapshots.c.seq.label("snapshot_seq"),
    snapshots.c.data.label("snapshot"),
).join_from(conversations, snapshots, snapshots.c.conversation_id == conversations.c.id)
"""What `heads_of` takes. Narrow it down as it is needed."""

SELECT_EVENTS: Final = sa.select(events, event_bodies.c.actor_name, event_bodies.c.data).join_from(
    events,
    event_bodies,
    event_bodies.c.id == events.c.id,
)
"""What `event_of` takes."""

# Statements are built once: building one anew costs SQLAlchemy more than SQLite takes to run it.
_BY_ID = SELECT_HEADS.where(conversations.c.id.in_(sa.bindparam("ids", expanding=True)))
_SINCE = Asked(
    {"conversation_id": sa.Text(), "after": sa.Integer()},
    lambda asked: SELECT_EVENTS.join(
        asked, (events.c.conversation_id == asked.c.conversation_id) & (events.c.seq > asked.c.after)
    ).order_by(events.c.conversation_id, events.c.seq),
)


async def read_heads(connection: AsyncConnection, ids: Collection[str]) -> dict[str, Head]:
    """The heads of these conversations; unknown ids are left out."""
    found: dict[str, Head] = {}
    for chunk in chunks(ids):
        rows = (await connection.execute(_BY_ID, {"ids": chunk})).all()
        found.update({head.state.id: head for head in await heads_of(connection, rows)})
    return found


async def heads_of(connection: AsyncConnection, rows: Sequence[Any]) -> list[Head]:
    """Heads from rows of `SELECT_HEADS`, in their order, and as new as the log is now."""
    states = {row.id: state_of(row.snapshot) for row in rows}
    behind = [(row.id, row.snapshot_seq) for row in rows if row.snapshot_seq < row.seq]
    if behind:
        for row in await _SINCE.about(connection, behind):
            states[row.conversation_id] = apply(states[row.conversation_id], event_of(row))
    return [Head(states[row.id], customer_of(row.customer)) for row in rows]


def chunks(ids: Collection[str]) -> list[list[str]]:
    """The ids in order, `MAX_IDS` at a time."""
    ordered = sorted(ids)
    return [ordered[start : start + MAX_IDS] for start in range(0, len(ordered), MAX_IDS)]
