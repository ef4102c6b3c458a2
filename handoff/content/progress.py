"""Training progress on standard error: a bar on a terminal, plain lines everywhere else."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final, TextIO

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from handoff.content.programs import Progress

_EVERY_S: Final = 5.0
"""Between two plain lines of one stage: a log should show that it goes on, not each step."""


@contextmanager
def shown_progress(
    stream: TextIO | None = None, *, clock: Callable[[], float] = time.monotonic
) -> Iterator[Callable[[Progress], None]]:
    """Yields what to call with each step. `clock` counts seconds."""
    out = sys.stderr if stream is None else stream
    if not out.isatty():
        yield _Plain(out, clock)
        return
    bars = Bars(
        SpinnerColumn(finished_text="\u2713"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}", style="dim"),
        console=Console(file=out),
    )
    with bars:
        shown = _Bar(bars)
        yield shown
        shown.finish()


class _Bar:
    """One bar a stage; a stage that follows ends the one before."""

    def __init__(self, bars: Bars) -> None:
        self._bars = bars
        self._stage: str | None = None
        self._task = bars.add_task("", visible=False, message="")

    def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self.finish()
            self._stage = progress.stage
            self._task = self._bars.add_task(_title(progress.stage), total=None, message="")
        self._bars.update(
            self._task,
            completed=progress.done,
            total=progress.total or None,
            # Words from the training process; brackets in them are no markup.
            message=progress.message.replace("[", r"\["),
        )

    def finish(self) -> None:
        """Show the stage so far as done."""
        if self._stage is not None:
            task = self._bars.tasks[self._task]
            total = task.total or max(task.completed, 1)
            self._bars.update(self._task, total=total, completed=total, message="")


class _Plain:
    """A line at the start and end of each stage, and one in five seconds between."""

    def __init__(self, out: TextIO, clock: Callable[[], float]) -> None:
        self._out = out
        self._clock = clock
        self._began = clock()
        self._last: tuple[str, float] = ("", 0.0)

    def __call__(self, progress: Progress) -> None:
        now = self._clock()
        stage, written_at = self._last
        finished = 0 < progress.total == progress.done
        if progress.stage == stage and now - written_at < _EVERY_S and not finished:
            return
        self._last = (progress.stage, now)
        words = [f"[{now - self._began:6.1f} s]", _title(progress.stage)]
        if progress.total > 0:
            words.append(f"{progress.done}/{progress.total}")
        if progress.message:
            words.append(progress.message)
        self._out.write(" ".join(words) + "\n")
        self._out.flush()


def _title(stage: str) -> str:
    return stage.replace("_", " ").capitalize()
