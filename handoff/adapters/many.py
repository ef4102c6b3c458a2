"""Running one statement for many rows, at the price of the driver.

For each row and column SQLAlchemy asks whether a type has something to convert; in the log's tables, of texts and
whole numbers alone, nothing has. The statement is still SQLAlchemy's, compiled for the database once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection


class Many:
    """A statement whose parameters are texts, whole numbers and nulls. `names` are those of the rows, two or more."""

    def __init__(self, statement: sa.Executable, names: Sequence[str]) -> None:
        self._statement = statement
        self._names = list(names)
        self._compiled: dict[str, tuple[str, itemgetter[Any]]] = {}

    async def run(self, connection: AsyncConnection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Run it for all rows; nothing where there are none."""
        if not rows:
            return
        text, values = self._for(connection)
        await connection.exec_driver_sql(text, [values(row) for row in rows])

    def _for(self, connection: AsyncConnection) -> tuple[str, itemgetter[Any]]:
        dialect = connection.dialect
        known = self._compiled.get(dialect.name)
        if known is None:
            compiled = self._statement.compile(dialect=dialect, column_keys=self._names)  # type: ignore[attr-defined]
            known = self._compiled[dialect.name] = (str(compiled), itemgetter(*compiled.positiontup))
        return known
