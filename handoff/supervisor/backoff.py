"""How long to wait before a fallen part is started again."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class Backoff:
    """Waits that double from `first` to `last` seconds, and start anew after `healthy` seconds of health."""

    first: float = 0.5
    last: float = 30.0
    healthy: float = 60.0
    _next: float | None = field(init=False, default=None)

    def after(self, healthy_for: float) -> float:
        """The wait, in seconds, after a run that was healthy for `healthy_for` seconds (0: never)."""
        if self._next is None or healthy_for >= self.healthy:
            self._next = self.first
        wait = self._next
        self._next = min(wait * 2, self.last)
        return wait
