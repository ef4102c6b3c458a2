"""Long work in parts, between which everybody else has a turn."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.schema import article_questions
from handoff.content.slices import AT_ONCE, TEXTS, all_rows, unhurried
from handoff.content.store import ContentStore
from kb_index.article import Article
from kb_index.formats import Parsed


class Others:
    """Somebody else on the same loop; `turns` is how often it has had one."""

    def __init__(self) -> None:
        self.turns = 0

    async def live(self) -> None:
        while True:
            self.turns += 1
            await asyncio.sleep(0)


@contextmanager
def others() -> Iterator[Others]:
    one = Others()
    task = asyncio.get_running_loop().create_task(one.live())
    try:
        yield one
    finally:
        task.cancel()


async def test_all_values_come_in_order_and_others_have_a_turn_between_parts() -> None:
    found: list[int] = []
    seen: list[int] = []
    with others() as other:
        await asyncio.sleep(0)
        async for some in unhurried(range(10), at_once=4):
            found += some
            seen.append(other.turns)
    assert found == list(range(10))
    assert len(seen) == len(set(seen)) == 3
    assert [part async for part in unhurried([])] == []


async def test_an_import_writes_no_more_at_once_than_others_may_wait_for(
    store: ContentStore, engine: AsyncEngine
) -> None:
    many, variants = 3 * AT_ONCE + 1, 12
    articles = [
        Article(f"a{n:04d}", f"Title {n}", "An answer.", tuple(f"question {n} {v}" for v in range(variants)))
        for n in range(many)
    ]
    changed = [Article(one.id, one.title, "Another.", one.questions) for one in articles]
    written: list[tuple[int, int]] = []
    with others() as other:

        @sa.event.listens_for(engine.sync_engine, "before_cursor_execute")
        def note(_c: Any, _cursor: Any, _statement: str, parameters: Any, _x: Any, executemany: bool) -> None:
            written.append((len(parameters) if executemany else 1, other.turns))

        await store.import_parsed(Parsed(articles))
        await store.import_parsed(Parsed(changed))
    assert max(rows for rows, _ in written) <= TEXTS
    by_turn: dict[int, int] = {}
    for rows, turn in written:
        by_turn[turn] = by_turn.get(turn, 0) + rows
    # The last part of one table and the first of the next may share a turn.
    assert max(by_turn.values()) <= 2 * (TEXTS + AT_ONCE)
    assert sum(by_turn.values()) > 2 * many * variants
    assert await store.articles() == changed


async def test_rows_are_fetched_in_parts(store: ContentStore, engine: AsyncEngine) -> None:
    questions = tuple(f"question {number}" for number in range(300))
    await store.import_parsed(Parsed([Article(f"a{n}", "Title", "Answer.", questions) for n in range(10)]))
    with others() as other:
        async with engine.connect() as connection:
            found = await connection.execute(sa.select(article_questions.c.text))
            before = other.turns
            rows = await all_rows(found)
    assert len(rows) == 3_000
    assert other.turns >= before + 3
