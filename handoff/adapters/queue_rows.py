"""What the queue keeps beside the log: timers of waits that began, and the waits that ended in a pick-up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from handoff.adapters.schema import pickups
from handoff.ports import Append

PICKUPS = (
    sa.select(pickups.c.at, pickups.c.waiting_since)
    .where(pickups.c.at >= sa.bindparam("since"))
    .order_by(pickups.c.at.desc())
    .limit(sa.bindparam("most"))
)


def timer_rows(appends: Sequence[Append]) -> list[dict[str, Any]]:
    """Rows of `reactions` that nobody holds yet."""
    return [
        {
            "conversation_id": append.conversation_id,
            "seq": append.after.seq,
            "kind": timer.kind,
            "created_at": append.at,
            "due_at": timer.due_at,
            "leased_by": None,
            "leased_until": 0,
            "attempts": 0,
            "done_at": None,
        }
        for append in appends
        for timer in append.timers
    ]


def pickup_rows(appends: Sequence[Append]) -> list[dict[str, Any]]:
    """Rows of `pickups`."""
    return [
        {
            "conversation_id": append.conversation_id,
            "seq": append.after.seq,
            "at": append.pickup.at,
            "waiting_since": append.pickup.waiting_since,
        }
        for append in appends
        if append.pickup is not None
    ]
