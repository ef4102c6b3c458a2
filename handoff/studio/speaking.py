"""The relay's own notices follow the site's voice, whoever moved what is live: this relay, another one, or a command."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Final

from handoff.content.voice import SiteVoice
from kb_index.serving import Voice

LOOK_S: Final = 2.0


class Speaking:
    """Looks at what is live from time to time."""

    def __init__(self, voice: SiteVoice, speak: Callable[[Voice], None]) -> None:
        """`speak` is told each new voice."""
        self._voice = voice
        self._speak = speak
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Speak as the site does, and go on looking."""
        spoken = await self._voice.now()
        self._speak(spoken)
        self._looking = asyncio.get_running_loop().create_task(self._look(spoken), name="voice")

    async def stop(self) -> None:
        """End looking."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    async def _look(self, spoken: Voice) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            voice = await self._voice.now()
            if voice != spoken:
                self._speak(voice)
                spoken = voice
