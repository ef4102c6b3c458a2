"""The trainer and its job killed at every stage: what is live stays, nothing half is listed, and the job is done again."""

from __future__ import annotations

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from handoff.adapters.clock import SystemClock
from handoff.bootstrap import open_database
from handoff.content.store import ContentStore
from handoff.settings import Settings
from handoff.studio import job_keeper
from handoff.studio.job_store import Job
from handoff.studio.reports import Reports
from kb_index.article import Article
from kb_index.editions import Edition, EditionStore
from kb_index.releases import ReleaseStore
from tests.faults.planted_stop import has_stopped, plant, stop
from tests.integration.relay.studio import released
from tests.unit.handoff.studio.programs import bot_python, is_alive
from tests.unit.handoff.studio.test_job_processes import Place, eventually

TRACK = Article("track", "Where is it?", "Open Orders.")
SAID = Article("track", "Where is it?", "Open Orders, then Parcels.")


@pytest.fixture
async def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Place]:
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    released(home, "r1", [TRACK])
    EditionStore(home / "editions").write(Edition("r1", 1, "2026-11-30T08:00:00.000Z", "Ada", (SAID,)))
    settings = Settings(home=home, bot_python=bot_python(tmp_path))
    # Every job's process meets the stop.
    monkeypatch.setattr(job_keeper, "PROJECT_ROOT", plant(tmp_path / "planted", home))
    engine = await open_database(settings)
    await ContentStore(engine, SystemClock()).upsert(SAID)
    place = Place(settings, engine)
    place.keeper.start()
    yield place
    await place.keeper.stop()
    await engine.dispose()


def what_is_live(home: Path) -> tuple[str | None, bytes]:
    return ReleaseStore(home / "releases").current(), (home / "editions" / "r1.json").read_bytes()


def made(place: Place) -> list[str]:
    """What is listed besides the live release, each whole."""
    store = ReleaseStore(place.home / "releases")
    return [store.verify(release.id).id for release in store.list() if release.id != "r1"]


def is_whole(place: Place, job: Job) -> bool:
    """One new release, with the job's report, and nothing that the job worked with."""
    one = [job.result["release_id"]]
    return made(place) == one and Reports(place.home).known() == set(one) and place.left() == []


async def kill(place: Place, which: str, then: str) -> None:
    """End the trainer that hangs, or the process of its job; the next one finds the mode `then`."""
    trainer, child, process = await place.hanging()
    (place.home / "pids").unlink()
    place.mode(then)
    os.kill(process if which == "job" else trainer, signal.SIGKILL)
    await eventually(lambda: not is_alive(trainer))
    if is_alive(child):
        os.kill(child, signal.SIGKILL)


async def test_a_job_killed_in_the_trainer_at_two_stages_is_done_again(place: Place) -> None:
    before = what_is_live(place.home)
    place.mode("hang in encoder")
    job = await place.train()
    for stage, then in (("encoder", "hang in model"), ("model", "")):
        await place.until(job, lambda job, stage=stage: job.stage == stage)  # type: ignore[misc]
        await kill(place, "job", then)
        assert (place.releases(), what_is_live(place.home)) == (["r1"], before)
    done = await place.ended(job, "done")
    assert (done.attempts, is_whole(place, done), what_is_live(place.home)) == (3, True, before)


@pytest.mark.parametrize(("file", "made_before"), [("/releases/r", 0), ("/reports/r", 1)])
async def test_a_job_killed_before_and_after_a_file_has_its_name_is_done_again(
    place: Place, file: str, made_before: int
) -> None:
    before = what_is_live(place.home)
    stop(place.home, f"before {file}")
    job = await place.train()
    await eventually(lambda: has_stopped(place.home))
    assert len(made(place)) == made_before
    stop(place.home, f"after {file}")
    await eventually(lambda: has_stopped(place.home))
    assert len(made(place)) == 1
    done = await place.ended(job, "done")
    # It was not trained a second time.
    assert made(place) == [done.result["release_id"]]
    assert (done.attempts, is_whole(place, done), what_is_live(place.home)) == (3, True, before)


async def test_a_trainer_that_is_killed_is_said_to_be_and_leaves_nothing(place: Place) -> None:
    before = what_is_live(place.home)
    place.mode("hang in model")
    job = await place.train()
    await kill(place, "trainer", "")
    failed = await place.ended(job, "failed")
    assert failed.result["error"]["code"] == "trainer_crashed"
    assert "SIGKILL" in failed.result["error"]["message"]
    assert (place.releases(), place.left(), what_is_live(place.home)) == (["r1"], [], before)
    # The next one goes well.
    assert is_whole(place, await place.ended(await place.train(), "done"))
