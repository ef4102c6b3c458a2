# ruff: noqa: S608 - statements are made of the names in `COLUMNS` alone
"""What is written with every message, as the databases take it cheapest.

SQLite runs one prepared statement for many rows; PostgreSQL gets the columns as arrays, and all tables in one statement.
"""

from __future__ import annotations

import sqlite3
from functools import lru_cache
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.adapters.log_rows import COLUMNS, Rows

_ARRAYS: Final = {
    **dict.fromkeys(("seq", "customer_prev", "events", "queue_rank"), "int[]"),
    **dict.fromkeys(("at", "waiting_since", "due_at", "updated_at", "follow_up_since"), "bigint[]"),
}
"""The types of PostgreSQL's arrays by column; the others are texts."""


async def write_rows(connection: AsyncConnection, rows: Rows) -> None:
    """Write them, in the transaction that is open."""
    parts = [(name, found) for name in COLUMNS if (found := getattr(rows, name))]
    if not parts:
        return
    if connection.dialect.name == "postgresql":
        columns = tuple(values for _name, found in parts for values in zip(*found, strict=True))
        await connection.exec_driver_sql(_postgresql(tuple(name for name, _found in parts)), columns)
        return
    assert connection.sync_connection is not None, "it is open"
    # SQLAlchemy types only the part that all drivers share.
    driver: object = connection.sync_connection.connection.dbapi_connection
    assert isinstance(driver, sqlite3.Connection)
    # The driver's own cursor: nothing in these statements waits, see sqlite_dialect.py.
    cursor = driver.cursor(sqlite3.Cursor)
    for name, found in parts:
        cursor.executemany(_SQLITE[name], found)
    cursor.close()


def _insert(name: str, values: str) -> str:
    overwrites = "ON CONFLICT (conversation_id) DO UPDATE SET seq = excluded.seq, data = excluded.data"
    return f"INSERT INTO {name} ({', '.join(COLUMNS[name])}) {values} {overwrites if name == 'snapshots' else ''}"


def _sqlite(name: str) -> str:
    names = COLUMNS[name]
    if name not in _UPDATES:
        return _insert(name, f"VALUES ({', '.join('?' for _ in names)})")
    # Numbered by its place in a row, whose first is the key.
    changes = ", ".join(f"{column} = ?{place}" for place, column in enumerate(names[1:], start=2))
    return f"UPDATE conversations SET {changes} WHERE id = ?1"


@lru_cache
def _postgresql(names: tuple[str, ...]) -> str:
    """One statement for these parts. None of them sees what another writes, and none needs to."""
    parts = []
    first = 1
    for name in names:
        columns = COLUMNS[name]
        arrays = ", ".join(
            f"${first + n}::{_ARRAYS.get(column, 'text[]')}" for n, column in enumerate(columns)
        )
        first += len(columns)
        rows = f"unnest({arrays}) AS new ({', '.join(columns)})"
        if name in _UPDATES:
            changes = ", ".join(f"{column} = new.{column}" for column in columns[1:])
            parts.append(f"UPDATE conversations SET {changes} FROM {rows} WHERE conversations.id = new.id")
        else:
            parts.append(_insert(name, f"SELECT * FROM {rows}"))
    *before, last = parts
    return (
        f"WITH {', '.join(f'part_{n} AS ({part})' for n, part in enumerate(before))} {last}"
        if before
        else last
    )


_UPDATES: Final = ("heads", "moved")
_SQLITE: Final = {name: _sqlite(name) for name in COLUMNS}
