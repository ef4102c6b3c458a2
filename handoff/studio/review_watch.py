"""Asks for a grouping of the review inbox by itself: when enough new questions wait, or an hour after the last."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any, Final, Literal

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncEngine

from handoff.adapters.database import reading
from handoff.adapters.schema import asked, pickups, reply_feedback
from handoff.domain.errors import HandoffError
from handoff.ports import Clock
from handoff.studio.gleaning import OVERLAP_MS
from handoff.studio.job_store import Job, JobStore
from handoff.studio.jobs import Jobs
from handoff.studio.review_rows import IS_OPEN

LOOK_S: Final = 60.0
ENOUGH: Final = 20
"""New questions in no group that are worth a grouping."""
HOUR_MS: Final = 3_600_000
BY: Final = "Baton"
"""Who asks for it where no editor did."""

Reason = Literal["enough", "hour"]

log = structlog.get_logger(__name__)


class ReviewWatch:
    """Looks from time to time, and asks for a grouping when it is due."""

    def __init__(self, engine: AsyncEngine, store: JobStore, jobs: Jobs, clock: Clock) -> None:
        self._engine = engine
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._run(), name="review-watch")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def regroup(self, *, by: str) -> dict[str, Any]:
        """Ask for a grouping now; one that waits already is the answer. Raises `JobQueueFull`."""
        for job in await self._store.newest("group", 10):
            if job.state == "queued":
                return await self._jobs.one(job.id)
        return await self._jobs.add("group", {}, asked_by=by)

    async def due(self) -> Reason | None:
        """Why a grouping is due now; None where none is."""
        newest = await self._store.newest("group", 1)
        last = newest[0] if newest else None
        if last is not None and last.state in ("queued", "running"):
            return None
        is_over = last is None or self._clock.now_ms() - (last.ended_at or last.asked_at) >= HOUR_MS
        since = _began(last) - OVERLAP_MS
        if last is None or last.state == "done":
            waiting = sa.select(sa.func.count()).where(
                IS_OPEN, asked.c.group_id.is_(None), asked.c.at >= since
            )
            async with reading(self._engine) as connection:
                if (await connection.execute(waiting)).scalar_one() >= ENOUGH:
                    return "enough"
        # What failed or was cancelled is tried again in an hour, not in a minute.
        return "hour" if is_over and await self._anything(since) else None

    async def _anything(self, since: int) -> bool:
        """Whether something has happened since then that may change the inbox."""
        new = [sa.exists().where(table.c.at >= since).select() for table in (asked, reply_feedback, pickups)]
        async with reading(self._engine) as connection:
            for query in new:
                if (await connection.execute(query)).scalar_one():
                    return True
        return False

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                why = await self.due()
                if why is not None:
                    await self._jobs.add("group", {"why": why}, asked_by=BY)
            except HandoffError as failure:
                log.warning("review_not_watched", error=failure.code)
            except Exception:
                log.exception("review_not_watched")


def _began(last: Job | None) -> int:
    if last is None:
        return 0
    return last.started_at or last.asked_at
