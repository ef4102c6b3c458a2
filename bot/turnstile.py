"""One at a time through the loop's thread: between two turns the loop looks at everything else.

Texts that waited are encoded together, so their turns become ready together; without this the loop would run the graph
for all of them before it read from a socket or came to a timer.
"""

from __future__ import annotations

import asyncio
from collections import deque


class Turnstile:
    """`await turnstile.passed()` returns once in each turn of the event loop, to those who wait in their order."""

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_open = True

    async def passed(self) -> None:
        """Wait for one's turn; at once where nobody was let through in this turn of the loop."""
        loop = asyncio.get_running_loop()
        if self._is_open:
            self._is_open = False
            loop.call_soon(self._next)
            return
        place = loop.create_future()
        self._waiting.append(place)
        await place

    def _next(self) -> None:
        while self._waiting:
            place = self._waiting.popleft()
            if not place.done():  # whoever waited may have been cancelled
                place.set_result(None)
                # After the one that was let through: what is called soon is called in order, in the next turn.
                asyncio.get_running_loop().call_soon(self._next)
                return
        self._is_open = True
