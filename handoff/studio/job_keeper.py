"""Starts a process for each job that is due. Every relay has a keeper; the rows say whose turn it is.

A job's process is nobody's child for long: it leads a session of its own and goes on when its relay is restarted. What
ends it is its work, a cancellation, SIGTERM, or the end of `baton serve`, whose lifeline the relay passes on.
"""

from __future__ import annotations

import asyncio
import os
import stat
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from handoff.adapters.tether import LIFELINE
from handoff.domain.errors import StorageUnavailable
from handoff.settings import PROJECT_ROOT, Settings
from handoff.studio.job_store import Job, JobStore

TICK_S: Final = 1.0
_PASSED_ON: Final = (
    "home",
    "database_url",
    "bot_python",
    "encoder",
    "fine_tune",
    "fine_tune_minutes",
    "locale",
    "voice",
    "log_format",
)
"""Settings that jobs go by. A relay may have them from elsewhere than its environment."""
log = structlog.get_logger(__name__)


class JobKeeper:
    """Takes what is due and starts its process."""

    def __init__(self, store: JobStore, settings: Settings, sweep: Callable[[Path], None]) -> None:
        """`sweep` removes what a job's process left in the home when it was killed; it is called off the loop."""
        self._store = store
        self._settings = settings
        self._sweep = sweep
        self._started: dict[int, str] = {}
        self._due = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._look_forever(), name="job-keeper")

    async def stop(self) -> None:
        """Stop looking; what was started goes on."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def look(self) -> None:
        """Something may be due."""
        self._due.set()

    async def _look_forever(self) -> None:
        while True:
            self._due.clear()
            try:
                await self._reap()
                while await self._start_next():
                    pass
            except StorageUnavailable as failure:
                log.warning("jobs_unreadable", error=failure.code)
            except Exception:
                # Whatever it was, nobody would start jobs any more if it ended this task.
                log.exception("job_keeper_failed")
            with suppress(TimeoutError):
                async with asyncio.timeout(TICK_S):
                    await self._due.wait()

    async def _start_next(self) -> bool:
        job, given_up = await self._store.take()
        for each in given_up:
            log.warning("job_given_up", job=each.id, kind=each.kind, attempts=each.attempts)
        if given_up:
            await asyncio.to_thread(self._sweep, self._settings.home)
        if job is None:
            return bool(given_up)
        assert job.worker is not None
        try:
            pid = await asyncio.to_thread(_spawn, job, self._settings)
        except OSError as failure:
            # No memory, no process: after a while it is tried again, three times at most.
            log.warning("job_not_started", job=job.id, error=failure.strerror)
            return False
        self._started[pid] = job.worker
        log.info("job_started", job=job.id, kind=job.kind, attempt=job.attempts, pid=pid)
        return True

    async def _reap(self) -> None:
        for pid, worker in list(self._started.items()):
            if _has_ended(pid):
                # Before it is forgotten: a database that is away now is told at the next look.
                await self._store.gone(worker)
                del self._started[pid]


def _has_ended(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return True


def _spawn(job: Job, settings: Settings) -> int:
    """Start the process of a job and return its id. Raises OSError."""
    folder = settings.home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    words = (sys.executable, "-P", "-m", "handoff.cli", "job", job.id, "--worker", str(job.worker))
    pipe = lifeline()
    # Not by way of asyncio or subprocess: what they start they kill, or warn of, when the relay goes.
    return os.posix_spawn(
        sys.executable,
        words,
        environment(settings, os.environ),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
            (
                os.POSIX_SPAWN_OPEN,
                1,
                str(folder / f"job-{job.kind}.log"),
                os.O_WRONLY | os.O_CREAT | os.O_TRUNC,
                0o600,
            ),
            (os.POSIX_SPAWN_DUP2, 1, 2),
            *([(os.POSIX_SPAWN_DUP2, pipe, pipe)] if pipe is not None else []),
        ],
        setsid=True,
    )


def environment(settings: Settings, own: Mapping[str, str]) -> dict[str, str]:
    """The relay's variables, and those settings that it may have from elsewhere."""
    values = {f"BATON_{name.upper()}": getattr(settings, name) for name in _PASSED_ON}
    kept = {name: value for name, value in own.items() if name not in values}
    passed_on = {name: str(value) for name, value in values.items() if value is not None}
    return {**kept, **passed_on, "PYTHONPATH": str(PROJECT_ROOT), "PYTHONUNBUFFERED": "1"}


def lifeline() -> int | None:
    """The pipe from the supervisor, where there is one and it is still open."""
    try:
        number = int(os.environ[LIFELINE])
        is_pipe = stat.S_ISFIFO(os.fstat(number).st_mode)
    except (KeyError, ValueError, OSError):
        return None
    return number if is_pipe else None
