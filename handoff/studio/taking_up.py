"""Whether customers get what was published: the bots are asked to take it up at once, and say when they have."""

from __future__ import annotations

import asyncio
from typing import Final

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Workbench
from handoff.studio.live import LiveContent

LIMIT_S: Final = 3.5
"""How long a publication waits for its being answered from. What a bot has not taken up by then, it takes up by itself."""


class TakingUp:
    """Asked after each publication."""

    def __init__(self, live: LiveContent, bench: Workbench) -> None:
        self._live = live
        self._bench = bench

    async def done(self) -> bool:
        """Have every bot that is there answer from what is live now; whether all of them do. It is published either way."""
        try:
            async with asyncio.timeout(LIMIT_S):
                live = await self._live.now()
                return live is not None and await self._bench.follow(live.release_id, live.revision)
        except (TimeoutError, StorageUnavailable):
            return False
