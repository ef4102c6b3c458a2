"""Bringing a database to the newest schema."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.util import CommandError
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import writing
from handoff.domain.errors import StorageUnavailable

MIGRATION_LOCK = 0x6261746F6E
"""The advisory lock of PostgreSQL that stands for the schema: "baton" in ASCII."""
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


async def migrate(engine: AsyncEngine) -> None:
    """Run the migrations this database has not seen.

    Raises:
        StorageUnavailable: the database cannot be reached or written, or a newer version of Baton made it.
    """
    async with writing(engine) as connection:
        if connection.dialect.name == "postgresql":
            # Processes that start together take turns; SQLite has one writer at a time anyway.
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        try:
            await connection.run_sync(_upgrade)
        except CommandError as failure:
            raise StorageUnavailable(
                "The database was made by a newer version of Baton. Start that version, or use another home."
            ) from failure


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
