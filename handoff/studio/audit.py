"""Who did what that customers can notice: published, rolled back, put on trial, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import audit
from handoff.ports import Clock
from handoff.wire.times import rfc3339

PAGE: Final = 200
"""Entries in one answer, at most."""


class Audit:
    """The audit log. Entries are only ever added."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def note(
        self,
        by: str,
        action: str,
        subject: str,
        why: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry in a transaction of its own. Raises `StorageUnavailable`."""
        async with writing(self._engine) as connection:
            await self.note_in(connection, by, action, subject, why=why, data=data)

    async def note_in(
        self,
        connection: AsyncConnection,
        by: str,
        action: str,
        subject: str,
        *,
        why: str | None = None,
        data: Mapping[str, Any] | None = None,
    ) -> None:
        """Add an entry to what a transaction writes."""
        row = {
            "at": self._clock.now_ms(),
            "by": by,
            "action": action,
            "subject": subject[:200],
            "why": why,
            "data": orjson.dumps(dict(data or {})).decode(),
        }
        await connection.execute(audit.insert().values(row))

    async def entries(self, *, before: int | None = None, limit: int = 50) -> list[dict[str, Any]]:
        """The newest entries, or those before the one with id `before`, newest first."""
        query = sa.select(audit).order_by(audit.c.id.desc()).limit(min(limit, PAGE))
        if before is not None:
            query = query.where(audit.c.id < before)
        async with reading(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return [
            {
                "id": row.id,
                "at": rfc3339(row.at),
                "by": row.by,
                "action": row.action,
                "subject": row.subject,
                "why": row.why,
                "data": orjson.loads(row.data),
            }
            for row in rows
        ]
