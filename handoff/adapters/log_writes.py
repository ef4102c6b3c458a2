# ruff: noqa: S608 - statements are made of the names in `COLUMNS` alone
"""What is asked and written with every message, as the databases take it cheapest.

SQLite runs one prepared statement for many rows; PostgreSQL gets the columns as arrays, and all tables in one statement.
A text that is the same for one conversation and for fifty is planned once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

import orjson
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.log_rows import COLUMNS, Row, Rows
from handoff.ports import RunBeforeError

_LOCK_SQLITE: Final = "SELECT id, seq FROM conversations WHERE id IN (SELECT value FROM json_each(?))"
_LOCK_POSTGRESQL: Final = (
    "SELECT id, seq FROM conversations WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
)
_TABLES: Final = {"heads": "conversations", "moved": "conversations", "finished": "reactions"}
"""Where the rows of a part go that has not its table's name: what they change is there already."""
_KEYS: Final = {
    "commands": ("conversation_id", "actor", "client_id"),
    "snapshots": ("conversation_id",),
    "heads": ("id",),
    "moved": ("id",),
    "finished": ("conversation_id", "seq", "kind"),
    "reactions": ("conversation_id", "seq", "kind"),
    "bot_dialogues": ("conversation_id",),
    "asked": ("conversation_id", "turn"),
    "reply_feedback": ("conversation_id", "seq"),
}
_OVERWRITING: Final = ("snapshots", "reactions", "bot_dialogues", "asked", "reply_feedback")
_INTEGERS: Final = (
    "seq",
    "customer_prev",
    "events",
    "queue_rank",
    "attempts",
    "turn",
    "reply_seq",
    "episode",
    "revision",
    "rejects",
    "reasons",
)
_MILLIS: Final = (
    "at",
    "waiting_since",
    "due_at",
    "updated_at",
    "follow_up_since",
    "created_at",
    "leased_until",
    "done_at",
)
_FLOATS: Final = ("confidence", "threshold", "frustration")
_BOOLEANS: Final = ("question", "helpful")
_ARRAYS: Final = {
    **dict.fromkeys(_INTEGERS, "int[]"),
    **dict.fromkeys(_MILLIS, "bigint[]"),
    **dict.fromkeys(_FLOATS, "float8[]"),
    **dict.fromkeys(_BOOLEANS, "bool[]"),
}
"""The types of PostgreSQL's arrays by column; the others are texts."""
_DEADLOCK: Final = "40P01"
_WORDS: Final = ("commands", "events", "event_bodies", "snapshots", "moved")
"""The parts of what customer and agent say to each other. PostgreSQL has one statement for these and one for all: a
text for each choice of parts would be planned anew again and again."""


async def lock_seqs(connection: AsyncConnection, ids: Collection[str]) -> Sequence[tuple[str, int]]:
    """Lock these conversations against other writers: id and `seq` of those that are there."""
    # Ordered, so that two writers never wait for each other in a circle.
    ordered = sorted(ids)
    if connection.dialect.name == "postgresql":
        rows = await connection.exec_driver_sql(_LOCK_POSTGRESQL, (ordered,))
        return [(row.id, row.seq) for row in rows]
    return _lock_in_sqlite(connection, ordered)


async def write_rows(connection: AsyncConnection, rows: Rows) -> None:
    """Write them, in the transaction that is open.

    Raises:
        RunBeforeError: one of the commands has a result already.
    """
    parts = _parts(rows)
    if not parts:
        return
    if connection.dialect.name == "postgresql":
        names = _stated(parts)
        text = _postgresql(names, guarded=False)
        new = (await connection.exec_driver_sql(text, tuple(_columns(parts, names)))).scalar_one()
    else:
        new = _write_to_sqlite(connection, parts)
    if new != len(rows.commands):
        raise RunBeforeError


async def write_rows_if(connection: AsyncConnection, rows: Rows, seqs: Mapping[str, int]) -> bool:
    """Write them if each of these conversations has that `seq` and none of the commands has a result; else nothing.

    On PostgreSQL this is one statement that wants a connection without a transaction: a transaction of its own, for
    which the server is asked once.

    Raises:
        RunBeforeError: on SQLite, one of the commands has a result already; give the transaction up.
    """
    ids = sorted(seqs)
    if connection.dialect.name != "postgresql":
        if dict(_lock_in_sqlite(connection, ids)) != dict(seqs):
            return False
        await write_rows(connection, rows)
        return True
    parts = _parts(rows)
    names = _stated(parts)
    given = (ids, [seqs[known] for known in ids], *_columns(parts, names))
    try:
        return bool((await connection.exec_driver_sql(_postgresql(names, guarded=True), given)).scalar_one())
    except IntegrityError:
        # Another relay stored the same command after this statement had looked for it.
        return False
    except DBAPIError as failure:
        if getattr(failure.orig, "sqlstate", None) != _DEADLOCK:
            raise
        # The server chose this statement to end a circle, and nothing was written: worth another try, on the long way.
        return False


def _lock_in_sqlite(connection: AsyncConnection, ids: Sequence[str]) -> Sequence[tuple[str, int]]:
    return _driver_of(connection).execute(_LOCK_SQLITE, (orjson.dumps(ids).decode(),)).fetchall()


def _parts(rows: Rows) -> dict[str, list[Row]]:
    return {name: found for name in COLUMNS if (found := getattr(rows, name))}


def _stated(parts: Mapping[str, object]) -> tuple[str, ...]:
    """The parts that PostgreSQL's statement for these has, some of them empty."""
    return _WORDS if parts.keys() <= set(_WORDS) else tuple(COLUMNS)


def _columns(parts: Mapping[str, Sequence[Row]], names: Sequence[str]) -> Iterator[Sequence[Any]]:
    for name in names:
        found = parts.get(name)
        yield from zip(*found, strict=True) if found else ((),) * len(COLUMNS[name])


def _write_to_sqlite(connection: AsyncConnection, parts: dict[str, list[Row]]) -> int:
    """Says how many commands were new."""
    cursor = _driver_of(connection)
    new = 0
    for name, found in parts.items():
        cursor.executemany(_SQLITE[name], found)
        if name == "commands":
            new = cursor.rowcount
    return new


def _driver_of(connection: AsyncConnection) -> sqlite3.Cursor:
    """SQLite's own cursor: nothing in these statements waits, see sqlite_dialect.py."""
    assert connection.sync_connection is not None, "it is open"
    # SQLAlchemy types only the part that all drivers share.
    driver: object = connection.sync_connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    return driver.cursor(sqlite3.Cursor)


def _insert(name: str, rows: str) -> str:
    return f"INSERT INTO {name} ({', '.join(COLUMNS[name])}) {rows} {_on_conflict(name)}"


def _on_conflict(name: str) -> str:
    if name == "commands":
        # Passed over and counted: a repeat is nothing that a database's own log should call an error.
        return "ON CONFLICT DO NOTHING"
    if name not in _OVERWRITING:
        return ""
    changes = ", ".join(f"{column} = excluded.{column}" for column in _changed(name))
    return f"ON CONFLICT ({', '.join(_KEYS[name])}) DO UPDATE SET {changes}"


def _changed(name: str) -> list[str]:
    return [column for column in COLUMNS[name] if column not in _KEYS[name]]


def _sqlite(name: str) -> str:
    names = COLUMNS[name]
    if name not in _TABLES:
        return _insert(name, f"VALUES ({', '.join('?' for _ in names)})")
    # Numbered by its place in a row.
    place = {column: f"?{number}" for number, column in enumerate(names, start=1)}
    changes = ", ".join(f"{column} = {place[column]}" for column in _changed(name))
    where = " AND ".join(f"{column} = {place[column]}" for column in _KEYS[name])
    return f"UPDATE {_TABLES[name]} SET {changes} WHERE {where}"


@lru_cache
def _postgresql(names: tuple[str, ...], *, guarded: bool) -> str:
    """One statement for these parts. No part sees what another writes, and none needs to.

    It says how many commands were new. `guarded`, its first two arrays are ids of conversations and their seqs, it
    writes nothing unless they are right and no command has a result, and it says whether it wrote.
    """
    parts: dict[str, str] = {}
    first = 3 if guarded else 1
    only_if = "WHERE (SELECT ok FROM may)" if guarded else ""
    sources = {}
    for name in names:
        arrays = (f"${first + n}::{_ARRAYS.get(column, 'text[]')}" for n, column in enumerate(COLUMNS[name]))
        sources[name] = f"unnest({', '.join(arrays)}) AS new ({', '.join(COLUMNS[name])})"
        first += len(COLUMNS[name])
    if guarded:
        # The snapshot in which results are looked for may be older than the lock, but a command that another relay
        # has stored since has moved its conversation's seq, or meets the table's key.
        parts["held"] = (
            "SELECT known.id FROM conversations JOIN unnest($1::text[], $2::int[]) AS known (id, seq) "
            "ON conversations.id = known.id AND conversations.seq = known.seq "
            "ORDER BY conversations.id FOR UPDATE OF conversations"
        )
        parts["run"] = (
            f"SELECT FROM commands JOIN {sources['commands']} USING ({', '.join(_KEYS['commands'])})"
        )
        parts["may"] = (
            "SELECT (SELECT count(*) FROM held) = cardinality($1::text[]) AND NOT EXISTS (SELECT FROM run) AS ok"
        )
    for name, source in sources.items():
        part = f"written_{name}"
        if name in _TABLES:
            table = _TABLES[name]
            changes = ", ".join(f"{column} = new.{column}" for column in _changed(name))
            where = " AND ".join(f"{table}.{column} = new.{column}" for column in _KEYS[name])
            also = "AND (SELECT ok FROM may)" if guarded else ""
            parts[part] = f"UPDATE {table} SET {changes} FROM {source} WHERE {where} {also}"
        elif guarded and name == "commands":
            columns = ", ".join(COLUMNS[name])
            parts[part] = f"INSERT INTO {name} ({columns}) SELECT * FROM {source} {only_if}"
        else:
            parts[part] = _insert(name, f"SELECT * FROM {source} {only_if}")
            if name == "commands":
                parts[part] += " RETURNING 1"
    told = "SELECT ok FROM may" if guarded else "SELECT count(*) FROM written_commands"
    return f"WITH {', '.join(f'{part} AS ({text})' for part, text in parts.items())} {told}"


_SQLITE: Final = {name: _sqlite(name) for name in COLUMNS}
