"""Jobs as editors see them: asked for, listed with the time they still take, cancelled."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from handoff.domain.errors import BadFrame, NotFound
from handoff.ports import Clock
from handoff.studio.job_keeper import JobKeeper
from handoff.studio.job_store import Job, JobStore, Kind
from handoff.studio.settings import StudioSettings, check_values
from handoff.wire.times import rfc3339

NOTE_AT_MOST: Final = 500


class Jobs:
    """What the routes call."""

    def __init__(self, store: JobStore, keeper: JobKeeper, settings: StudioSettings, clock: Clock) -> None:
        self._store = store
        self._keeper = keeper
        self._settings = settings
        self._clock = clock

    async def train(self, *, note: str | None, fine_tune: bool, asked_by: str) -> dict[str, Any]:
        """Ask for a training by the studio's settings as they are now. Raises `JobQueueFull`."""
        values = await self._settings.values()
        params = {
            "note": note,
            "fine_tune": fine_tune,
            "risk": values["risk"],
            "unanswerable_share": values["unanswerable_share"],
            "frustration": values["frustration"],
            "voice": values["voice"],
        }
        return await self.add("train", params, asked_by=asked_by)

    async def simulate(
        self, *, risk: float | None, frustration: float | None, days: int, asked_by: str
    ) -> dict[str, Any]:
        """Ask what the last `days` would have been with other values. Raises `JobQueueFull`, `BadSetting`."""
        tried = {"risk": risk, "frustration": frustration}
        check_values({name: value for name, value in tried.items() if value is not None})
        values = await self._settings.values()
        params = {**tried, "days": days, "minutes": values["handoff_minutes"]}
        return await self.add("simulate", params, asked_by=asked_by)

    async def add(self, kind: Kind, params: Mapping[str, Any], *, asked_by: str) -> dict[str, Any]:
        """A new job, as it is shown. Raises `JobQueueFull`."""
        job = await self._store.add(kind, params, asked_by=asked_by)
        self._keeper.look()
        return await self._shown(job)

    async def one(self, job_id: str) -> dict[str, Any]:
        """One job. Raises `NotFound`."""
        return await self._shown(await self._store.get(job_id))

    async def simulation(self, job_id: str) -> dict[str, Any]:
        """What a simulation came to. Raises `NotFound`, `BadFrame` for one that is not done."""
        job = await self._store.get(job_id)
        if job.kind != "simulate":
            raise NotFound("There is no such simulation.")
        if job.state != "done":
            raise BadFrame("This job is not done.", state=job.state)
        return {name: value for name, value in job.result.items() if name != "stage_seconds"}

    async def all(self) -> list[dict[str, Any]]:
        """The newest jobs, newest first."""
        return [await self._shown(job) for job in await self._store.newest()]

    async def under_way(self) -> dict[str, Any] | None:
        """The one that a page shows: the training that runs or waits, or else another job that does."""
        job = await self._store.under_way()
        return None if job is None else await self._shown(job)

    async def last_training(self) -> dict[str, Any] | None:
        """The last one that went well."""
        job = await self._store.last_done("train")
        return None if job is None else await self._shown(job)

    async def cancel(self, job_id: str) -> dict[str, Any]:
        """End a job: at once where it waits, within two seconds where it runs. Raises `NotFound`."""
        return await self._shown(await self._store.cancel(job_id))

    async def _shown(self, job: Job) -> dict[str, Any]:
        before = await self._store.last_done(job.kind) if job.state == "running" else None
        error = job.result.get("error") if job.state == "failed" else None
        return {
            "id": job.id,
            "kind": job.kind,
            "state": job.state,
            "stage": job.stage,
            "done": job.done,
            "total": job.total,
            "message": job.message,
            "note": job.params.get("note"),
            "asked_by": job.asked_by,
            "asked_at": rfc3339(job.asked_at),
            "started_at": None if job.started_at is None else rfc3339(job.started_at),
            "ended_at": None if job.ended_at is None else rfc3339(job.ended_at),
            "seconds_left": None if before is None else seconds_left(job, before, self._clock.now_ms()),
            "cancelling": job.state == "running" and job.cancel,
            "release_id": job.result.get("release_id"),
            "error": error,
        }


def seconds_left(job: Job, before: Job, now_ms: int) -> int | None:
    """How long a running job will still take, going by the last one of its kind that went well.

    Each stage to come takes what it took then. The one that goes on takes what its progress says once a tenth of it is
    done, and until then what it took. None where the two do not do the same: another choice about fine-tuning, or a
    stage that the one before did not have.
    """
    took: Mapping[str, float] = before.result.get("stage_seconds") or {}
    if job.params.get("fine_tune") != before.params.get("fine_tune") or job.stage not in took:
        return None
    began = job.result.get("stage_began")
    spent = max(0.0, (now_ms - began) / 1000) if isinstance(began, int) else 0.0
    share = min(job.done / job.total, 1.0) if job.total > 1 else 0.0
    here = spent * (1 - share) / share if share >= 0.1 else max(took[job.stage] - spent, 0.0)
    stages = list(took)
    after = sum(took[name] for name in stages[stages.index(job.stage) + 1 :])
    return max(1, round(here + after))
