"""Long work on many rows in parts, so that it holds the event loop for milliseconds at a time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Any, Final, TypeVar

from sqlalchemy import CursorResult, Row

T = TypeVar("T")

TEXTS: Final = 1_000
"""Questions or examples in one part."""

AT_ONCE: Final = 100
"""Articles in one part, some 5 ms of work. SQLite, which has its statements run by the loop's own thread, allows 32,766
variables in one."""


async def all_rows(found: CursorResult[Any]) -> list[Row[Any]]:
    """What `found.all()` gives: SQLite's rows come while they are fetched, a millisecond for some hundred."""
    rows: list[Row[Any]] = []
    while some := found.fetchmany(TEXTS):
        rows += some
        await asyncio.sleep(0)
    return rows


async def unhurried(values: Sequence[T], *, at_once: int = AT_ONCE) -> AsyncIterator[Sequence[T]]:
    """Parts of `values` that fit into a statement; between two of them everybody else has a turn."""
    for start in range(0, len(values), at_once):
        if start:
            await asyncio.sleep(0)
        yield values[start : start + at_once]
