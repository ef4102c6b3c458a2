"""The journal where the database is away, entries are broken, or somebody else is at work."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from handoff.domain.errors import StorageUnavailable
from handoff.studio import journal as module
from handoff.studio.journal import Entry, Journal
from kb_index.editions import Edition, EditionMoved, EditionStore

AT = "2026-11-30T12:00:00.000Z"
OPENED = Entry("ann", "opened_incident", "down", "r1", 1, AT, why="the mill", data={"n": 1})
PATIENCE_S = 10.0


class Log:
    """An audit log that may be away."""

    def __init__(self) -> None:
        self.away = False
        self.noted: list[dict[str, Any]] = []

    async def note(
        self, by: str, action: str, subject: str, *, why: str | None, data: Mapping[str, Any]
    ) -> None:
        if self.away:
            raise StorageUnavailable("told so by the test")
        self.noted.insert(
            0, {"by": by, "action": action, "subject": subject, "why": why, "data": dict(data), "at": AT}
        )

    async def entries(self, *, limit: int) -> list[dict[str, Any]]:
        if self.away:
            raise StorageUnavailable("told so by the test")
        return self.noted[:limit]


class Scene:
    """A home with one journal, its log, and what was done for whom."""

    def __init__(self, home: Path) -> None:
        self.home, self.log = home, Log()
        self.editions = EditionStore(home / "editions")
        self.journal = self.another()
        self.finished: list[str] = []
        self.journal.finish("opened_incident", self.finisher)

    def another(self, *, settles: bool = True) -> Journal:
        return Journal(self.home, cast("Any", self.log), settles=settles)

    async def finisher(self, entry: Entry) -> None:
        if self.log.away:
            raise StorageUnavailable("told so by the test")
        self.finished.append(entry.subject)

    def write(self, revision: int = 1, by: str = "ann") -> None:
        self.editions.write(Edition("r1", revision, AT, by))

    def left(self) -> list[Path]:
        return sorted((self.home / "run" / "journal").glob("*"))


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


async def leave_one(scene: Scene) -> None:
    """What went live while the database was away."""
    scene.log.away = True
    async with scene.journal.entry(OPENED) as noting:
        scene.write()
    assert not noting.noted
    scene.log.away = False


async def test_what_the_database_missed_is_made_up_for_once(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOOK_S", 0.005)
    await leave_one(scene)
    scene.log.away = True
    await scene.journal.start()
    try:
        assert (scene.log.noted, len(scene.left())) == ([], 1)
        scene.log.away = False
        async with asyncio.timeout(PATIENCE_S):
            while scene.left():
                await asyncio.sleep(0.005)
    finally:
        await scene.journal.stop()
    assert [one["subject"] for one in scene.log.noted] == ["down"]
    assert scene.finished == ["down"]


async def test_a_command_leaves_to_a_relay_what_it_cannot_finish(scene: Scene) -> None:
    await leave_one(scene)
    command = scene.another(settles=False)
    await command.settle()
    assert (scene.log.noted, len(scene.left())) == ([], 1)
    await scene.journal.settle()
    assert (scene.finished, scene.left()) == (["down"], [])


async def test_who_came_second_has_published_nothing(scene: Scene) -> None:
    scene.write(by="bob")

    async def second() -> None:
        async with scene.journal.entry(OPENED):
            # Meanwhile another one stands on bob's: still not ann's.
            scene.write(revision=2, by="bob")
            scene.write()

    with pytest.raises(EditionMoved):
        await second()
    assert (scene.log.noted, scene.left()) == ([], [])


async def test_an_entry_that_is_broken_stops_nobody(scene: Scene) -> None:
    await leave_one(scene)
    folder = scene.home / "run" / "journal"
    (folder / "0.json").mkdir()
    (folder / "1.json").write_bytes(b"not JSON")
    (folder / "2.json").write_bytes(b'{"by": "ann"}')
    await scene.journal.settle()
    assert [path.name for path in scene.left()] == ["0.json"]
    assert scene.finished == ["down"]


async def test_what_somebody_is_busy_with_is_left_to_them(scene: Scene) -> None:
    other = scene.another()
    other.finish("opened_incident", scene.finisher)
    async with scene.journal.entry(OPENED):
        scene.write()
        await other.settle()
        assert (scene.log.noted, len(scene.left())) == ([], 1)
    assert (len(scene.log.noted), scene.finished, scene.left()) == (1, ["down"], [])


async def test_what_did_not_go_live_is_forgotten(scene: Scene) -> None:
    with pytest.raises(OSError, match="no room"):
        async with scene.journal.entry(OPENED):
            raise OSError("no room")
    assert scene.left() == []
    # Killed before it was written: nothing went live, and nothing is told.
    async with scene.journal.entry(replace(OPENED, action="published_articles")):
        kept = scene.left()[0].read_bytes()
        scene.write()
    scene.log.noted.clear()
    (scene.home / "run" / "journal" / "late.json").write_bytes(kept.replace(b'"revision":1', b'"revision":7'))
    await scene.journal.settle()
    assert (scene.log.noted, scene.left()) == ([], [])
