"""All SQL about jobs: rows of long work, each done by a process of its own.

    queued -> running -> done | failed | cancelled        running -> queued: its process was told to stop

`worker` names one start of one process. Whoever writes about a job names it, so that a process that was given up, and
comes back from a machine that slept, finds that the job is somebody else's and ends.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import orjson
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from handoff.adapters.database import reading, writing
from handoff.adapters.schema import jobs
from handoff.content.programs import Progress
from handoff.domain.errors import NotFound
from handoff.ports import Clock
from handoff.studio.errors import JobLost, JobQueueFull

Kind = Literal["train", "group", "simulate"]
State = Literal["queued", "running", "done", "failed", "cancelled"]
ENDED: Final = ("done", "failed", "cancelled")

LOST_AFTER_MS: Final = 15_000
"""Without a beat for so long, a job's process is taken to be gone. A beat comes every second."""
ATTEMPTS_AT_MOST: Final = 3
QUEUED_AT_MOST: Final = 5
"""Jobs of one kind that may wait. Each trains what is there when it begins: more of them add nothing."""
LISTED: Final = 50


@dataclass(frozen=True, slots=True)
class Job:
    """A row. Times are epoch milliseconds; `result` holds what it has come to so far."""

    id: str
    kind: str
    state: State
    stage: str
    done: int
    total: int
    message: str
    asked_by: str
    asked_at: int
    started_at: int | None
    ended_at: int | None
    beat_at: int | None
    worker: str | None
    attempts: int
    cancel: bool
    params: Mapping[str, Any]
    result: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Orders:
    """What a job's process is to do: go on, end because it was cancelled, or end because the job is no longer its own."""

    mine: bool
    cancel: bool


class JobStore:
    """The jobs of an installation."""

    def __init__(self, engine: AsyncEngine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    async def add(self, kind: Kind, params: Mapping[str, Any], *, asked_by: str) -> Job:
        """A new job at the end of its kind's queue. Raises `JobQueueFull`."""
        job_id = f"j{secrets.token_hex(8)}"
        async with writing(self._engine) as connection:
            await _alone(connection)
            waiting = sa.select(sa.func.count()).where(jobs.c.kind == kind, jobs.c.state == "queued")
            if (await connection.execute(waiting)).scalar_one() >= QUEUED_AT_MOST:
                raise JobQueueFull(f"{QUEUED_AT_MOST} of these are waiting already. Cancel one, or wait.")
            last = sa.select(sa.func.max(jobs.c.asked_at)).where(jobs.c.kind == kind)
            newest = (await connection.execute(last)).scalar_one_or_none() or 0
            row = {
                "id": job_id,
                "kind": kind,
                "state": "queued",
                "asked_by": asked_by,
                # Later than those before it, whatever the clocks of several relays say: they are done in this order.
                "asked_at": max(self._clock.now_ms(), newest + 1),
                "params": orjson.dumps(dict(params)).decode(),
            }
            await connection.execute(jobs.insert().values(row))
        return await self.get(job_id)

    async def get(self, job_id: str) -> Job:
        """One job. Raises `NotFound`."""
        async with reading(self._engine) as connection:
            row = (await connection.execute(sa.select(jobs).where(jobs.c.id == job_id))).one_or_none()
        if row is None:
            raise NotFound("There is no such job.")
        return _job(row)

    async def newest(self, kind: Kind | None = None, limit: int = LISTED) -> list[Job]:
        """The newest jobs, newest first."""
        query = sa.select(jobs).order_by(jobs.c.asked_at.desc(), jobs.c.id).limit(min(limit, LISTED))
        if kind is not None:
            query = query.where(jobs.c.kind == kind)
        async with reading(self._engine) as connection:
            return [_job(row) for row in (await connection.execute(query)).all()]

    async def under_way(self) -> Job | None:
        """The training that runs or waits, else any other job that does, the longest first."""
        async with reading(self._engine) as connection:
            open_ = await _open(connection)
        open_.sort(key=lambda job: (job.kind != "train", job.state != "running", job.asked_at))
        return open_[0] if open_ else None

    async def last_done(self, kind: str) -> Job | None:
        """The last job of this kind that went well."""
        query = (
            sa.select(jobs)
            .where(jobs.c.kind == kind, jobs.c.state == "done")
            .order_by(jobs.c.asked_at.desc())
            .limit(1)
        )
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else _job(row)

    async def cancel(self, job_id: str) -> Job:
        """End a job that waits; tell the process of one that runs. What has ended stays as it is. Raises `NotFound`."""
        async with writing(self._engine) as connection:
            ended = {"state": "cancelled", "cancel": True, "ended_at": self._clock.now_ms()}
            waiting = jobs.update().where(jobs.c.id == job_id, jobs.c.state == "queued")
            if (await connection.execute(waiting.values(ended))).rowcount == 0:
                running = jobs.update().where(jobs.c.id == job_id, jobs.c.state == "running")
                await connection.execute(running.values(cancel=True))
        return await self.get(job_id)

    # --- for the keepers, of which each relay has one ---------------------------------------------------------

    async def take(self) -> tuple[Job | None, list[Job]]:
        """The next job to start a process for, now running under a new `worker`; and jobs that were given up.

        One of a kind runs at a time. A job whose process has gone is taken again, or has failed after the third.
        """
        async with reading(self._engine) as connection:
            if not self._due(await _open(connection)):
                return None, []
        given_up: list[Job] = []
        async with writing(self._engine) as connection:
            await _alone(connection)
            for job in self._due(await _open(connection)):
                if job.cancel or job.attempts >= ATTEMPTS_AT_MOST:
                    await connection.execute(_update(job).values(self._given_up(job)))
                    given_up.append(job)
                    continue
                worker, now = secrets.token_hex(8), self._clock.now_ms()
                begun = {
                    "state": "running",
                    "worker": worker,
                    "attempts": job.attempts + 1,
                    "started_at": job.started_at or now,
                    "beat_at": now,
                    "stage": "starting",
                    "done": 0,
                    "total": 0,
                    "message": "",
                }
                if (await connection.execute(_update(job).values(begun))).rowcount == 1:
                    row = (await connection.execute(sa.select(jobs).where(jobs.c.id == job.id))).one()
                    return _job(row), given_up
        return None, given_up

    async def gone(self, worker: str) -> None:
        """The process that was `worker` has ended. If it did not finish its job, that is to be taken again at once."""
        async with writing(self._engine) as connection:
            mine = jobs.update().where(jobs.c.worker == worker, jobs.c.state == "running")
            await connection.execute(mine.values(beat_at=0))

    def _due(self, open_: Sequence[Job]) -> list[Job]:
        """Of each kind the one to start, unless one of it runs."""
        lost_before = self._clock.now_ms() - LOST_AFTER_MS
        due: list[Job] = []
        for kind in dict.fromkeys(job.kind for job in open_):
            running = [job for job in open_ if job.kind == kind and job.state == "running"]
            lost = [job for job in running if (job.beat_at or 0) <= lost_before]
            waiting = [job for job in open_ if job.kind == kind and job.state == "queued"]
            if lost:
                due.append(lost[0])
            elif not running and waiting:
                due.append(waiting[0])
        return due

    def _given_up(self, job: Job) -> dict[str, Any]:
        ended: dict[str, Any] = {"ended_at": self._clock.now_ms(), "worker": None}
        if job.cancel:
            return {**ended, "state": "cancelled"}
        error = {
            "code": JobLost.code,
            "message": f"Its process ended {job.attempts} times without a word; look at the relay's machine (memory, disk).",
        }
        return {**ended, "state": "failed", "result": _text({**job.result, "error": error})}

    # --- for the job's own process ----------------------------------------------------------------------------

    async def orders(self, job_id: str, worker: str) -> Orders:
        """What the process is to do."""
        query = sa.select(jobs.c.cancel).where(*_mine(job_id, worker))
        async with reading(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return Orders(mine=row is not None, cancel=row is not None and row.cancel)

    async def beat(self, job_id: str, worker: str, progress: Progress, result: Mapping[str, Any]) -> Orders:
        """Say that the process is alive and how far it is; returns what it is to do."""
        values = {
            "beat_at": self._clock.now_ms(),
            "stage": progress.stage[:40],
            "done": min(max(progress.done, 0), 2**31 - 1),
            "total": min(max(progress.total, 0), 2**31 - 1),
            "message": progress.message[:500],
            "result": _text(result),
        }
        async with writing(self._engine) as connection:
            query = jobs.update().where(*_mine(job_id, worker)).values(values).returning(jobs.c.cancel)
            row = (await connection.execute(query)).one_or_none()
        return Orders(mine=row is not None, cancel=row is not None and row.cancel)

    async def finish(
        self,
        job_id: str,
        worker: str,
        state: Literal["done", "failed", "cancelled"],
        result: Mapping[str, Any],
    ) -> bool:
        """The end of a job; False where it was no longer this process's."""
        values = {"state": state, "ended_at": self._clock.now_ms(), "result": _text(result), "worker": None}
        async with writing(self._engine) as connection:
            query = jobs.update().where(*_mine(job_id, worker)).values(values)
            return (await connection.execute(query)).rowcount == 1

    async def put_back(self, job_id: str, worker: str, result: Mapping[str, Any]) -> None:
        """The process was told to stop and the job is not done: it waits again, and the attempt does not count."""
        values = {
            "state": "queued",
            "worker": None,
            "stage": "",
            "message": "",
            "done": 0,
            "total": 0,
            "attempts": jobs.c.attempts - 1,
            "result": _text(result),
        }
        async with writing(self._engine) as connection:
            await connection.execute(jobs.update().where(*_mine(job_id, worker)).values(values))


def _mine(job_id: str, worker: str) -> tuple[sa.ColumnElement[bool], ...]:
    return jobs.c.id == job_id, jobs.c.worker == worker, jobs.c.state == "running"


def _update(job: Job) -> sa.Update:
    """Of the row as it was read, and of no other: whoever came first has changed one of these."""
    return jobs.update().where(
        jobs.c.id == job.id,
        jobs.c.state == job.state,
        jobs.c.attempts == job.attempts,
        jobs.c.worker == job.worker if job.worker is not None else jobs.c.worker.is_(None),
    )


async def _alone(connection: AsyncConnection) -> None:
    """Let no other transaction take or add a job until this one ends; SQLite has one writer anyway."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text("LOCK TABLE jobs IN SHARE ROW EXCLUSIVE MODE"))


async def _open(connection: AsyncConnection) -> list[Job]:
    query = (
        sa.select(jobs).where(jobs.c.state.in_(("queued", "running"))).order_by(jobs.c.asked_at, jobs.c.id)
    )
    return [_job(row) for row in (await connection.execute(query)).all()]


def _job(row: Any) -> Job:
    values = row._asdict()
    values["params"] = orjson.loads(row.params)
    values["result"] = orjson.loads(row.result) if row.result is not None else {}
    return Job(**values)


def _text(result: Mapping[str, Any]) -> str:
    return orjson.dumps(dict(result)).decode()
