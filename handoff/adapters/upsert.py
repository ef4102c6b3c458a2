"""INSERT ... ON CONFLICT DO UPDATE, which SQLite and PostgreSQL write alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert


def upsert(
    connection: AsyncConnection,
    table: sa.Table,
    *,
    key: Sequence[str],
    update: Sequence[str],
    only_if_more: str | None = None,
) -> Insert:
    """An insert that overwrites the columns in `update` where a row with this `key` exists.

    With `only_if_more`, a row is overwritten only by one that has more in that column.
    """
    if connection.dialect.name == "postgresql":
        on_postgres = postgresql.insert(table)
        return on_postgres.on_conflict_do_update(
            index_elements=list(key),
            set_={name: on_postgres.excluded[name] for name in update},
            where=None
            if only_if_more is None
            else on_postgres.excluded[only_if_more] > table.c[only_if_more],
        )
    statement = sqlite.insert(table)
    return statement.on_conflict_do_update(
        index_elements=list(key),
        set_={name: statement.excluded[name] for name in update},
        where=None if only_if_more is None else statement.excluded[only_if_more] > table.c[only_if_more],
    )
