"""A PostgreSQL database of a benchmark's own, on the server that somebody names."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

import asyncpg  # type: ignore[import-untyped]
import sqlalchemy as sa

from bench.programs import BenchError


@contextmanager
def new_database(url: str) -> Iterator[str]:
    """The address of a database that is made on the server at `url`, and is gone at the end.

    A figure would depend on what an earlier run has left: statistics and vacuuming of large tables cost whole cores.

    Raises:
        BenchError: it cannot be made.
    """
    server = sa.make_url(url).set(drivername="postgresql")
    name = f"baton_bench_{uuid.uuid4().hex}"
    asyncio.run(_run(server, f'CREATE DATABASE "{name}"'))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        asyncio.run(_run(server, f'DROP DATABASE "{name}" WITH (FORCE)'))


async def _run(server: sa.URL, statement: str) -> None:
    try:
        connection = await asyncpg.connect(server.render_as_string(hide_password=False))
        try:
            await connection.execute(statement)
        finally:
            await connection.close()
    except (asyncpg.PostgresError, OSError) as failure:
        raise BenchError(
            f"{statement.split(maxsplit=1)[0]} DATABASE failed on {server.host}: {failure}"
        ) from failure
