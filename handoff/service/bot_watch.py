"""Whether the bot can take a turn: asked again and again, and told at once by whoever finds out otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from handoff.ports import BotEngine

ASK_WHEN_DOWN_S = 0.5
ASK_WHEN_READY_S = 2.0
log = structlog.get_logger(__name__)


class BotWatch:
    """Knows whether the bot is ready and lets others wait for it."""

    def __init__(self, bot: BotEngine) -> None:
        self._bot = bot
        self._ready = asyncio.Event()
        self._ask_now = asyncio.Event()
        self._asked = asyncio.Event()
        self._when_ready: list[Callable[[], Awaitable[None]]] = []
        self._task: asyncio.Task[None] | None = None

    @property
    def is_ready(self) -> bool:
        """Whether the bot was ready when last heard of."""
        return self._ready.is_set()

    def when_ready(self, handler: Callable[[], Awaitable[None]]) -> None:
        """Call `handler` each time the bot comes back."""
        self._when_ready.append(handler)

    def mark_down(self) -> None:
        """Somebody found the bot unreachable or warming."""
        self._ready.clear()
        self._ask_now.set()

    async def wait_ready(self, timeout_s: float) -> bool:
        """Wait until the bot is ready, at most `timeout_s`; says whether it is."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ready.wait()
        return self._ready.is_set()

    async def first_answer(self, timeout_s: float) -> None:
        """Wait until the bot was asked once, at most `timeout_s`: before that, not ready only means not known."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._asked.wait()

    def start(self) -> None:
        """Begin to ask."""
        self._task = asyncio.create_task(self._ask_forever(), name="bot-watch")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def _ask(self) -> bool:
        try:
            return await self._bot.ready()
        except Exception:
            # Whatever it was, nobody would look for the bot again if it ended this task.
            log.exception("bot_question_failed")
            return False

    async def _ask_forever(self) -> None:
        while True:
            ready = await self._ask()
            if ready and not self._ready.is_set():
                log.info("bot_ready")
                self._ready.set()
                self._asked.set()
                for handler in self._when_ready:
                    try:
                        await handler()
                    except Exception:
                        log.exception("bot_ready_handler_failed")
            elif not ready and self._ready.is_set():
                log.warning("bot_down")
                self._ready.clear()
            self._asked.set()
            self._ask_now.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(ASK_WHEN_READY_S if ready else ASK_WHEN_DOWN_S):
                    await self._ask_now.wait()
                # Told that it is down: leave it the time of one question before asking again.
                await asyncio.sleep(ASK_WHEN_DOWN_S)
