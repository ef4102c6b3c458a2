"""How long a job will still take, by what the one before it took."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from handoff.studio.job_store import Job
from handoff.studio.jobs import seconds_left

NOW = 1_790_000_000_000
STAGES = {"starting": 1.0, "encode": 40.0, "model": 20.0, "judge": 30.0}


def job(**changes: Any) -> Job:
    base = Job(
        id="j", kind="train", state="running", stage="encode", done=0, total=0, message="", asked_by="Ada",
        asked_at=NOW, started_at=NOW, ended_at=None, beat_at=NOW, worker="w", attempts=1, cancel=False,
        params={"fine_tune": True}, result={"stage_began": NOW},
    )  # fmt: skip
    return replace(base, **changes)


BEFORE = job(state="done", result={"stage_seconds": STAGES})


@pytest.mark.parametrize(
    ("running", "after_s", "left"),
    [
        # Nothing is known of this stage yet: it takes what it took.
        (job(), 0, 40 + 50),
        (job(), 10, 30 + 50),
        # Longer than the last time: the others are still to come.
        (job(), 500, 50),
        # Half is done in 60 s: as long again.
        (job(done=5, total=10), 60, 60 + 50),
        (job(done=10, total=10), 60, 50),
        # Of one thing to do, or of hardly any, nothing can be told.
        (job(done=0, total=1), 10, 30 + 50),
        (job(done=1, total=100), 10, 30 + 50),
        (job(stage="judge"), 29.9, 1),
        (job(result={}), 10, 40 + 50),
    ],
)
def test_what_is_left_is_this_stage_and_those_after_it(running: Job, after_s: float, left: int) -> None:
    assert seconds_left(running, BEFORE, NOW + int(after_s * 1000)) == left


@pytest.mark.parametrize(
    "running", [job(stage="tune"), job(params={"fine_tune": False}), job(params={}), job(stage="waiting")]
)
def test_of_what_the_one_before_did_not_do_nothing_is_told(running: Job) -> None:
    assert seconds_left(running, BEFORE, NOW) is None
    assert seconds_left(job(), job(result={}), NOW) is None
