"""The job `train`: the working copy becomes a release, and the release is judged. Nothing live moves."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import structlog

from handoff.adapters.clock import SystemClock
from handoff.content.errors import TrainingFailed
from handoff.content.programs import Progress
from handoff.content.training import sweep as sweep_training
from handoff.content.training import train
from handoff.domain.errors import HandoffError
from handoff.domain.storage import why
from handoff.studio.bot_programs import sweep_folders
from handoff.studio.job_process import JobTask
from handoff.studio.judging import judge
from handoff.studio.reports import Reports
from kb_index.releases import ReleaseError, ReleaseStore

AGAIN_S: Final = 1.0
"""Between two tries while `baton train` of the command line has this home."""
log = structlog.get_logger(__name__)


async def train_and_judge(task: JobTask) -> Mapping[str, Any]:
    """Train what is ready, then judge it beside what is live.

    A judge that fails loses no release: the report is missing, and its reason is kept.

    Raises:
        TrainingFailed: there is no release.
        StorageUnavailable: the articles cannot be read.
    """
    release_id = await asyncio.to_thread(_made_before, task)
    if release_id is None:
        release_id = await _trained(task)
    else:
        # The process that made it was killed before it had put away what it worked with.
        await asyncio.to_thread(sweep_training, task.settings.home)
    task.keep(release_id=release_id)
    problem = await _judged(task, release_id)
    return {"release_id": release_id, "report_problem": problem}


def sweep(home: Path) -> None:
    """Remove what a job has left that was killed and is not taken again."""
    sweep_training(home)
    sweep_folders(home)


def _made_before(task: JobTask) -> str | None:
    """The release that an earlier attempt committed before its process was killed."""
    for release in ReleaseStore(task.settings.home / "releases").list():
        if release.manifest.get("job_id") == task.job.id:
            return release.id
    return None


async def _trained(task: JobTask) -> str:
    params, settings = task.job.params, task.settings
    if not params.get("fine_tune", True):
        settings = settings.model_copy(update={"fine_tune": "off"})
    while True:
        try:
            release = await train(
                settings.home,
                settings,
                publish=False,
                risk=float(params["risk"]),
                unanswerable_share=float(params["unanswerable_share"]),
                frustration_threshold=float(params["frustration"]) if "frustration" in params else None,
                voice=params.get("voice"),
                on_progress=task.progress,
                by=task.job.asked_by,
                about={"job_id": task.job.id, "note": params.get("note")},
            )
        except TrainingFailed as failure:
            if failure.code != "training_in_progress":
                raise
            task.progress(Progress("waiting", 0, 0, "Another training of this home is under way."))
            await asyncio.sleep(AGAIN_S)
        else:
            return release.id


async def _judged(task: JobTask, release_id: str) -> dict[str, str] | None:
    """Judge the release and store the report; returns why there is none."""
    reports = Reports(task.settings.home)
    task.progress(Progress("judge", 0, 0, ""))
    try:
        report = await judge(
            task.settings,
            task.engine,
            candidate=release_id,
            against=await asyncio.to_thread(_live, task, release_id),
            now_ms=SystemClock().now_ms(),
            on_progress=lambda step: task.progress(Progress(f"judge_{step.stage}", *_rest(step))),
        )
        await asyncio.to_thread(reports.write, release_id, report)
    except HandoffError as failure:
        problem = {"code": failure.code, "message": failure.message}
    except OSError as failure:
        problem = {"code": "storage_failed", "message": f"It could not be written: {why(failure)}."}
    else:
        return None
    log.warning("release_not_judged", release=release_id, error=problem["code"])
    try:
        await asyncio.to_thread(reports.write_problem, release_id, **problem)
    except OSError as failure:
        log.warning("problem_not_kept", release=release_id, error=failure.strerror)
    return problem


def _live(task: JobTask, release_id: str) -> str | None:
    """What is live, where it can be compared with; a damaged pointer or release is no reason not to judge."""
    store = ReleaseStore(task.settings.home / "releases")
    try:
        live = store.current()
        return None if live in (None, release_id) else store.get(str(live)).id
    except ReleaseError:
        return None


def _rest(step: Progress) -> tuple[int, int, str]:
    return step.done, step.total, step.message
