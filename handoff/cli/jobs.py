"""`baton job`: what the relay starts for each job of the studio."""

from __future__ import annotations

import asyncio
import os
from typing import Annotated, Final

import typer

from handoff.cli.logs import set_up_logging
from handoff.cli.output import fail, guarded, settings
from handoff.settings import Settings
from handoff.studio.job_keeper import lifeline
from handoff.studio.job_process import run_job
from handoff.studio.works import WORKS
from handoff.upkeep.locks import while_running

NICER: Final = 10
"""Turns of customers come first."""


def job(
    job_id: Annotated[str, typer.Argument(help="The job's id.")],
    worker: Annotated[str, typer.Option("--worker", help="The start that the job was taken for.")],
) -> None:
    """Do one of the studio's jobs. The relay starts this; it is of no use by hand."""
    configured = settings()
    set_up_logging(configured.log_format)
    os.nice(NICER)
    if not guarded(lambda: asyncio.run(_run(configured, job_id, worker))):
        fail("There is no such job to do.", code="not_found")


async def _run(configured: Settings, job_id: str, worker: str) -> bool:
    # As a relay does: nothing may be restored into a home that a job works on.
    with while_running(configured.home):
        return await run_job(configured, job_id, worker, WORKS, lifeline=lifeline())
