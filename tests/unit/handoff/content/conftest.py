"""A content store in a real SQLite file."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import open_engine
from handoff.adapters.schema import metadata
from handoff.content.store import ContentStore


class HeldClock:
    """A clock that stands. Milliseconds."""

    now = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.now


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(f"sqlite+aiosqlite:///{tmp_path / 'baton.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def store(engine: AsyncEngine, clock: HeldClock) -> ContentStore:
    return ContentStore(engine, clock)
