"""The bots as editors use them: to try a draft, and to hear what is doubtful about an article."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

from handoff.adapters.bot_http import HttpBot
from handoff.ports import BotFailedError, BotNotReadyError

TRY_TIMEOUT_S: Final = 15.0
"""A draft is built when it is first asked: some hundred changed articles take seconds to encode."""
ADVISE_TIMEOUT_S: Final = 15.0
EMBED_TIMEOUT_S: Final = 10.0
FOLLOW_TIMEOUT_S: Final = 3.0
"""A bot answers after 2.5 s at the latest, whether it has what was published or not."""


class BotWorkbench:
    """`Workbench` over whichever bot answers; all of them have the same releases and editions."""

    def __init__(self, bots: Sequence[HttpBot]) -> None:
        self._bots = tuple(bots)

    async def try_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """See `Workbench.try_turn`."""
        return await self._ask("/bot/try", asked, TRY_TIMEOUT_S)

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        """See `Workbench.advise`."""
        return await self._ask("/bot/advise", {"article": dict(article), "draft": draft}, ADVISE_TIMEOUT_S)

    async def embed(self, texts: Sequence[str]) -> tuple[str, list[list[float]]]:
        """See `Workbench.embed`."""
        answer = await self._ask("/bot/embed", {"texts": list(texts)}, EMBED_TIMEOUT_S)
        try:
            vectors = [[float(x) for x in vector] for vector in answer["vectors"]]
            encoder = str(answer["encoder"])
        except (KeyError, TypeError, ValueError) as failure:
            raise BotFailedError(f"not an answer with vectors: {failure}") from failure
        if len(vectors) != len(texts):
            raise BotFailedError(f"{len(vectors)} vectors for {len(texts)} texts")
        return encoder, vectors

    async def has_loaded(self, release_id: str) -> bool:
        """See `Workbench.has_loaded`."""
        answers = await asyncio.gather(*(bot.loaded() for bot in self._bots), return_exceptions=True)
        there = [answer for answer in answers if not isinstance(answer, BaseException)]
        if not there:
            raise BotNotReadyError("no bot is there")
        return all(release_id in loaded for loaded in there)

    async def load(self, release_id: str) -> None:
        """See `Workbench.load`."""
        answers = await asyncio.gather(*(bot.load(release_id) for bot in self._bots), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException) and not isinstance(answer, BotNotReadyError):
                raise answer
        if all(answers):
            raise BotNotReadyError("no bot is there")

    async def follow(self, release_id: str, revision: int) -> bool:
        """See `Workbench.follow`."""
        asked = {"release_id": release_id, "revision": revision}
        answers = await asyncio.gather(
            *(bot.ask("/bot/follow", asked, FOLLOW_TIMEOUT_S) for bot in self._bots), return_exceptions=True
        )
        # A bot that is away answers nobody, and reads what is live when it is back.
        there = [answer for answer in answers if not isinstance(answer, BotNotReadyError)]
        for answer in there:
            if isinstance(answer, BaseException) and not isinstance(answer, BotFailedError):
                raise answer
        return bool(there) and all(isinstance(one, dict) and one.get("live") is True for one in there)

    async def _ask(self, path: str, body: Mapping[str, Any], timeout_s: float) -> dict[str, Any]:
        away = BotNotReadyError("no bot is there")
        for bot in self._bots:
            try:
                return await bot.ask(path, body, timeout_s)
            except BotNotReadyError as failure:
                away = failure
        raise away
