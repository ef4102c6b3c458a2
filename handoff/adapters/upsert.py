"""INSERT ... ON CONFLICT DO UPDATE, which SQLite and PostgreSQL write alike and SQLAlchemy keeps apart."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import Insert


class Upsert:
    """An insert that overwrites the columns in `update` where a row with this `key` exists, built once.

    With `only_if_more`, a row is overwritten only by one that has more in that column.
    """

    def __init__(
        self, table: sa.Table, *, key: Sequence[str], update: Sequence[str], only_if_more: str | None = None
    ) -> None:
        def on(insert: Callable[[sa.Table], Any]) -> Insert:
            statement = insert(table)
            new = statement.excluded
            overwriting: Insert = statement.on_conflict_do_update(
                index_elements=list(key),
                set_={name: new[name] for name in update},
                where=None if only_if_more is None else new[only_if_more] > table.c[only_if_more],
            )
            return overwriting

        self._statements = {"postgresql": on(postgresql.insert), "sqlite": on(sqlite.insert)}

    def on(self, connection: AsyncConnection) -> Insert:
        """The statement for this connection's database."""
        return self._statements[connection.dialect.name]
