"""A bot whose answers are timed and whose failures are counted, whichever adapter it is."""

from __future__ import annotations

import time
from typing import Any, Literal

from bot.contract import ContractError, TurnOutcome, TurnRequest
from handoff.ports import BotEngine, BotFailedError, BotNotReadyError, BotReleaseRefusedError
from handoff.service.metrics import Metrics

FailureReason = Literal["not_ready", "too_late", "nonsense", "lost", "refused"]


class MeasuredBot:
    """`BotEngine` that passes everything on."""

    def __init__(self, bot: BotEngine, metrics: Metrics) -> None:
        self._bot = bot
        self._metrics = metrics

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        """See `BotEngine.turn`."""
        began = time.monotonic()
        try:
            outcome = await self._bot.turn(request, timeout_s)
        except BotNotReadyError:
            self._metrics.bot_failed("not_ready")
            raise
        except BotReleaseRefusedError:
            self._metrics.bot_failed("refused")
            raise
        except BotFailedError as failure:
            self._metrics.bot_failed(_reason(failure))
            raise
        self._metrics.bot_answered(time.monotonic() - began)
        return outcome

    async def ready(self) -> bool:
        """See `BotEngine.ready`."""
        return await self._bot.ready()

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        """See `BotEngine.search`."""
        return await self._bot.search(query, locale, limit)


def _reason(failure: BotFailedError) -> FailureReason:
    match failure.__cause__:
        case None:
            return "refused"
        case TimeoutError():
            return "too_late"
        case ContractError() | ValueError():
            return "nonsense"
        case _:
            return "lost"
