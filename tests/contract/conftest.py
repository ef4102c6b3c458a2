"""The adapters that each port's suite runs on. An adapter more is a parameter more."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from handoff.adapters.log_sql import SqlEventLog
from tests.contract.databases import Database, PostgresServer, in_own_loop, migrated
from tests.contract.held_clock import HeldClock

POSTGRES = pytest.param("postgres", marks=pytest.mark.needs_postgres)
LEASE_MS = 4_000


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SQLite file at the newest schema, to be copied."""
    path = tmp_path_factory.mktemp("migrated") / "baton.db"
    in_own_loop(migrated(f"sqlite+loop:///{path}"))
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    server = PostgresServer(os.environ["BATON_TEST_DATABASE_URL"])
    yield server
    server.close()


@pytest.fixture(params=["sqlite", POSTGRES])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.emptied()
    shutil.copy(request.getfixturevalue("migrated_file"), tmp_path / "baton.db")
    return f"sqlite+loop:///{tmp_path / 'baton.db'}"


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url.partition("+")[0], database_url)
    yield database
    await database.close()


@pytest.fixture
def log(database: Database) -> SqlEventLog:
    """The log as one process has it."""
    return SqlEventLog(database.engine(), "here", LEASE_MS)


@pytest.fixture
def other_log(database: Database) -> SqlEventLog:
    """The same log as another process has it."""
    return SqlEventLog(database.engine(), "there", LEASE_MS)


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()
