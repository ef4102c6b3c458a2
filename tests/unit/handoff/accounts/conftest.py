"""Real SQLite files, a clock that the test moves, and Argon2 parameters that cost nothing."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import asyncpg
import pytest
import sqlalchemy as sa
from argon2 import Parameters, Type
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.accounts.passwords import Passwords
from handoff.accounts.service import Accounts
from handoff.adapters.database import open_engine
from handoff.adapters.schema import metadata

CHEAP = Parameters(
    type=Type.ID, version=19, salt_len=16, hash_len=32, time_cost=1, memory_cost=8, parallelism=1
)


@dataclass
class HeldClock:
    """A clock that stands until the test moves it. Milliseconds."""

    now: int = 1_790_000_000_000

    def now_ms(self) -> int:
        return self.now

    def pass_ms(self, milliseconds: int) -> None:
        self.now += milliseconds


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = open_engine(f"sqlite+loop:///{tmp_path / 'baton.db'}")
    async with engine.begin() as connection:
        await connection.run_sync(metadata.create_all)
    yield engine
    await engine.dispose()


@pytest.fixture
def passwords() -> Passwords:
    return Passwords(CHEAP)


@pytest.fixture
def accounts(engine: AsyncEngine, clock: HeldClock, passwords: Passwords) -> Accounts:
    return Accounts(engine, clock, passwords=passwords)


@pytest.fixture
async def postgres() -> AsyncIterator[AsyncEngine]:
    """A database of its own on the PostgreSQL that the machine gives to tests."""
    server = sa.make_url(os.environ["BATON_TEST_DATABASE_URL"]).set(drivername="postgresql")
    name = f"baton_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(server.render_as_string(hide_password=False))
    await admin.execute(f'CREATE DATABASE "{name}"')
    own = server.set(drivername="postgresql+asyncpg", database=name)
    engine = open_engine(own.render_as_string(hide_password=False))
    try:
        async with engine.begin() as connection:
            await connection.run_sync(metadata.create_all)
        yield engine
    finally:
        await engine.dispose()
        await admin.execute(f'DROP DATABASE "{name}"')
        await admin.close()
