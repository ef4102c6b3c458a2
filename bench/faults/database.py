"""Reading the log as it stands in the database, with plain SQL: nothing of the relay's code is between."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import asyncpg  # type: ignore[import-untyped]

from bench.faults.history import Logged

QUERY: Final = """
    SELECT e.conversation_id, e.seq, e.id, e.kind, e.actor_type, e.actor_id, b.data
    FROM events e LEFT JOIN event_bodies b ON b.id = e.id
    ORDER BY e.conversation_id, e.seq
"""


async def read_log(database: Path | str) -> dict[str, list[Logged]]:
    """All events of a database: the path of a SQLite file, or the URL of a PostgreSQL database."""
    if isinstance(database, Path):
        connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
        try:
            return _by_conversation(connection.execute(QUERY))
        finally:
            connection.close()
    server = await asyncpg.connect(database)
    try:
        return _by_conversation(tuple(row) for row in await server.fetch(QUERY))
    finally:
        await server.close()


def _by_conversation(rows: Iterable[tuple[Any, ...]]) -> dict[str, list[Logged]]:
    log: dict[str, list[Logged]] = {}
    for conversation_id, seq, id_, kind, actor_type, actor_id, body in rows:
        data = json.loads(body) if body else {}
        actor = actor_type if actor_id is None else f"{actor_type}:{actor_id}"
        log.setdefault(conversation_id, []).append(
            Logged(seq, id_, kind, actor, data.get("client_id"), data.get("turn"), "decision" in data)
        )
    return log
