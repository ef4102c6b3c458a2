"""The event log in a SQL database, through SQLAlchemy Core.

Statements are written for whole batches: a transaction that appends for a hundred conversations costs as many
round trips as one that appends for one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.asked import Asked
from handoff.adapters.database import reading, writing, writing_at_once
from handoff.adapters.log_heads import SELECT_EVENTS, SELECT_HEADS, chunks, heads_of, read_heads
from handoff.adapters.log_rows import COLUMNS, event_of, head_row, rows_of
from handoff.adapters.log_writes import lock_seqs, write_rows, write_rows_if
from handoff.adapters.schema import bot_dialogues, commands, conversations, events, pickups
from handoff.domain.conversation import State
from handoff.domain.events import Event
from handoff.domain.waits import Pickup
from handoff.ports import (
    Append,
    CommandKey,
    CommandResult,
    Head,
    LogTransaction,
    Opened,
    Opening,
    RunBeforeError,
)

# Statements are built once: building one anew costs SQLAlchemy more than SQLite takes to run it.
_SEQS = sa.select(conversations.c.id, conversations.c.seq).where(
    conversations.c.id.in_(sa.bindparam("ids", expanding=True))
)
_READ = (
    SELECT_EVENTS.where(
        events.c.conversation_id == sa.bindparam("conversation"), events.c.seq > sa.bindparam("after")
    )
    .order_by(events.c.seq)
    .limit(sa.bindparam("most"))
)
_SEQS_IN_STATES = sa.select(conversations.c.id, conversations.c.seq).where(
    conversations.c.state.in_(sa.bindparam("states", expanding=True))
    | conversations.c.follow_up_since.is_not(None)
)
_OPENED = sa.select(conversations.c.client_id, conversations.c.id, conversations.c.opening_digest).where(
    conversations.c.client_id.in_(sa.bindparam("ids", expanding=True))
)
_LOCK_OPENINGS = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtext(sa.column("opening")))).select_from(
    sa.func.unnest(sa.bindparam("ids", type_=sa.ARRAY(sa.Text))).alias("opening")
)
_OPEN = sa.insert(conversations)
_PICKUPS = (
    sa.select(pickups.c.at, pickups.c.waiting_since)
    .where(pickups.c.at >= sa.bindparam("since"))
    .order_by(pickups.c.at.desc())
    .limit(sa.bindparam("most"))
)
_FOLLOW_UPS = (
    SELECT_HEADS.where(conversations.c.follow_up_since.is_not(None))
    .order_by(conversations.c.follow_up_since, conversations.c.id)
    .limit(sa.bindparam("most"))
)
_DIALOGUE = sa.select(bot_dialogues.c.dialogue).where(
    bot_dialogues.c.conversation_id == sa.bindparam("conversation")
)

_KEY: Final = ("conversation_id", "actor", "client_id")
_RESULTS = Asked(
    {name: sa.Text() for name in _KEY},
    lambda asked: sa.select(commands).join_from(
        asked, commands, sa.and_(*(commands.c[name] == asked.c[name] for name in _KEY))
    ),
)


class SqlEventLog:
    """`EventLog` on an engine. `worker` names this process in the leases of the turns it appends."""

    def __init__(self, engine: AsyncEngine, worker: str, lease_ms: int) -> None:
        self._engine = engine
        self._worker = worker
        self._lease_ms = lease_ms

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        """See `EventLog.transaction`."""
        async with writing(self._engine) as connection:
            yield _SqlTransaction(connection, self._worker, self._lease_ms)

    async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
        """See `EventLog.append`."""
        rows = rows_of(appends, self._worker, self._lease_ms)
        try:
            async with writing_at_once(self._engine) as connection:
                return await write_rows_if(connection, rows, seqs)
        except RunBeforeError:
            return False

    async def head(self, conversation_id: str) -> Head | None:
        """See `EventLog.head`."""
        async with reading(self._engine) as connection:
            return (await read_heads(connection, [conversation_id])).get(conversation_id)

    async def heads(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """See `EventLog.heads`."""
        found: dict[str, int] = {}
        async with reading(self._engine) as connection:
            for chunk in chunks(conversation_ids):
                rows = await connection.execute(_SEQS, {"ids": chunk})
                found.update({row.id: row.seq for row in rows})
        return found

    async def read(self, conversation_id: str, after: int, limit: int) -> list[Event]:
        """See `EventLog.read`."""
        given = {"conversation": conversation_id, "after": after, "most": limit}
        async with reading(self._engine) as connection:
            return [event_of(row) for row in await connection.execute(_READ, given)]

    async def dialogue(self, conversation_id: str) -> str | None:
        """See `EventLog.dialogue`."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(_DIALOGUE, {"conversation": conversation_id})
            return rows.scalar_one_or_none()

    async def in_states(self, states: Collection[State], limit: int) -> list[Head]:
        """See `EventLog.in_states`."""
        query = (
            SELECT_HEADS.where(conversations.c.state.in_(list(states)))
            .order_by(
                # Said, because databases differ: those who do not wait come last.
                conversations.c.waiting_since.is_(None),
                conversations.c.queue_rank,
                conversations.c.waiting_since,
                conversations.c.id,
            )
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return await heads_of(connection, (await connection.execute(query)).all())

    async def follow_ups(self, limit: int) -> list[Head]:
        """See `EventLog.follow_ups`."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(_FOLLOW_UPS, {"most": limit})
            return await heads_of(connection, rows.all())

    async def pickups(self, since: int, limit: int) -> list[Pickup]:
        """See `EventLog.pickups`."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(_PICKUPS, {"since": since, "most": limit})
            return [Pickup(row.at, row.waiting_since) for row in rows]

    async def seqs_in_states(self, states: Collection[State]) -> dict[str, int]:
        """See `EventLog.seqs_in_states`."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(_SEQS_IN_STATES, {"states": sorted(states)})
            return {row.id: row.seq for row in rows}

    async def held_by(self, agent_id: str) -> list[str]:
        """See `EventLog.held_by`."""
        query = sa.select(conversations.c.id).where(conversations.c.holder_id == agent_id)
        async with reading(self._engine) as connection:
            return list((await connection.execute(query)).scalars())

    async def due(self, now: int, limit: int) -> list[str]:
        """See `EventLog.due`."""
        query = (
            sa.select(conversations.c.id)
            .where(conversations.c.due_at <= now)
            .order_by(conversations.c.due_at)
            .limit(limit)
        )
        async with reading(self._engine) as connection:
            return list((await connection.execute(query)).scalars())


class _SqlTransaction:
    """`LogTransaction` on an open connection."""

    def __init__(self, connection: AsyncConnection, worker: str, lease_ms: int) -> None:
        self._connection = connection
        self._worker = worker
        self._lease_ms = lease_ms

    async def lock(
        self, conversation_ids: Collection[str], known: Callable[[str], Head | None] = lambda _id: None
    ) -> dict[str, Head]:
        found: dict[str, Head] = {}
        others = []
        for conversation_id, seq in await lock_seqs(self._connection, conversation_ids):
            believed = known(conversation_id)
            if believed is not None and believed.state.seq == seq:
                found[conversation_id] = believed
            else:
                others.append(conversation_id)
        return found | await read_heads(self._connection, others) if others else found

    async def results(self, keys: Collection[CommandKey]) -> dict[CommandKey, CommandResult]:
        found: dict[CommandKey, CommandResult] = {}
        if not keys:
            return found
        rows = await _RESULTS.about(self._connection, sorted(set(keys)))
        for row in rows:
            key = CommandKey(row.conversation_id, row.actor, row.client_id)
            found[key] = CommandResult(row.digest, row.seq, row.events)
        return found

    async def opened(self, client_ids: Collection[str]) -> dict[str, Opened]:
        found: dict[str, Opened] = {}
        for chunk in chunks(client_ids):
            if self._connection.dialect.name == "postgresql":
                # What is not there yet cannot be locked as a row. SQLite has one writer at a time anyway.
                await self._connection.execute(_LOCK_OPENINGS, {"ids": chunk})
            rows = await self._connection.execute(_OPENED, {"ids": chunk})
            found.update({row.client_id: Opened(row.id, row.opening_digest) for row in rows})
        return found

    async def open(self, opening: Opening, append: Append) -> None:
        await self._connection.execute(
            _OPEN,
            {
                "client_id": opening.client_id,
                "opening_digest": opening.digest,
                "created_at": append.after.at,
                "locale": append.after.locale,
                "customer": orjson.dumps(opening.customer).decode(),
                **dict(zip(COLUMNS["heads"], head_row(append), strict=True)),
            },
        )
        rows = rows_of([append], self._worker, self._lease_ms)
        rows.heads.clear()
        await write_rows(self._connection, rows)

    async def write(self, appends: Sequence[Append]) -> None:
        await write_rows(self._connection, rows_of(appends, self._worker, self._lease_ms))
