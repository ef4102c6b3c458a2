"""What the bot counts of itself, in Prometheus' text form: turns, releases, and how long its loop stood still.

The loop is watched by a clock of `EVERY_S`: how late it comes is how long something else had the loop's thread. A stall
shorter than that may go unseen, a longer one is told at most that much too short.
"""

from __future__ import annotations

import asyncio
import time
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import Final

EVERY_S: Final = 0.005

SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""The bounds of the relay's own histograms, so that the two can be laid over each other."""


class Histogram:
    """How many observations lie at or under each bound. Counting happens on the event loop's thread, without a lock."""

    def __init__(self, name: str, words: str, bounds: Sequence[float]) -> None:
        """`bounds` ascend; the last bucket has none."""
        self.name: Final = name
        self._words = words
        self._bounds = tuple(bounds)
        self._counts = [0] * (len(self._bounds) + 1)
        self._sum = 0.0

    @property
    def count(self) -> int:
        """Observations so far."""
        return sum(self._counts)

    def over(self, bound: float) -> int:
        """Observations above one of the bounds. Raises `ValueError` for another number."""
        return sum(self._counts[self._bounds.index(bound) + 1 :])

    def observe(self, value: float) -> None:
        """Count one."""
        self._counts[bisect_left(self._bounds, value)] += 1
        self._sum += value

    def lines(self) -> Iterator[str]:
        """In Prometheus' text form."""
        yield f"# HELP {self.name} {self._words}"
        yield f"# TYPE {self.name} histogram"
        under = 0
        for bound, count in zip((*self._bounds, float("inf")), self._counts, strict=True):
            under += count
            yield f'{self.name}_bucket{{le="{"+Inf" if bound == float("inf") else float(bound)}"}} {under}'
        yield f"{self.name}_count {under}"
        yield f"{self.name}_sum {self._sum}"


class Figures:
    """Everything a bot counts. `start` and `stop` belong to its loop."""

    def __init__(self) -> None:
        self.stalls: Final = Histogram(
            "baton_bot_loop_stall_seconds", "How late the bot's event loop comes to what is due.", SECONDS
        )
        self.turns: Final = Histogram(
            "baton_bot_answer_seconds", "From a turn's arrival at the bot to its stored answer.", SECONDS
        )
        self.loads: Final = Histogram(
            "baton_bot_release_load_seconds", "Loading a release, beside the loop.", SECONDS
        )
        self.revisions: Final = Histogram(
            "baton_bot_edition_apply_seconds", "From seeing an edition to answering from it.", SECONDS
        )
        self._clock: asyncio.TimerHandle | None = None
        self._due = 0.0

    def text(self) -> str:
        """All of it in Prometheus' text form."""
        all_ = (self.stalls, self.turns, self.loads, self.revisions)
        return "".join(f"{line}\n" for histogram in all_ for line in histogram.lines())

    def start(self) -> None:
        """Begin to watch the running loop."""
        self._due = time.monotonic() + EVERY_S
        self._clock = asyncio.get_running_loop().call_later(EVERY_S, self._tick)

    def stop(self) -> None:
        """End."""
        if self._clock is not None:
            self._clock.cancel()

    def _tick(self) -> None:
        self.stalls.observe(max(time.monotonic() - self._due, 0.0))
        self.start()
