# ruff: noqa: S608 - statements are made of the names in `COLUMNS` alone
"""What is asked and written with every message, as the databases take it cheapest.

SQLite runs one prepared statement for many rows; PostgreSQL gets the columns as arrays, and all tables in one statement.
A text that is the same for one conversation and for fifty is planned once.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from functools import lru_cache
from typing import Final

import orjson
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.log_rows import COLUMNS, Row, Rows
from handoff.ports import RunBeforeError

_LOCK_SQLITE: Final = "SELECT id, seq FROM conversations WHERE id IN (SELECT value FROM json_each(?))"
_LOCK_POSTGRESQL: Final = (
    "SELECT id, seq FROM conversations WHERE id = ANY($1::text[]) ORDER BY id FOR UPDATE"
)
_UPDATES: Final = ("heads", "moved")
_CONFLICTS: Final = {
    # Passed over and counted: a repeat is nothing that a database's own log should call an error.
    "commands": "ON CONFLICT DO NOTHING",
    "snapshots": "ON CONFLICT (conversation_id) DO UPDATE SET seq = excluded.seq, data = excluded.data",
}
_ARRAYS: Final = {
    **dict.fromkeys(("seq", "customer_prev", "events", "queue_rank"), "int[]"),
    **dict.fromkeys(("at", "waiting_since", "due_at", "updated_at", "follow_up_since"), "bigint[]"),
}
"""The types of PostgreSQL's arrays by column; the others are texts."""


async def lock_seqs(connection: AsyncConnection, ids: Collection[str]) -> Sequence[tuple[str, int]]:
    """Lock these conversations against other writers: id and `seq` of those that are there."""
    # Ordered, so that two writers never wait for each other in a circle.
    ordered = sorted(ids)
    if connection.dialect.name == "postgresql":
        rows = await connection.exec_driver_sql(_LOCK_POSTGRESQL, (ordered,))
        return [(row.id, row.seq) for row in rows]
    return _driver_of(connection).execute(_LOCK_SQLITE, (orjson.dumps(ordered).decode(),)).fetchall()


async def write_rows(connection: AsyncConnection, rows: Rows) -> None:
    """Write them, in the transaction that is open.

    Raises:
        RunBeforeError: one of the commands has a result already.
    """
    parts: dict[str, list[Row]] = {name: found for name in COLUMNS if (found := getattr(rows, name))}
    if not parts:
        return
    if connection.dialect.name == "postgresql":
        columns = tuple(values for found in parts.values() for values in zip(*found, strict=True))
        new = (await connection.exec_driver_sql(_postgresql(tuple(parts)), columns)).scalar_one()
    else:
        new = _write_to_sqlite(connection, parts)
    if new != len(rows.commands):
        raise RunBeforeError


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
    return f"INSERT INTO {name} ({', '.join(COLUMNS[name])}) {rows} {_CONFLICTS.get(name, '')}"


def _sqlite(name: str) -> str:
    names = COLUMNS[name]
    if name not in _UPDATES:
        return _insert(name, f"VALUES ({', '.join('?' for _ in names)})")
    # Numbered by its place in a row, whose first is the key.
    changes = ", ".join(f"{column} = ?{place}" for place, column in enumerate(names[1:], start=2))
    return f"UPDATE conversations SET {changes} WHERE id = ?1"


@lru_cache
def _postgresql(names: tuple[str, ...]) -> str:
    """One statement for these parts, which says how many commands were new.

    None of them sees what another writes, and none needs to.
    """
    parts = []
    first = 1
    for name in names:
        columns = COLUMNS[name]
        arrays = (f"${first + n}::{_ARRAYS.get(column, 'text[]')}" for n, column in enumerate(columns))
        rows = f"unnest({', '.join(arrays)}) AS new ({', '.join(columns)})"
        first += len(columns)
        if name in _UPDATES:
            changes = ", ".join(f"{column} = new.{column}" for column in columns[1:])
            part = f"UPDATE conversations SET {changes} FROM {rows} WHERE conversations.id = new.id"
        else:
            part = _insert(name, f"SELECT * FROM {rows}")
        parts.append(f"written_{name} AS ({part} {'RETURNING 1' if name == 'commands' else ''})")
    told = "SELECT count(*) FROM written_commands" if "commands" in names else "SELECT 0"
    return f"WITH {', '.join(parts)} {told}"


_SQLITE: Final = {name: _sqlite(name) for name in COLUMNS}
