"""Which release answers."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from bot import live
from bot.live import KEPT, LiveReleases, ReleaseRefused, Warming
from kb_index.releases import ReleaseStore


class Shelf:
    """Releases that load at once, unless they are bad."""

    def __init__(self, root: Path) -> None:
        self.store = ReleaseStore(root)
        self.root = root
        self.bad: set[str] = set()
        self.loads: list[str] = []
        self.live = LiveReleases(self.store, self.load)

    def load(self, release_id: str) -> Any:
        self.loads.append(release_id)
        if release_id in self.bad:
            raise ValueError(f"{release_id} is bad")
        return f"engine of {release_id}"

    def point_to(self, release_id: str) -> None:
        (self.root / "current").write_text(f"{release_id}\n")

    async def warm(self) -> str:
        """The live engine, once it is there."""
        while True:
            try:
                return str(await self.live.engine_for(None))
            except Warming:
                await asyncio.sleep(0.001)


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path)


async def test_nothing_published_is_warming(shelf: Shelf) -> None:
    with pytest.raises(Warming):
        await shelf.live.engine_for(None)


async def test_the_first_release_is_loaded_beside_the_turns(shelf: Shelf) -> None:
    shelf.point_to("r1")
    with pytest.raises(Warming):
        await shelf.live.engine_for(None)
    assert await shelf.warm() == "engine of r1"
    assert shelf.loads == ["r1"]


async def until_loaded(shelf: Shelf, release_id: str) -> None:
    """Wait until a release that was asked for is in memory."""
    async with asyncio.timeout(10):
        while release_id not in shelf.live.loaded:
            await asyncio.sleep(0.001)


async def test_no_turn_waits_for_a_release_that_loads(shelf: Shelf) -> None:
    held = threading.Event()

    def load(release_id: str) -> Any:
        assert release_id != "r2" or held.wait(10)
        return shelf.load(release_id)

    shelf.live = LiveReleases(shelf.store, load)
    shelf.point_to("r1")
    await shelf.warm()
    shelf.point_to("r2")
    try:
        async with asyncio.timeout(5):
            assert await shelf.live.engine_for(None) == "engine of r1"
    finally:
        held.set()
    await until_loaded(shelf, "r2")
    assert await shelf.live.engine_for(None) == "engine of r2"


async def test_the_next_turn_goes_by_what_is_loaded_already(shelf: Shelf) -> None:
    shelf.point_to("r1")
    await shelf.warm()
    await shelf.live.load("r2")
    shelf.point_to("r2")
    assert await shelf.live.engine_for(None) == "engine of r2"
    shelf.point_to("r1")
    assert await shelf.live.engine_for(None) == "engine of r1"
    assert shelf.loads == ["r1", "r2"], "a rollback loads nothing"


async def test_a_bad_release_is_refused_once_and_the_good_one_goes_on(shelf: Shelf) -> None:
    shelf.point_to("r1")
    await shelf.warm()
    shelf.bad.add("r2")
    shelf.point_to("r2")
    async with asyncio.timeout(10):
        while not shelf.live.refused:
            assert await shelf.live.engine_for(None) == "engine of r1"
            await asyncio.sleep(0.001)
    assert await shelf.live.engine_for(None) == "engine of r1"
    assert shelf.loads == ["r1", "r2"]
    assert [(r.release_id, r.message) for r in shelf.live.refused] == [("r2", "r2 is bad")]


async def test_a_bad_first_release_says_why_it_is_warming(shelf: Shelf) -> None:
    shelf.bad.add("r1")
    shelf.point_to("r1")
    with pytest.raises(ReleaseRefused, match="r1 is bad"):
        await shelf.live.load("r1")
    with pytest.raises(Warming, match="r1 is bad"):
        await shelf.live.engine_for(None)


async def test_asking_for_a_refused_one_tries_again(shelf: Shelf) -> None:
    shelf.bad.add("r1")
    with pytest.raises(ReleaseRefused):
        await shelf.live.load("r1")
    shelf.bad.clear()
    assert await shelf.live.load("r1") == "engine of r1"
    assert shelf.live.refused == ()


async def test_a_damaged_pointer_keeps_the_good_one(shelf: Shelf) -> None:
    shelf.point_to("r1")
    await shelf.warm()
    (shelf.root / "current").write_bytes(b"\x00\xff")
    assert await shelf.live.engine_for(None) == "engine of r1"


async def test_memory_is_bounded_and_the_live_one_stays(shelf: Shelf) -> None:
    shelf.point_to("r1")
    await shelf.warm()
    for number in range(10):
        await shelf.live.engine_for(f"candidate{number}")
    assert len(shelf.live.loaded) <= KEPT + 1
    assert "r1" in shelf.live.loaded


class Following:
    """Remembers which releases it was asked to keep at their editions, and which to forget."""

    def __init__(self) -> None:
        self.seen: list[str] = []
        self.gone: list[str] = []

    def look(self, engine: Any) -> None:
        self.seen.append(str(engine))

    def forget(self, release_id: str) -> None:
        self.gone.append(release_id)


class At:
    """A loaded release at a revision of its edition."""

    def __init__(self, revision: int = 0) -> None:
        self.content = SimpleNamespace(revision=revision)


class Making:
    """Makes what was published once `held` is set."""

    def __init__(self) -> None:
        self.published = 0
        self.held = asyncio.Event()

    def look(self, engine: Any) -> asyncio.Task[None] | None:
        if engine.content.revision == self.published:
            return None
        return asyncio.get_running_loop().create_task(self._make(engine))

    async def _make(self, engine: Any) -> None:
        await self.held.wait()
        engine.content = SimpleNamespace(revision=self.published)

    def forget(self, release_id: str) -> None:
        del release_id


@pytest.fixture
async def made(tmp_path: Path) -> tuple[Shelf, Making]:
    """A bot that answers from r1, and looks at nothing by itself."""
    shelf, making = Shelf(tmp_path), Making()
    load = shelf.load
    shelf.live = LiveReleases(shelf.store, lambda release_id: load(release_id) and cast("Any", At()), making)
    shelf.point_to("r1")
    await shelf.warm()
    return shelf, making


async def test_what_is_published_is_taken_up_as_soon_as_it_is_asked_for(made: tuple[Shelf, Making]) -> None:
    shelf, making = made
    assert await shelf.live.take_up("r1", 0, limit_s=0)
    making.published = 2
    waiting = asyncio.get_running_loop().create_task(shelf.live.take_up("r1", 1, limit_s=30))
    await asyncio.sleep(0)
    assert not waiting.done()
    making.held.set()
    assert await waiting, "a later revision holds the one that was asked for"
    assert (await shelf.live.engine_for(None)).content.revision == 2


async def test_who_waits_is_told_that_it_is_not_there_and_it_comes_all_the_same(
    made: tuple[Shelf, Making],
) -> None:
    shelf, making = made
    assert not await shelf.live.take_up("r1", 1, limit_s=0.01), "no such revision is published"
    making.published = 1
    assert not await shelf.live.take_up("r1", 1, limit_s=0.01), "it is being made"
    making.held.set()
    assert await shelf.live.take_up("r1", 1, limit_s=30)


async def test_a_release_that_went_live_is_loaded_before_it_is_confirmed(made: tuple[Shelf, Making]) -> None:
    shelf, _ = made
    assert not await shelf.live.take_up("r2", 0, limit_s=0.05), "it is loaded and not live"
    shelf.point_to("r2")
    assert await shelf.live.take_up("r2", 0, limit_s=30)
    assert not await shelf.live.take_up("r1", 0, limit_s=0.01)
    shelf.bad.add("r3")
    shelf.point_to("r3")
    assert not await shelf.live.take_up("r3", 0, limit_s=30)
    assert [refused.release_id for refused in shelf.live.refused] == ["r3"]


async def test_a_bot_that_is_warming_up_says_so_at_once(shelf: Shelf) -> None:
    with pytest.raises(Warming):
        await shelf.live.take_up("r1", 0, limit_s=30)


async def test_all_that_is_loaded_is_kept_at_its_edition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.001)
    shelf, following = Shelf(tmp_path), Following()
    shelf.live = LiveReleases(shelf.store, shelf.load, following)
    shelf.point_to("r1")
    task = asyncio.get_running_loop().create_task(shelf.live.follow())
    try:
        async with asyncio.timeout(10):
            while "engine of r1" not in following.seen:
                await asyncio.sleep(0.001)
            # One that is not live is kept too: going back to it brings its own edition at once.
            shelf.point_to("r2")
            while "engine of r2" not in following.seen:
                await asyncio.sleep(0.001)
            following.seen.clear()
            while set(following.seen) != {"engine of r1", "engine of r2"}:
                await asyncio.sleep(0.001)
            assert await shelf.live.engine_for(None) == "engine of r2"
    finally:
        task.cancel()


async def test_editions_are_looked_at_while_a_release_loads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "POLL_S", 0.001)
    shelf, following, held = Shelf(tmp_path), Following(), threading.Event()

    def load(release_id: str) -> Any:
        if release_id == "slow":
            assert held.wait(10)
        return shelf.load(release_id)

    shelf.live = LiveReleases(shelf.store, load, following)
    shelf.point_to("r1")
    await shelf.warm()
    shelf.point_to("slow")
    task = asyncio.get_running_loop().create_task(shelf.live.follow())
    try:
        async with asyncio.timeout(10):
            while following.seen.count("engine of r1") < 3:
                await asyncio.sleep(0.001)
            held.set()
            while "engine of slow" not in following.seen:
                await asyncio.sleep(0.001)
    finally:
        held.set()
        task.cancel()


async def test_what_is_loaded_no_longer_is_forgotten(tmp_path: Path) -> None:
    shelf, following = Shelf(tmp_path), Following()
    shelf.live = LiveReleases(shelf.store, shelf.load, following)
    for number in range(KEPT + 2):
        await shelf.live.engine_for(f"candidate{number}")
    assert following.gone == ["candidate0", "candidate1"]
