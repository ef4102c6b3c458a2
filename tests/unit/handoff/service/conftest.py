"""Services on a real SQLite file, looked at often so that the tests are quick."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff.service import bot_watch, due_rows, inbox, reactor, readers
from tests.contract.databases import Database, in_own_loop, migrated
from tests.contract.held_clock import HeldClock
from tests.unit.handoff.service.stage import Process, Stage


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bot_watch, "ASK_WHEN_DOWN_S", 0.01)
    monkeypatch.setattr(bot_watch, "ASK_WHEN_READY_S", 0.02)
    monkeypatch.setattr(reactor, "POLL_S", 0.05)
    monkeypatch.setattr(readers, "ASK_HEADS_S", 0.02)
    monkeypatch.setattr(inbox, "PAUSE_S", 0.01)
    monkeypatch.setattr(due_rows, "LOOK_S", 0.01)


@pytest.fixture(scope="session")
def migrated_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("migrated") / "baton.db"
    in_own_loop(migrated(f"sqlite+loop:///{path}"))
    return path


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
async def database(migrated_file: Path, tmp_path: Path) -> AsyncIterator[Database]:
    shutil.copy(migrated_file, tmp_path / "baton.db")
    database = Database("sqlite", f"sqlite+loop:///{tmp_path / 'baton.db'}")
    yield database
    await database.close()


@pytest.fixture
async def stage(database: Database, clock: HeldClock) -> AsyncIterator[Stage]:
    stage = Stage(database, clock)
    yield stage
    await stage.close()


@pytest.fixture
async def relay(stage: Stage) -> Process:
    """A relay that takes commands and whose bot is not asked."""
    return stage.process()


@pytest.fixture
async def answering(stage: Stage) -> Process:
    """A relay whose bot answers."""
    return stage.answering(stage.process())
