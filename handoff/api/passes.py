"""Sending for all sockets at once, at the end of the loop's turn: what a turn puts on its way to one socket is one write."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog

log = structlog.get_logger(__name__)


class Passes:
    """Calls whoever is enlisted, once, when the loop has done what it is at."""

    def __init__(self) -> None:
        self._due: list[Callable[[], None]] = []

    def enlist(self, send: Callable[[], None]) -> None:
        """Call `send` in the next pass. Whoever enlists twice is called twice."""
        if not self._due:
            asyncio.get_running_loop().call_soon(self._run)
        self._due.append(send)

    def _run(self) -> None:
        due, self._due = self._due, []
        for send in due:
            try:
                send()
            except Exception:
                # One socket's trouble is not the others'.
                log.exception("send_failed")
