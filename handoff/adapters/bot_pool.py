"""Several bots as one: a conversation stays with its bot while that is well, and goes to another when it is not."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from typing import Any, Final

import structlog

from bot.contract import TurnOutcome, TurnRequest
from handoff.ports import BotEngine, BotFailedError, BotNotReadyError

FIRST_SHARE: Final = 0.4
"""Of the time that is left, what a bot gets while another could still be asked: it is cut off in time for that one."""

ASIDE_S: Final = 10.0
"""How long a bot that failed or was too slow is asked after the others."""
log = structlog.get_logger(__name__)


class BotPool:
    """`BotEngine` over bots that can take each other's conversations, because the dialogue travels with the turn."""

    def __init__(self, bots: Sequence[BotEngine]) -> None:
        """`bots` must not be empty; their order must be the same in every relay."""
        self._bots = tuple(bots)
        self._down: set[int] = set()
        self._aside: dict[int, float] = {}

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        """See `BotEngine.turn`. Each bot is asked once at most, the last with all the time that is left."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        order = self._order(request.conversation_id)
        failure: BotFailedError | None = None
        for number, at in enumerate(order, start=1):
            left = deadline - loop.time()
            if left <= 0:
                break
            try:
                outcome = await self._bots[at].turn(
                    request, left if number == len(order) else left * FIRST_SHARE
                )
            except BotNotReadyError:
                self._down.add(at)
            except BotFailedError as failed:
                failure = failed
                self._aside[at] = loop.time() + ASIDE_S
                log.warning("bot_put_aside", bot=at, turn=request.turn, error=str(failed))
            else:
                self._down.discard(at)
                return outcome
        raise failure or BotNotReadyError("no bot is ready")

    async def ready(self) -> bool:
        """Whether any bot would take a turn; remembers which."""
        answers = await asyncio.gather(*(bot.ready() for bot in self._bots), return_exceptions=True)
        self._down = {at for at, answer in enumerate(answers) if answer is not True}
        return len(self._down) < len(self._bots)

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        """See `BotEngine.search`."""
        for at in self._order(query):
            try:
                return await self._bots[at].search(query, locale, limit)
            except BotNotReadyError:
                self._down.add(at)
        raise BotNotReadyError("no bot is ready")

    def _order(self, key: str) -> list[int]:
        """All bots in the order in which to ask about `key`: by rendezvous hashing, so that a bot more or less moves
        only its own share, those that were found wanting after the others."""
        now = asyncio.get_running_loop().time()

        def rank(at: int) -> tuple[bool, bool, bytes]:
            digest = hashlib.blake2b(f"{at}:{key}".encode(), digest_size=8).digest()
            return at in self._down, self._aside.get(at, 0.0) > now, digest

        return sorted(range(len(self._bots)), key=rank)
