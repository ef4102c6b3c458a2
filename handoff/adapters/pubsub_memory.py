"""Hints and signals inside one process: what `baton serve` runs on, and what tests start from."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from handoff.ports import Hint, Signal

log = structlog.get_logger(__name__)


class MemoryPubSub:
    """`PubSub` without a network. Handlers are called at once, in the order they subscribed."""

    def __init__(self) -> None:
        self._handlers: list[Callable[[Hint | Signal], None]] = []

    @property
    def healthy(self) -> bool:
        """Always: there is nobody else to reach."""
        return True

    async def start(self) -> None:
        """Nothing to connect."""

    async def stop(self) -> None:
        """Nothing to end."""

    async def publish(self, message: Hint | Signal) -> None:
        """See `PubSub.publish`."""
        for handler in tuple(self._handlers):
            try:
                handler(message)
            except Exception:
                # One reader's trouble is not the others', and least of all that of the one who tells.
                log.exception("subscriber_failed")

    def subscribe(self, handler: Callable[[Hint | Signal], None]) -> Callable[[], None]:
        """See `PubSub.subscribe`."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)
