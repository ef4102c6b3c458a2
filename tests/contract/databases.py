"""Databases to hold adapters against: one SQLite file or one PostgreSQL database each, at the newest schema."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import open_engine
from handoff.adapters.migrate import migrate
from handoff.adapters.schema import metadata

_T = TypeVar("_T")


class Database:
    """A database and the engines opened on it. An engine of one's own is what another process would have."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self._opened: list[AsyncEngine] = []

    def engine(self) -> AsyncEngine:
        """One more engine, as one more process would open it."""
        engine = open_engine(self.url)
        self._opened.append(engine)
        return engine

    async def close(self) -> None:
        for engine in self._opened:
            await engine.dispose()


async def migrated(url: str) -> None:
    """Bring the database behind `url` to the newest schema and let go of it."""
    engine = open_engine(url)
    await migrate(engine)
    await engine.dispose()


def in_own_loop(work: Coroutine[Any, Any, _T]) -> _T:
    """Run `work` for a fixture that is not async, away from the loop of the test that asks for it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


class PostgresServer:
    """The PostgreSQL that the machine gives to tests: one database at the newest schema, emptied for each test."""

    def __init__(self, url: str) -> None:
        self._url = sa.make_url(url).set(drivername="postgresql")
        self._made: list[str] = []
        self._migrated: str | None = None

    def emptied(self) -> str:
        """The SQLAlchemy URL of a database at the newest schema, with nothing in it."""
        if self._migrated is None:
            self._migrated = self.new()
            in_own_loop(migrated(self._own(self._migrated)))
        tables = ", ".join(metadata.tables)
        # Emptied, not made anew: to drop a database costs the server a checkpoint of seconds.
        in_own_loop(self._run(f"TRUNCATE {tables}", self._migrated))
        return self._own(self._migrated)

    def without_schema(self) -> str:
        """The SQLAlchemy URL of a new database."""
        return self._own(self.new())

    def new(self) -> str:
        name = f"baton_{uuid.uuid4().hex}"
        in_own_loop(self._run(f'CREATE DATABASE "{name}"'))
        self._made.append(name)
        return name

    def close(self) -> None:
        for name in self._made:
            in_own_loop(self._run(f'DROP DATABASE "{name}" WITH (FORCE)'))

    def _own(self, name: str) -> str:
        own = self._url.set(drivername="postgresql+asyncpg", database=name)
        return own.render_as_string(hide_password=False)

    async def _run(self, statement: str, database: str | None = None) -> None:
        url = self._url.set(database=database or self._url.database)
        connection = await asyncpg.connect(url.render_as_string(hide_password=False))
        await connection.execute(statement)
        await connection.close()
