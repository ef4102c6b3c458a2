"""Read cursors and agents' leases in a SQL database."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import agent_leases, conversations, read_cursors
from handoff.adapters.upsert import Upsert

# Compared inside the statement: two processes may move one cursor at once.
_MOVE = Upsert(read_cursors, key=("conversation_id", "actor"), update=("seq",), only_if_more="seq")
_RENEW = Upsert(agent_leases, key=("agent_id",), update=("leased_until",))


class SqlCursors:
    """`Cursors` on an engine."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    async def seen(self, conversation_id: str) -> dict[str, int]:
        """See `Cursors.seen`."""
        query = sa.select(read_cursors.c.actor, read_cursors.c.seq).where(
            read_cursors.c.conversation_id == conversation_id
        )
        async with reading(self._engine) as connection:
            return {row.actor: row.seq for row in await connection.execute(query)}

    async def see(self, conversation_id: str, actor: str, seq: int) -> bool:
        """See `Cursors.see`."""
        if seq < 1:
            return False
        row = {"conversation_id": conversation_id, "actor": actor, "seq": seq}
        async with writing(self._engine) as connection:
            moved = await connection.execute(_MOVE.on(connection), row)
            return moved.rowcount > 0

    async def renew_agents(self, agent_ids: Collection[str], until: int) -> None:
        """See `Cursors.renew_agents`."""
        if not agent_ids:
            return
        async with writing(self._engine) as connection:
            rows = [{"agent_id": agent_id, "leased_until": until} for agent_id in sorted(agent_ids)]
            await connection.execute(_RENEW.on(connection), rows)

    async def lost_agents(self, now: int) -> list[str]:
        """See `Cursors.lost_agents`."""
        query = (
            sa.select(conversations.c.holder_id)
            .distinct()
            .join(agent_leases, agent_leases.c.agent_id == conversations.c.holder_id, isouter=True)
            .where(
                conversations.c.holder_id.is_not(None),
                sa.func.coalesce(agent_leases.c.leased_until, 0) <= now,
            )
        )
        async with reading(self._engine) as connection:
            return [row for row in (await connection.execute(query)).scalars() if row is not None]
