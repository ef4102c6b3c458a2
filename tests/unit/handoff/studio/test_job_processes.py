"""Jobs in processes of their own, really: begun, watched, cancelled, killed, put back, and what they leave behind."""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import writing
from handoff.adapters.schema import asked, event_bodies, events
from handoff.adapters.tether import LIFELINE
from handoff.bootstrap import open_database
from handoff.content.store import ContentStore
from handoff.settings import Settings
from handoff.studio.exam import Exam
from handoff.studio.job_keeper import JobKeeper
from handoff.studio.job_store import Job, JobStore
from handoff.studio.reports import Reports
from handoff.studio.trainings import sweep
from kb_index.article import Article
from kb_index.releases import ReleaseStore
from tests.unit.handoff.studio.programs import bot_python, is_alive

PATIENCE_S = 60
TRAIN = {"note": "typo", "fine_tune": True, "risk": 0.03, "unanswerable_share": 0.2}


class Place:
    """A home with an article, and a keeper of its jobs."""

    def __init__(self, settings: Settings, engine: AsyncEngine) -> None:
        self.settings = settings
        self.home = settings.home
        self.engine = engine
        self.store = JobStore(engine, SystemClock())
        self.keeper = self.new_keeper()

    def new_keeper(self) -> JobKeeper:
        """A keeper as one more relay has it."""
        return JobKeeper(self.store, self.settings, sweep)

    def mode(self, mode: str) -> None:
        (self.home / "mode").write_text(mode)

    async def train(self, **params: Any) -> Job:
        job = await self.store.add("train", {**TRAIN, **params}, asked_by="Ada")
        self.keeper.look()
        return job

    async def until(self, job: Job, holds: Callable[[Job], bool]) -> Job:
        async with asyncio.timeout(PATIENCE_S):
            while not holds(found := await self.store.get(job.id)):
                await asyncio.sleep(0.02)
        return found

    async def ended(self, job: Job, *states: str) -> Job:
        found = await self.until(job, lambda job: job.state in ("done", "failed", "cancelled"))
        assert found.state in states, found
        return found

    async def hanging(self) -> list[int]:
        """The pids of the program that hangs, of its child and of the job's process."""
        pids = self.home / "pids"
        await eventually(lambda: pids.exists() and len(pids.read_text().split()) == 3)
        return [int(pid) for pid in pids.read_text().split()]

    def left(self) -> list[str]:
        """What is in the home that a release or a finished job would not leave."""
        releases = self.home / "releases"
        scratch = [path.name for path in (self.home / "run").iterdir() if path.is_dir()]
        made = [path.name for path in releases.iterdir()] if releases.exists() else []
        return sorted([*scratch, *(name for name in made if name.startswith(".building"))])

    def releases(self) -> list[str]:
        return [release.id for release in ReleaseStore(self.home / "releases").list()]


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_S):
        while not holds():
            await asyncio.sleep(0.02)


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    home = tmp_path / "home"
    (home / "run").mkdir(parents=True)
    settings = Settings(home=home, bot_python=bot_python(tmp_path), locale="de")
    engine = await open_database(settings)
    await ContentStore(engine, SystemClock()).upsert(Article("track", "Where is it?", "Open Orders."))
    place = Place(settings, engine)
    place.keeper.start()
    yield place
    await place.keeper.stop()
    for job in await place.store.newest():
        await place.store.cancel(job.id)
    for job in await place.store.newest():
        if job.state == "running" and (home / "pids").exists():
            pid = int((home / "pids").read_text().split()[2])
            if is_alive(pid):
                os.kill(pid, signal.SIGTERM)
    await engine.dispose()


async def test_a_training_makes_a_release_and_a_report_and_nothing_live_moves(place: Place) -> None:
    await Exam(place.engine, SystemClock(), "de").add("wo ist es", "track", None, by="Ada")
    await said(place.engine, "c1", (2, "Where is my parcel?", None), (6, "no", "reject"))
    done = await place.ended(await place.train(), "done")
    (release,) = ReleaseStore(place.home / "releases").list()
    assert done.result["release_id"] == release.id
    assert (done.result["report_problem"], done.attempts, done.worker) == (None, 1, None)
    assert (release.manifest["note"], release.manifest["asked_by"]) == ("typo", "Ada")
    told = release.manifest["figures"]["told"]
    # Low priority, the studio's settings, and a session that no relay is in.
    assert (told["risk"], told["share"], told["fine_tune"]) == ("0.03", "0.2", "auto")
    assert told["nice"] == min(os.nice(0) + 10, 19)
    assert told["session"] != os.getsid(0)
    assert ReleaseStore(place.home / "releases").current() is None
    report = json.loads(Reports(place.home).text(release.id))
    assert (report["candidate"], report["against"]) == (release.id, None)
    assert [row["text"] for row in report["told"]["questions"]] == ["wo ist es"]
    turns = [
        {"turn": 2, "text": "Where is my parcel?", "choice": None},
        {"turn": 6, "text": "no", "choice": "reject"},
    ]
    assert report["told"]["conversations"] == [{"id": "c1", "locale": "en", "turns": turns}]
    assert (Path(report["told"]["golden"]) / "talk.yml").is_file()
    assert report["told"]["locale"] == "de"
    # What got worse comes first.
    assert [change["verdict"] for change in report["exam"]["changes"]] == ["worse", "other", "better"]
    assert {"encoder", "articles", "model", "judge"} <= done.result["stage_seconds"].keys()
    assert place.left() == []


async def said(engine: AsyncEngine, name: str, *turns: tuple[int, str, str | None]) -> None:
    """A conversation of just now."""
    now = SystemClock().now_ms()
    async with writing(engine) as connection:
        for turn, text, choice in turns:
            event = {
                "conversation_id": name, "seq": turn, "id": f"e{name}{turn}", "at": now, "kind": "customer.said",
                "actor_type": "customer", "customer_prev": 0,
            }  # fmt: skip
            body = {"text": text, "client_id": "x", "choice": choice}
            record = {
                "conversation_id": name, "turn": turn, "at": now, "episode": 1, "locale": "en", "release_id": "r",
                "revision": 0, "kind": "answer", "reason": "", "confidence": 0.5, "threshold": 0.5,
                "frustration": 0.0, "reply_seq": turn + 1, "question": True, "reasons": 0,
            }  # fmt: skip
            await connection.execute(events.insert().values(event))
            await connection.execute(
                event_bodies.insert().values({"id": event["id"], "data": json.dumps(body)})
            )
            await connection.execute(asked.insert().values(record))


async def test_without_fine_tuning_the_trainer_is_told_so(place: Place) -> None:
    done = await place.ended(await place.train(fine_tune=False), "done")
    manifest = ReleaseStore(place.home / "releases").get(done.result["release_id"]).manifest
    assert manifest["figures"]["told"]["fine_tune"] == "off"


@pytest.mark.parametrize("voice", [None, "formal"])
async def test_the_trainer_is_told_of_a_voice_that_was_chosen(place: Place, voice: str | None) -> None:
    done = await place.ended(await place.train(voice=voice), "done")
    manifest = ReleaseStore(place.home / "releases").get(done.result["release_id"]).manifest
    assert manifest["figures"]["told"]["voice"] == voice


async def test_what_the_trainer_refuses_is_told_in_its_words(place: Place) -> None:
    place.mode("no articles")
    failed = await place.ended(await place.train(), "failed")
    assert failed.result["error"] == {"code": "no_articles", "message": "There is nothing to train."}
    assert (place.releases(), place.left()) == ([], [])


@pytest.mark.parametrize(
    ("mode", "code"),
    [
        ("judge falls", "program_crashed"),
        ("judge refuses", "unknown_release"),
        ("judge babbles", "bad_report"),
    ],
)
async def test_a_judge_that_fails_loses_no_release(place: Place, mode: str, code: str) -> None:
    place.mode(mode)
    done = await place.ended(await place.train(), "done")
    assert place.releases() == [done.result["release_id"]]
    assert done.result["report_problem"]["code"] == code
    assert Reports(place.home).known() == frozenset()
    with pytest.raises(Exception, match="This release was not judged: ") as missing:
        Reports(place.home).text(done.result["release_id"])
    assert missing.value.code == "report_missing"  # type: ignore[attr-defined]
    assert place.left() == []


@pytest.mark.parametrize("stage", ["articles", "judge"])
async def test_cancelling_ends_everything_within_two_seconds(place: Place, stage: str) -> None:
    place.mode(f"hang in {stage}")
    job = await place.train()
    pids = await place.hanging()
    began = time.monotonic()
    await place.store.cancel(job.id)
    cancelled = await place.ended(job, "cancelled")
    assert time.monotonic() - began < 2
    await eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert place.left() == []
    # A release that was whole before the judge was cancelled is kept.
    assert len(place.releases()) == (1 if stage == "judge" else 0)
    assert ("release_id" in cancelled.result) == (stage == "judge")


async def test_progress_is_shown_while_it_goes_on(place: Place) -> None:
    place.mode("hang in articles")
    job = await place.train()
    shown = await place.until(job, lambda job: job.stage == "articles")
    assert (shown.done, shown.total, shown.message) == (1, 4, "hanging")
    beat = shown.beat_at
    assert beat is not None
    await place.until(job, lambda job: (job.beat_at or 0) > beat)


@pytest.mark.parametrize("stage", ["articles", "judge"])
async def test_a_process_that_is_killed_leaves_nothing_and_the_job_is_done_again(
    place: Place, stage: str
) -> None:
    place.mode(f"hang in {stage}")
    job = await place.train()
    trainer, child, process = await place.hanging()
    before = place.releases()
    place.mode("")
    os.kill(process, signal.SIGKILL)
    await eventually(lambda: not is_alive(trainer))
    os.kill(child, signal.SIGKILL)
    done = await place.ended(job, "done")
    assert done.attempts == 2
    # What was whole is not trained again.
    assert before == [] or place.releases() == before
    assert place.releases() == [done.result["release_id"]]
    assert Reports(place.home).known() == {done.result["release_id"]}
    assert place.left() == []


async def test_a_job_whose_process_always_dies_has_failed_and_what_it_built_is_swept(place: Place) -> None:
    place.mode("hang in articles")
    job = await place.train()
    for _ in range(3):
        _trainer, child, process = await place.hanging()
        (place.home / "pids").unlink()
        os.kill(process, signal.SIGKILL)
        os.kill(child, signal.SIGKILL)
    failed = await place.ended(job, "failed")
    assert (failed.result["error"]["code"], failed.attempts) == ("job_lost", 3)
    await eventually(lambda: place.left() == [])
    assert place.releases() == []


async def test_a_keeper_that_goes_leaves_the_process_running_and_the_next_one_starts_no_second(
    place: Place,
) -> None:
    place.mode("hang in articles")
    job = await place.train()
    pids = await place.hanging()
    await place.keeper.stop()
    place.keeper = place.new_keeper()
    place.keeper.start()
    beat = (await place.store.get(job.id)).beat_at or 0
    later = await place.until(job, lambda job: (job.beat_at or 0) > beat + 1500)
    assert later.attempts == 1
    assert all(is_alive(pid) for pid in pids)
    await place.store.cancel(job.id)
    await place.ended(job, "cancelled")


async def test_several_keepers_start_one_process(place: Place) -> None:
    others = [place.new_keeper() for _ in range(3)]
    for keeper in others:
        keeper.start()
    try:
        jobs = [await place.train() for _ in range(2)]
        for keeper in (*others, place.keeper):
            keeper.look()
        done = [await place.ended(job, "done") for job in jobs]
    finally:
        for keeper in others:
            await keeper.stop()
    assert [job.attempts for job in done] == [1, 1]
    assert len(place.releases()) == 2
    assert (done[0].ended_at or 0) <= (done[1].started_at or 0)


async def end_of_serve(place: Place, _process: int) -> None:
    """The supervisor is gone: its end of the pipe is closed."""
    del place
    os.close(int(os.environ["BATON_TEST_PIPE"]))


async def told_to_end(place: Place, process: int) -> None:
    """As a service manager tells everything of a unit."""
    del place
    os.kill(process, signal.SIGTERM)


@pytest.mark.parametrize("how", [end_of_serve, told_to_end])
async def test_a_job_ends_with_serve_and_is_taken_up_again_at_the_next_start(
    place: Place, how: Callable[[Place, int], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, writing_end = os.pipe()
    monkeypatch.setenv(LIFELINE, str(reading))
    monkeypatch.setenv("BATON_TEST_PIPE", str(writing_end))
    place.mode("hang in articles")
    job = await place.train()
    pids = await place.hanging()
    await place.keeper.stop()
    began = time.monotonic()
    await how(place, pids[2])
    waiting = await place.until(job, lambda job: job.state == "queued")
    await eventually(lambda: not any(is_alive(pid) for pid in pids))
    assert time.monotonic() - began < 5
    assert (waiting.attempts, waiting.worker, place.left(), place.releases()) == (0, None, [], [])
    monkeypatch.delenv(LIFELINE)
    place.mode("")
    place.keeper = place.new_keeper()
    place.keeper.start()
    done = await place.ended(job, "done")
    assert (done.attempts, len(place.releases())) == (1, 1)
    os.close(reading)


async def test_a_full_disk_is_said_to_be_one(place: Place) -> None:
    # A file in the place of the folder: as with a full disk, nothing can be written there.
    (place.home / "releases").write_text("")
    failed = await place.ended(await place.train(), "failed")
    assert failed.result["error"]["code"] == "storage_failed"
    assert (
        "releases" in failed.result["error"]["message"] or "File exists" in failed.result["error"]["message"]
    )


async def test_a_job_waits_while_the_command_line_trains_this_home(place: Place) -> None:
    with (place.home / "run" / "train.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        job = await place.train()
        waiting = await place.until(job, lambda job: job.stage == "waiting")
        assert "Another training" in waiting.message
    await place.ended(job, "done")
