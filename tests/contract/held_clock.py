"""A clock that stands until the test moves it."""

from __future__ import annotations

from dataclasses import dataclass

START = 1_790_000_000_000


@dataclass
class HeldClock:
    """`Clock` in the test's hands. Milliseconds since the epoch."""

    now: int = START

    def now_ms(self) -> int:
        return self.now

    def pass_ms(self, milliseconds: int) -> None:
        self.now += milliseconds

    def pass_s(self, seconds: float) -> None:
        self.now += int(seconds * 1000)
