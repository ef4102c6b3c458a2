"""What runs in a job's own process: the work, the beats that say it goes on, and its end.

It ends in four ways. The work is done or fails: so says the row. Somebody cancelled it: the work is cancelled, which ends
what it started and removes what it made. It is told to stop (SIGTERM, or the lifeline's other end closes because
`baton serve` is gone): the same, and the job waits for the next relay. The row is no longer its own: the same, and
nothing is written.
"""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal

import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import open_engine
from handoff.content.programs import Progress
from handoff.domain.errors import HandoffError, NotFound, StorageUnavailable
from handoff.domain.storage import why_there
from handoff.settings import Settings
from handoff.studio.job_store import Job, JobStore, Orders

LOOK_S: Final = 0.3
"""Between two looks for a cancellation."""
BEAT_S: Final = 1.0
INSIST_S: Final = 120.0
"""How long the end of a job is tried to be stored; after that it is taken again."""
INSIST_EACH_S: Final = 0.5

log = structlog.get_logger(__name__)
Why = Literal["cancelled", "stopped", "lost"]


class JobTask:
    """What a work is given: the job, and where to say how far it is."""

    def __init__(self, job: Job, settings: Settings, engine: AsyncEngine) -> None:
        self.job = job
        self.settings = settings
        self.engine = engine
        # Of this attempt alone: the one before did not come to its end.
        self._stages: dict[str, float] = {}
        self._kept: dict[str, Any] = {
            name: value
            for name, value in job.result.items()
            if name not in ("stage_seconds", "stage_began", "error")
        }
        self.latest = Progress("starting", 0, 0, "")
        self._began = time.time()

    @property
    def kept(self) -> Mapping[str, Any]:
        """What this job has come to, in earlier attempts too."""
        return self._kept

    def keep(self, **values: Any) -> None:
        """Remember in the job's row, so that an attempt after this one need not do it again."""
        self._kept.update(values)

    def progress(self, step: Progress) -> None:
        """How far it is. Written with the next beat: call it as often as you like."""
        if step.stage != self.latest.stage:
            self._close_stage()
        self.latest = step

    def result(self, *, ended: bool = False) -> dict[str, Any]:
        """What stands in the row: what was kept, and how long each stage took, in their order."""
        if ended:
            self._close_stage()
            return {**self._kept, "stage_seconds": self._stages}
        return {**self._kept, "stage_seconds": self._stages, "stage_began": int(self._began * 1000)}

    def _close_stage(self) -> None:
        now = time.time()
        spent = self._stages.get(self.latest.stage, 0.0) + max(now - self._began, 0.0)
        self._stages[self.latest.stage] = round(spent, 2)
        self._began = now


Work = Callable[[JobTask], Awaitable[Mapping[str, Any]]]
"""Does a job; what it returns is kept in the row. Cancelling it must leave nothing behind but its log."""


async def run_job(
    settings: Settings, job_id: str, worker: str, works: Mapping[str, Work], *, lifeline: int | None = None
) -> bool:
    """Do a job that was taken for `worker`; False where it is not there to be done.

    `lifeline` is the reading end of a pipe whose other end the supervisor holds for as long as it lives.
    """
    engine = open_engine(settings.database)
    store = JobStore(engine, SystemClock())
    try:
        try:
            job = await store.get(job_id)
        except NotFound:
            return False
        if job.worker != worker or job.state != "running":
            return False
        return await _Run(store, JobTask(job, settings, engine), worker).to_its_end(works[job.kind], lifeline)
    finally:
        await engine.dispose()


class _Run:
    """One attempt."""

    def __init__(self, store: JobStore, task: JobTask, worker: str) -> None:
        self._store = store
        self._task = task
        self._worker = worker
        self._why: Why | None = None
        self._work: asyncio.Task[Mapping[str, Any]] | None = None

    async def to_its_end(self, work: Work, lifeline: int | None) -> bool:
        async def do() -> Mapping[str, Any]:
            return await work(self._task)

        self._work = asyncio.create_task(do(), name=f"job-{self._task.job.kind}")
        beating = asyncio.create_task(self._beat_forever(), name="job-beat")
        try:
            with _told_to_stop(lambda: self._end("stopped"), lifeline):
                await asyncio.wait({self._work})
                await self._insist(self._work)
        finally:
            beating.cancel()
            await asyncio.gather(beating, return_exceptions=True)
        return True

    def _end(self, why: Why) -> None:
        if self._why is None and self._work is not None and not self._work.done():
            self._why = why
            self._work.cancel()

    async def _beat_forever(self) -> None:
        job_id, beat_at = self._task.job.id, 0.0
        while True:
            try:
                if time.monotonic() - beat_at >= BEAT_S:
                    orders = await self._store.beat(
                        job_id, self._worker, self._task.latest, self._task.result()
                    )
                    beat_at = time.monotonic()
                else:
                    orders = await self._store.orders(job_id, self._worker)
            except StorageUnavailable as failure:
                # A database that is away for a while ends no training; one that is away for long lets it be taken again.
                log.warning("job_not_told", job=job_id, error=failure.code)
                orders = Orders(mine=True, cancel=False)
            except Exception:
                # A job that went on and never said so would be done a second time beside it.
                log.exception("job_not_told", job=job_id)
                orders = Orders(mine=True, cancel=False)
            if not orders.mine:
                self._end("lost")
            elif orders.cancel:
                self._end("cancelled")
            await asyncio.sleep(LOOK_S)

    async def _insist(self, work: asyncio.Task[Mapping[str, Any]]) -> None:
        """Store how it ended, again and again where the database is away."""
        until = time.monotonic() + INSIST_S
        while True:
            try:
                await self._store_end(work)
            except StorageUnavailable as failure:
                if time.monotonic() > until:
                    log.warning("job_end_not_stored", job=self._task.job.id, error=failure.code)
                    return
                await asyncio.sleep(INSIST_EACH_S)
            else:
                return

    async def _store_end(self, work: asyncio.Task[Mapping[str, Any]]) -> None:
        job_id = self._task.job.id
        if work.cancelled():
            match self._why:
                case "stopped":
                    await self._store.put_back(job_id, self._worker, self._task.result(ended=True))
                case "lost":
                    log.warning("job_taken_over", job=job_id)
                case _:
                    await self._store.finish(job_id, self._worker, "cancelled", self._task.result(ended=True))
            return
        failure = work.exception()
        if failure is None:
            result = {**self._task.result(ended=True), **work.result()}
            await self._store.finish(job_id, self._worker, "done", result)
            return
        result = {**self._task.result(ended=True), "error": self._told(failure)}
        await self._store.finish(job_id, self._worker, "failed", result)

    def _told(self, failure: BaseException) -> dict[str, str]:
        """A failure as an editor is told of it."""
        if isinstance(failure, HandoffError):
            return {"code": failure.code, "message": failure.message}
        if isinstance(failure, OSError):
            return {"code": "storage_failed", "message": f"It could not be written: {why_there(failure)}."}
        log.error("job_fault", job=self._task.job.id, exc_info=failure)
        return {
            "code": "internal",
            "message": f"This is a fault in Baton; run/job-{self._task.job.kind}.log in the home says where.",
        }


@contextmanager
def _told_to_stop(stop: Callable[[], None], lifeline: int | None) -> Iterator[None]:
    """Call `stop` at SIGTERM and SIGINT, and when nobody holds the other end of the lifeline any more."""
    loop = asyncio.get_running_loop()
    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        loop.add_signal_handler(number, stop)

    def ended() -> None:
        # Nothing is ever written into it: readable means closed.
        assert lifeline is not None
        with suppress(BlockingIOError):
            os.read(lifeline, 1)
            loop.remove_reader(lifeline)
            stop()

    if lifeline is not None:
        os.set_blocking(lifeline, False)
        loop.add_reader(lifeline, ended)
    try:
        yield
    finally:
        if lifeline is not None:
            loop.remove_reader(lifeline)
        for number in numbers:
            loop.remove_signal_handler(number)
