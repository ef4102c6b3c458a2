"""The event log in a SQL database, through SQLAlchemy Core.

Statements are written for whole batches: a transaction that appends for a hundred conversations costs as many
round trips as one that appends for one.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.log_rows import body_row, event_of, event_row, head_columns, head_of, result_row
from handoff.adapters.many import Many
from handoff.adapters.queue_rows import PICKUPS, pickup_rows, timer_rows
from handoff.adapters.schema import (
    bot_dialogues,
    commands,
    conversations,
    event_bodies,
    events,
    pickups,
    reactions,
)
from handoff.adapters.upsert import Upsert
from handoff.domain.conversation import State
from handoff.domain.events import Event
from handoff.domain.waits import Pickup
from handoff.ports import Append, CommandKey, CommandResult, Head, LogTransaction, Opened, Opening

MAX_IDS = 500
"""Ids in one IN list; SQLite allows 32,766 bound values in a statement."""

# Statements are built once: building one anew costs SQLAlchemy more than SQLite takes to run it.
_HEADS = (
    sa.select(conversations.c.id, conversations.c.seq, conversations.c.snapshot, conversations.c.customer)
    .where(conversations.c.id.in_(sa.bindparam("ids", expanding=True)))
    # Ordered, so that two writers never wait for each other in a circle.
    .order_by(conversations.c.id)
)
_HEADS_LOCKED = _HEADS.with_for_update()
_READ = (
    sa.select(events, event_bodies.c.actor_name, event_bodies.c.data)
    .join(
        event_bodies,
        (event_bodies.c.conversation_id == events.c.conversation_id) & (event_bodies.c.seq == events.c.seq),
    )
    .where(events.c.conversation_id == sa.bindparam("conversation"), events.c.seq > sa.bindparam("after"))
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
_INSERT_EVENTS = Many(sa.insert(events), events.c.keys())
_INSERT_BODIES = Many(sa.insert(event_bodies), event_bodies.c.keys())
_INSERT_RESULTS = Many(sa.insert(commands), commands.c.keys())
_INSERT_PICKUPS = Many(sa.insert(pickups), pickups.c.keys())
_FOLLOW_UPS = (
    sa.select(conversations.c.snapshot, conversations.c.customer)
    .where(conversations.c.follow_up_since.is_not(None))
    .order_by(conversations.c.follow_up_since, conversations.c.id)
    .limit(sa.bindparam("most"))
)
_HEAD_COLUMNS: Final = (
    "seq",
    "snapshot",
    "state",
    "holder_id",
    "queue_rank",
    "waiting_since",
    "due_at",
    "updated_at",
    "follow_up_since",
)
_UPDATE_HEADS = Many(
    sa.update(conversations)
    .where(conversations.c.id == sa.bindparam("conversation"))
    .values({name: sa.bindparam(name) for name in _HEAD_COLUMNS}),
    ("conversation", *_HEAD_COLUMNS),
)
_FINISH = (
    sa.update(reactions)
    .where(
        reactions.c.conversation_id == sa.bindparam("c"),
        reactions.c.seq == sa.bindparam("s"),
        reactions.c.kind == sa.bindparam("k"),
    )
    .values(done_at=sa.bindparam("at"))
)
_OPEN_REACTIONS = Upsert(
    reactions,
    key=("conversation_id", "seq", "kind"),
    update=("created_at", "due_at", "leased_by", "leased_until", "attempts", "done_at"),
)


_DIALOGUE = sa.select(bot_dialogues.c.dialogue).where(
    bot_dialogues.c.conversation_id == sa.bindparam("conversation")
)
_CARRY = Upsert(bot_dialogues, key=("conversation_id",), update=("turn", "dialogue"))


def _results_of(asked: sa.FromClause) -> sa.Select[Any]:
    # Joined by the whole key, for which there is an index: `IN` on a part of it, or on a tuple in SQLite, reads
    # all results there are, with every command.
    return sa.select(commands).join_from(
        asked, commands, sa.and_(*(commands.c[name] == asked.c[name] for name in _KEY))
    )


_KEY: Final = ("conversation_id", "actor", "client_id")
_JSON_KEYS = sa.func.json_each(sa.bindparam("keys")).table_valued("value")
_RESULTS_SQLITE = _results_of(
    sa.select(
        *(
            sa.func.json_extract(_JSON_KEYS.c.value, f"$[{place}]").label(name)
            for place, name in enumerate(_KEY)
        )
    ).subquery("asked")
)
_RESULTS_POSTGRESQL = _results_of(
    sa.func.unnest(*(sa.bindparam(name, type_=sa.ARRAY(sa.Text)) for name in _KEY))
    .table_valued(*_KEY, name="asked")
    .render_derived()
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

    async def head(self, conversation_id: str) -> Head | None:
        """See `EventLog.head`."""
        async with reading(self._engine) as connection:
            return (await _read_heads(connection, [conversation_id])).get(conversation_id)

    async def heads(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """See `EventLog.heads`."""
        found: dict[str, int] = {}
        async with reading(self._engine) as connection:
            for chunk in _chunks(conversation_ids):
                query = sa.select(conversations.c.id, conversations.c.seq).where(
                    conversations.c.id.in_(chunk)
                )
                found.update({row.id: row.seq for row in await connection.execute(query)})
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
            sa.select(conversations.c.snapshot, conversations.c.customer)
            .where(conversations.c.state.in_(list(states)))
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
            return [head_of(row) for row in await connection.execute(query)]

    async def follow_ups(self, limit: int) -> list[Head]:
        """See `EventLog.follow_ups`."""
        async with reading(self._engine) as connection:
            return [head_of(row) for row in await connection.execute(_FOLLOW_UPS, {"most": limit})]

    async def pickups(self, since: int, limit: int) -> list[Pickup]:
        """See `EventLog.pickups`."""
        async with reading(self._engine) as connection:
            rows = await connection.execute(PICKUPS, {"since": since, "most": limit})
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
        return await _read_heads(self._connection, conversation_ids, known, lock=True)

    async def results(self, keys: Collection[CommandKey]) -> dict[CommandKey, CommandResult]:
        found: dict[CommandKey, CommandResult] = {}
        wanted = sorted((key.conversation_id, key.actor, key.client_id) for key in set(keys))
        if not wanted:
            return found
        if self._connection.dialect.name == "postgresql":
            columns = zip(_KEY, zip(*wanted, strict=True), strict=True)
            rows = await self._connection.execute(
                _RESULTS_POSTGRESQL, {name: list(values) for name, values in columns}
            )
        else:
            rows = await self._connection.execute(_RESULTS_SQLITE, {"keys": orjson.dumps(wanted).decode()})
        for row in rows:
            key = CommandKey(row.conversation_id, row.actor, row.client_id)
            found[key] = CommandResult(row.digest, row.seq, row.events)
        return found

    async def opened(self, client_ids: Collection[str]) -> dict[str, Opened]:
        found: dict[str, Opened] = {}
        for chunk in _chunks(client_ids):
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
                "id": opening.conversation_id,
                "client_id": opening.client_id,
                "opening_digest": opening.digest,
                "created_at": append.after.at,
                "locale": append.after.locale,
                "customer": orjson.dumps(opening.customer).decode(),
                **head_columns(append),
            },
        )
        await self._insert_events([append])

    async def write(self, appends: Sequence[Append]) -> None:
        if not appends:
            return
        await self._insert_events(appends)
        newest = {append.conversation_id: append for append in appends}
        await _UPDATE_HEADS.run(
            self._connection,
            [{"conversation": a.conversation_id, **head_columns(a)} for a in newest.values()],
        )
        results = [append.result for append in appends if append.result is not None]
        await _INSERT_RESULTS.run(self._connection, [result_row(*r) for r in results])
        await self._write_reactions(appends)
        await _INSERT_PICKUPS.run(self._connection, pickup_rows(appends))
        carried = {a.conversation_id: a.carries for a in appends if a.carries is not None}
        if carried:
            await self._connection.execute(
                _CARRY.on(self._connection),
                [
                    {"conversation_id": c, "turn": kept.turn, "dialogue": kept.dialogue}
                    for c, kept in carried.items()
                ],
            )

    async def _insert_events(self, appends: Sequence[Append]) -> None:
        made = [event for append in appends for event in append.events]
        await _INSERT_EVENTS.run(self._connection, [event_row(event) for event in made])
        await _INSERT_BODIES.run(self._connection, [body_row(event) for event in made])

    async def _write_reactions(self, appends: Sequence[Append]) -> None:
        finished = [
            {"c": a.finishes.conversation_id, "s": a.finishes.seq, "k": a.finishes.kind, "at": a.at}
            for a in appends
            if a.finishes is not None
        ]
        if finished:
            await self._connection.execute(_FINISH, finished)
        opened = [
            {
                "conversation_id": append.conversation_id,
                "seq": turn,
                "kind": "bot_turn",
                "created_at": append.at,
                "due_at": append.at,
                # Whoever appends the first open turn answers it: taking the lease here saves a commit.
                "leased_by": self._worker if turn == append.leased_turn else None,
                "leased_until": append.at + self._lease_ms if turn == append.leased_turn else 0,
                "attempts": 0,
                "done_at": None,
            }
            for append in appends
            for turn in append.turns
        ]
        opened += timer_rows(appends)
        if opened:
            await self._connection.execute(_OPEN_REACTIONS.on(self._connection), opened)


# --- rows -----------------------------------------------------------------------------------------------


async def _read_heads(
    connection: AsyncConnection,
    ids: Collection[str],
    known: Callable[[str], Head | None] = lambda _id: None,
    *,
    lock: bool = False,
) -> dict[str, Head]:
    found: dict[str, Head] = {}
    for chunk in _chunks(ids):
        rows = await connection.execute(_HEADS_LOCKED if lock else _HEADS, {"ids": chunk})
        for row in rows:
            believed = known(row.id)
            found[row.id] = believed if believed and believed.state.seq == row.seq else head_of(row)
    return found


def _chunks(ids: Collection[str]) -> list[list[str]]:
    ordered = sorted(ids)
    return [ordered[start : start + MAX_IDS] for start in range(0, len(ordered), MAX_IDS)]
