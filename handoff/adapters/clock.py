"""The system's clock."""

from __future__ import annotations

import time


class SystemClock:
    """`Clock` of the operating system."""

    def now_ms(self) -> int:
        """Milliseconds since the Unix epoch."""
        return time.time_ns() // 1_000_000
