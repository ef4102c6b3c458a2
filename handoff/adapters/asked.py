"""Selects that are asked about many rows at once, which a statement gets as a table of its own.

By the whole key, for which there is an index: `IN` on a part of a key, or on a tuple in SQLite, reads all rows there are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.types import TypeEngine


class Asked:
    """A select built once around a table of `columns`, which is filled anew for each run."""

    def __init__(
        self, columns: Mapping[str, TypeEngine[Any]], build: Callable[[sa.FromClause], sa.Select[Any]]
    ) -> None:
        self._names = list(columns)
        entry = sa.func.json_each(sa.bindparam("rows")).table_valued("value")
        fields = (
            sa.func.json_extract(entry.c.value, f"$[{place}]").label(name)
            for place, name in enumerate(self._names)
        )
        arrays = (sa.bindparam(name, type_=sa.ARRAY(kind)) for name, kind in columns.items())
        unnested = sa.func.unnest(*arrays).table_valued(*self._names, name="asked").render_derived()
        self._sqlite = build(sa.select(*fields).subquery("asked"))
        self._postgresql = build(unnested)

    async def about(
        self, connection: AsyncConnection, rows: Sequence[tuple[object, ...]]
    ) -> sa.CursorResult[Any]:
        """What the select finds for these rows, of which there is one at least."""
        found: sa.CursorResult[Any]
        if connection.dialect.name == "postgresql":
            columns = zip(self._names, zip(*rows, strict=True), strict=True)
            found = await connection.execute(
                self._postgresql, {name: list(values) for name, values in columns}
            )
        else:
            found = await connection.execute(
                self._sqlite, {"rows": orjson.dumps([tuple(row) for row in rows]).decode()}
            )
        return found
