"""Bringing a database to the newest schema."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import writing

MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"


async def migrate(engine: AsyncEngine) -> None:
    """Run the migrations this database has not seen.

    Raises:
        StorageUnavailable: the database cannot be reached or written.
    """
    async with writing(engine) as connection:
        await connection.run_sync(_upgrade)


def _upgrade(connection: sa.Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
