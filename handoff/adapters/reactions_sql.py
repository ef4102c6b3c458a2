"""Reactions and their leases in a SQL database."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import reactions
from handoff.ports import Backlog, Reaction

TURNS: Final = ("bot_turn",)
_earlier = reactions.alias("earlier")
_OPEN = (
    sa.select(reactions)
    .where(
        reactions.c.done_at.is_(None),
        reactions.c.kind.in_(sa.bindparam("kinds", expanding=True)),
        reactions.c.due_at <= sa.bindparam("now"),
        reactions.c.leased_until <= sa.bindparam("now"),
        # The first of its conversation, so that turns stay in order and one is out at a time.
        ~sa.exists().where(
            _earlier.c.conversation_id == reactions.c.conversation_id,
            _earlier.c.kind == reactions.c.kind,
            _earlier.c.done_at.is_(None),
            _earlier.c.seq < reactions.c.seq,
        ),
    )
    .order_by(reactions.c.due_at)
)
_ANY_OPEN = _OPEN.limit(1)
_takeable = _OPEN.order_by(None).subquery()
_BACKLOG = sa.select(
    sa.select(sa.func.count())
    .select_from(reactions)
    .where(reactions.c.done_at.is_(None), reactions.c.kind.in_(sa.bindparam("kinds", expanding=True)))
    .scalar_subquery(),
    sa.func.count(),
    sa.func.min(_takeable.c.due_at),
).select_from(_takeable)
_FREE = (
    sa.select(reactions.c.conversation_id, reactions.c.seq, reactions.c.kind)
    .where(reactions.c.leased_by == sa.bindparam("worker"), reactions.c.done_at.is_(None))
    .with_for_update(skip_locked=True)
)
_TAKE = _OPEN.limit(sa.bindparam("most")).with_for_update(skip_locked=True)


class SqlReactions:
    """`ReactionQueue` of the reactions of `kinds`, on an engine."""

    def __init__(self, engine: AsyncEngine, kinds: Collection[str] = TURNS) -> None:
        self._engine = engine
        self._kinds = sorted(kinds)

    async def take(self, worker: str, now: int, lease_ms: int, limit: int) -> list[Reaction]:
        """See `ReactionQueue.take`."""
        due = {"now": now, "kinds": self._kinds}
        # Looked at without a lock first: most polls find nothing and must not queue up behind the writers.
        async with reading(self._engine) as connection:
            if (await connection.execute(_ANY_OPEN, due)).first() is None:
                return []
        async with writing(self._engine) as connection:
            rows = (await connection.execute(_TAKE, {**due, "most": limit})).all()
            for row in rows:
                await connection.execute(
                    sa.update(reactions)
                    .where(_is(row))
                    .values(leased_by=worker, leased_until=now + lease_ms, attempts=row.attempts + 1)
                )
        return [
            Reaction(row.conversation_id, row.seq, row.kind, row.created_at, row.attempts + 1) for row in rows
        ]

    async def renew(self, worker: str, held: Sequence[Reaction], until: int) -> None:
        """See `ReactionQueue.renew`."""
        if not held:
            return
        async with writing(self._engine) as connection:
            # Those that somebody holds are being finished. Waiting for them, with others locked here, could be waiting
            # in a circle: the append that finishes them may wait for these others.
            rows = (await connection.execute(_FREE, {"worker": worker})).all()
            free = {(row.conversation_id, row.seq, row.kind) for row in rows}
            for reaction in held:
                if (reaction.conversation_id, reaction.seq, reaction.kind) in free:
                    await connection.execute(self._mine(worker, reaction).values(leased_until=until))

    async def finish(self, worker: str, reaction: Reaction, now: int) -> None:
        """See `ReactionQueue.finish`."""
        async with writing(self._engine) as connection:
            await connection.execute(self._mine(worker, reaction).values(done_at=now))

    async def release(self, worker: str, reaction: Reaction, due_at: int) -> None:
        """See `ReactionQueue.release`."""
        async with writing(self._engine) as connection:
            await connection.execute(self._mine(worker, reaction).values(due_at=due_at, leased_until=0))

    async def release_all(self, worker: str) -> None:
        """See `ReactionQueue.release_all`."""
        mine = sa.update(reactions).where(reactions.c.leased_by == worker, reactions.c.done_at.is_(None))
        async with writing(self._engine) as connection:
            await connection.execute(mine.values(leased_until=0))

    async def backlog(self, now: int) -> Backlog:
        """See `ReactionQueue.backlog`."""
        async with reading(self._engine) as connection:
            open_, due, oldest = (
                await connection.execute(_BACKLOG, {"kinds": self._kinds, "now": now})
            ).one()
        return Backlog(open_, due, 0 if oldest is None else now - oldest)

    def _mine(self, worker: str, reaction: Reaction) -> sa.Update:
        return sa.update(reactions).where(
            _is(reaction),
            reactions.c.leased_by == worker,
            # Opened again since it was taken, it is another piece of work, even where this process has its lease.
            reactions.c.created_at == reaction.created_at,
        )


def _is(reaction: Reaction | sa.Row[tuple[object, ...]]) -> sa.ColumnElement[bool]:
    return sa.and_(
        reactions.c.conversation_id == reaction.conversation_id,
        reactions.c.seq == reaction.seq,
        reactions.c.kind == reaction.kind,
    )
