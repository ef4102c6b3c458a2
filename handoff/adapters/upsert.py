"""INSERT ... ON CONFLICT DO UPDATE, which SQLite and PostgreSQL write alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert


def upsert(
    connection: AsyncConnection, table: sa.Table, *, key: Sequence[str], update: Sequence[str]
) -> Insert:
    """An insert that overwrites the columns in `update` where a row with this `key` exists."""
    if connection.dialect.name == "postgresql":
        on_postgres = postgresql.insert(table)
        return on_postgres.on_conflict_do_update(
            index_elements=list(key), set_={name: on_postgres.excluded[name] for name in update}
        )
    statement = sqlite.insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(key), set_={name: statement.excluded[name] for name in update}
    )
