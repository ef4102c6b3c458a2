"""The schema is the sum of its migrations, on every database."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from handoff.adapters.database import open_engine
from handoff.adapters.migrate import MIGRATIONS, NEWEST, migrate
from handoff.adapters.schema import metadata
from handoff.domain.errors import StorageUnavailable
from tests.contract.conftest import POSTGRES
from tests.contract.databases import Database, PostgresServer


@pytest.fixture(params=["sqlite", POSTGRES])
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        return server.without_schema()
    return f"sqlite+loop:///{tmp_path / 'empty.db'}"


@pytest.fixture
async def empty(empty_url: str) -> AsyncIterator[Database]:
    database = Database(empty_url.partition("+")[0], empty_url)
    yield database
    await database.close()


def differences(connection: sa.Connection) -> list[object]:
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "compare_server_default": True}
    )
    return list(compare_metadata(context, metadata))


def triggers(connection: sa.Connection) -> set[str]:
    if connection.dialect.name == "sqlite":
        query = "SELECT name FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'events'"
    else:
        query = "SELECT tgname FROM pg_trigger WHERE tgrelid = 'events'::regclass AND NOT tgisinternal"
    return set(connection.exec_driver_sql(query).scalars())


async def test_the_migrations_build_the_schema(empty: Database) -> None:
    engine = empty.engine()
    await migrate(engine)
    async with engine.connect() as connection:
        assert await connection.run_sync(differences) == []
        expected = {"events_append_only"}
        if empty.name == "sqlite":
            expected = {"events_no_update", "events_no_delete"}
        assert await connection.run_sync(triggers) == expected


async def test_the_newest_migration_is_the_one_that_lets_a_start_skip_alembic() -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    assert ScriptDirectory.from_config(config).get_heads() == [NEWEST]


async def test_migrating_again_changes_nothing(empty: Database) -> None:
    engine = empty.engine()
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.execute(
            sa.insert(metadata.tables["agent_leases"]), {"agent_id": "usr_ana", "leased_until": 7}
        )
    await migrate(engine)
    async with engine.connect() as connection:
        kept = await connection.execute(sa.select(metadata.tables["agent_leases"]))
        assert [tuple(row) for row in kept] == [("usr_ana", 7)]


async def test_two_processes_that_start_at_once_migrate_once(empty: Database) -> None:
    await asyncio.gather(*(migrate(empty.engine()) for _ in range(3)))
    async with empty.engine().connect() as connection:
        assert await connection.run_sync(differences) == []


async def test_a_database_of_a_newer_version_is_refused_and_left_as_it_is(empty: Database) -> None:
    engine = empty.engine()
    await migrate(engine)
    async with engine.begin() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StorageUnavailable, match="newer version"):
        await migrate(empty.engine())
    async with empty.engine().connect() as connection:
        version = await connection.exec_driver_sql("SELECT version_num FROM alembic_version")
        assert version.scalar_one() == "9999"


async def test_a_file_that_is_no_database_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "baton.db"
    path.write_text("not a database" * 500, encoding="utf-8")
    engine = open_engine(f"sqlite+loop:///{path}")
    with pytest.raises(StorageUnavailable):
        await migrate(engine)
    await engine.dispose()
    assert path.read_text(encoding="utf-8") == "not a database" * 500


async def test_every_sqlite_connection_is_durable(tmp_path: Path) -> None:
    """P1: WAL with synchronous FULL (2), in every connection of the pool and not just in the first."""
    database = Database("sqlite", f"sqlite+loop:///{tmp_path / 'baton.db'}")
    engine = database.engine()
    connections = [await engine.connect() for _ in range(5)]
    for connection in connections:
        found = [
            (await connection.exec_driver_sql(f"PRAGMA {name}")).scalar_one()
            for name in ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        ]
        assert found == ["wal", 2, 1, 5_000]
    for connection in connections:
        await connection.close()
    await database.close()
