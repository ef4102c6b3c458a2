"""What each kind of job does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from handoff.studio.grouping import group_questions
from handoff.studio.job_process import Work
from handoff.studio.simulating import simulate
from handoff.studio.trainings import train_and_judge

WORKS: Final[Mapping[str, Work]] = {"train": train_and_judge, "group": group_questions, "simulate": simulate}
