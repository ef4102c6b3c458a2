"""Hints and signals inside one process: what `baton serve` runs on, and what tests start from."""

from __future__ import annotations

from collections.abc import Callable

from handoff.ports import Hint, Signal


class MemoryPubSub:
    """`PubSub` without a network. Handlers are called at once, in the order they subscribed."""

    def __init__(self) -> None:
        self._handlers: list[Callable[[Hint | Signal], None]] = []

    async def publish(self, message: Hint | Signal) -> None:
        """See `PubSub.publish`."""
        for handler in tuple(self._handlers):
            handler(message)

    def subscribe(self, handler: Callable[[Hint | Signal], None]) -> Callable[[], None]:
        """See `PubSub.subscribe`."""
        self._handlers.append(handler)
        return lambda: self._handlers.remove(handler)
