"""Bringing a database to the newest schema."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import patient, reading, writing
from handoff.domain.errors import StorageUnavailable

MIGRATION_LOCK = 0x6261746F6E
"""The advisory lock of PostgreSQL that stands for the schema: "baton" in ASCII."""
NEWEST = "0008"
"""The revision of the newest migration; a test compares it with the folder."""
MIGRATIONS = Path(__file__).resolve().parent.parent / "migrations"
_VERSIONS = sa.table("alembic_version", sa.column("version_num", sa.String))


async def migrate(engine: AsyncEngine) -> None:
    """Run the migrations this database has not seen.

    Raises:
        StorageUnavailable: the database cannot be reached or written, or a newer version of Baton made it.
    """
    if await revision(engine) == NEWEST:
        return
    from alembic.util import CommandError  # noqa: PLC0415 - a tenth of a relay's start, which rarely needs it

    async with patient(engine) as own, writing(own) as connection:
        if connection.dialect.name == "postgresql":
            # Processes that start together take turns; SQLite has one writer at a time anyway.
            await connection.execute(sa.select(sa.func.pg_advisory_xact_lock(MIGRATION_LOCK)))
        try:
            await connection.run_sync(_upgrade)
        except CommandError as failure:
            raise StorageUnavailable(
                "The database was made by a newer version of Baton. Start that version, or use another home."
            ) from failure


async def revision(engine: AsyncEngine) -> str | None:
    """The schema a database has; None before the first. Raises `StorageUnavailable`."""
    async with reading(engine) as connection:
        if not await connection.run_sync(lambda sync: sa.inspect(sync).has_table(_VERSIONS.name)):
            return None
        return (await connection.execute(sa.select(_VERSIONS))).scalar()


def known_revisions() -> list[str]:
    """Every schema that this version can bring to its own, oldest first."""
    return sorted(path.name[1:5] for path in (MIGRATIONS / "versions").glob("v[0-9][0-9][0-9][0-9]_*.py"))


def _upgrade(connection: sa.Connection) -> None:
    from alembic import command  # noqa: PLC0415 - see above
    from alembic.config import Config  # noqa: PLC0415 - see above

    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
