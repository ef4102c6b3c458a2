"""Who waits for SQLite, and where: statements in the loop's thread, waiting on another, writers one by one."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters import sqlite_dialect
from handoff.adapters.database import open_engine, reading, writing

INSERT = sa.text("INSERT INTO t VALUES (:x)")


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(f"sqlite+loop:///{tmp_path / 'a.db'}")
    async with writing(engine) as connection:
        await connection.execute(sa.text("CREATE TABLE t (x INTEGER)"))
    yield engine
    await engine.dispose()


async def rows(engine: AsyncEngine) -> list[int]:
    async with reading(engine) as connection:
        return list((await connection.execute(sa.text("SELECT x FROM t ORDER BY x"))).scalars())


async def test_only_what_waits_leaves_the_loops_thread(engine: AsyncEngine) -> None:
    ran: list[tuple[str, bool]] = []
    here = threading.current_thread()
    async with engine.connect() as connection:
        driver = (await connection.get_raw_connection()).driver_connection
        assert isinstance(driver, sqlite3.Connection)
        driver.set_trace_callback(
            lambda sql: ran.append((sql.split()[0], threading.current_thread() is here))
        )
    async with writing(engine) as connection:
        await connection.execute(INSERT, [{"x": 1}, {"x": 2}])
    assert await rows(engine) == [1, 2]
    written = [step for step in ran if step[0] != "PRAGMA"]
    begun = written.index(("INSERT", True)) - 1
    assert written[begun : begun + 4] == [
        ("BEGIN", True),
        ("INSERT", True),
        ("INSERT", True),
        ("COMMIT", False),
    ]
    assert ("SELECT", True) in written


async def test_the_loop_goes_on_while_another_process_has_the_lock(
    engine: AsyncEngine, tmp_path: Path
) -> None:
    other = sqlite3.connect(tmp_path / "a.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")

    async def write() -> None:
        async with writing(engine) as connection:
            await connection.execute(INSERT, {"x": 3})

    waiting = asyncio.create_task(write())
    # The loop turns often enough to see it wait, reads meanwhile, and it is still waiting.
    for _ in range(50):
        assert await rows(engine) == []
    assert not waiting.done()
    other.execute("COMMIT")
    await waiting
    assert await rows(engine) == [3]
    other.close()


async def test_writers_of_one_process_do_not_poll_for_the_lock(
    engine: AsyncEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[int] = []
    inside = 0
    real = sqlite_dialect.LoopConnection.begin

    def begin(self: sqlite_dialect.LoopConnection, *, writes: bool) -> None:
        real(self, writes=writes)
        if writes:
            begun.append(inside)

    monkeypatch.setattr(sqlite_dialect.LoopConnection, "begin", begin)

    async def write(x: int) -> None:
        nonlocal inside
        async with writing(engine) as connection:
            inside += 1
            await asyncio.sleep(0)
            await connection.execute(INSERT, {"x": x})
            inside -= 1

    # Without patience whoever had to ask SQLite for a lock that is taken would fail.
    monkeypatch.setattr(sqlite_dialect, "BUSY_TIMEOUT_MS", 0)
    await asyncio.gather(*(write(x) for x in range(20)))
    assert begun == [0] * 20
    assert await rows(engine) == list(range(20))


async def test_a_writer_who_goes_away_in_mid_commit_leaves_a_connection_in_order(engine: AsyncEngine) -> None:
    async def write(x: int) -> None:
        async with writing(engine) as connection:
            await connection.execute(INSERT, {"x": x})

    for x in range(20):
        task = asyncio.create_task(write(x))
        # Cut off at a different step each time: before its lock, at its insert, in mid-commit, after it.
        for _ in range(x):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.wait([task])
        # All or nothing, and the next writer is not in its way.
        assert set(await rows(engine)) <= {*range(x + 1), *range(100, 100 + x)}
        await write(100 + x)
    found = await rows(engine)
    assert [x for x in found if x >= 100] == [100 + x for x in range(20)]
    assert len(found) == len(set(found))
