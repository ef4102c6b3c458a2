"""The training process, `python -m bot.train`: what it is told and what it hands over."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from handoff.content.errors import ProgramFailed, TrainingFailed
from handoff.content.programs import OnProgress, ProgramCall, run_program

_CODES: Final = {
    "program_failed": "training_failed",
    "program_crashed": "trainer_crashed",
    "bad_program_answer": "bad_trainer_answer",
}


@dataclass(frozen=True, slots=True)
class TrainerCall:
    """What a training process is started with. `lock_fd` stays open in it for as long as it lives: nobody trains beside it."""

    python: Path
    home: Path
    snapshot: Path
    out: Path
    scratch: Path
    risk: float
    unanswerable_share: float
    frustration_threshold: float | None
    voice: str | None
    encoder: str
    fine_tune: str
    fine_tune_minutes: float
    log: Path
    lock_fd: int

    def program(self) -> ProgramCall:
        """The program to run."""
        frustration = (
            ()
            if self.frustration_threshold is None
            else ("--frustration-threshold", repr(self.frustration_threshold))
        )
        return ProgramCall(
            python=self.python,
            module="bot.train",
            arguments=(
                *("--home", str(self.home), "--snapshot", str(self.snapshot), "--out", str(self.out)),
                *("--risk", repr(self.risk), "--unanswerable-share", repr(self.unanswerable_share)),
                *frustration,
                *(() if self.voice is None else ("--voice", self.voice)),
            ),
            log=self.log,
            environment={
                "BATON_HOME": str(self.home),
                "BATON_ENCODER": self.encoder,
                "BATON_FINE_TUNE": self.fine_tune,
                "BATON_FINE_TUNE_MINUTES": repr(self.fine_tune_minutes),
            },
            scratch=self.scratch,
            keeps=(self.lock_fd,),
            named="training process",
        )


async def run_trainer(call: TrainerCall, on_progress: OnProgress) -> dict[str, Any]:
    """Run a training to its end and return the manifest it hands over.

    Its other output goes to the log. Cancelling ends the process and everything it started.

    Raises:
        TrainingFailed: with the trainer's own code, or `bot_environment_missing`, `trainer_crashed`,
            `bad_trainer_answer`.
    """
    try:
        answer = await run_program(call.program(), on_progress)
    except ProgramFailed as failure:
        raise TrainingFailed(
            _CODES.get(failure.code, failure.code), failure.message, **failure.data
        ) from failure
    manifest = answer.get("manifest")
    if not isinstance(manifest, dict):
        raise TrainingFailed(
            "bad_trainer_answer", "The training process handed over no manifest.", log=str(call.log)
        )
    return manifest
