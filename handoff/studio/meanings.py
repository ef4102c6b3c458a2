"""How near texts are to each other: by meaning where a bot is there, else by the words that they share."""

from __future__ import annotations

import asyncio
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from operator import mul
from typing import Final

from handoff.ports import BotFailedError, BotNotReadyError, Workbench
from handoff.studio.shelf import same

BATCH: Final = 64
"""Texts that a bot encodes in one request."""
KEPT: Final = 5_000
"""Vectors that are remembered: 8 MB with the bundled encoder."""

Nearness = Callable[[str, str], float]
"""From 0, nothing in common, to 1, the same."""


class Meanings:
    """Vectors by text, asked of the bot once."""

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._encoder = ""
        self._known: OrderedDict[str, array[float]] = OrderedDict()
        self._one_at_a_time = asyncio.Lock()

    async def nearness(self, texts: Sequence[str]) -> tuple[Nearness, bool]:
        """How near any two of `texts` are, and whether it is by meaning. It never raises: words are always there."""
        unique = list(dict.fromkeys(texts))[:KEPT]
        try:
            async with self._one_at_a_time:
                vectors = await self._vectors(unique)
        except (BotNotReadyError, BotFailedError):
            return by_words(unique), False
        return _by_vectors(vectors), True

    async def _vectors(self, texts: Sequence[str]) -> Mapping[str, array[float]]:
        for _ in range(2):  # twice, where a release with another encoder has gone live in between
            missing = [text for text in texts if text not in self._known]
            for start in range(0, len(missing), BATCH):
                some = missing[start : start + BATCH]
                encoder, vectors = await self._bench.embed(some)
                if encoder != self._encoder:
                    self._known.clear()
                    self._encoder = encoder
                self._known.update({t: array("f", v) for t, v in zip(some, vectors, strict=True)})
        wanted = {text: self._known[text] for text in texts if text in self._known}
        for text in wanted:
            self._known.move_to_end(text)
        while len(self._known) > KEPT:
            self._known.popitem(last=False)
        if len(wanted) != len(texts):
            raise BotNotReadyError("the encoder is being exchanged")
        return wanted


def by_words(texts: Sequence[str]) -> Nearness:
    """The share of the words of both that both have (Dice)."""
    words = {text: frozenset(same(text).split()) for text in texts}

    def near(one: str, other: str) -> float:
        first, second = words[one], words[other]
        return 2 * len(first & second) / (len(first) + len(second)) if first or second else 0.0

    return near


def _by_vectors(vectors: Mapping[str, array[float]]) -> Nearness:
    def near(one: str, other: str) -> float:
        cosine: float = sum(map(mul, vectors[one], vectors[other]))
        return cosine

    return near
