"""What the articles say to a text, asked once in a turn: ahead of Rasa's graph, to see what else must be encoded, and in it."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final

from bot.vectors import Vectors
from kb_index.knowledge import Knowledge, Ranking

KEPT: Final = 64
"""Rankings kept: of the turns that are under way at once, of each one or two."""

CANDIDATES: Final = 5
"""Articles in a ranking."""


class Searches:
    """The articles of one release with a memory of the newest rankings. Belongs to the event loop's thread."""

    def __init__(self, knowledge: Knowledge, vectors: Vectors) -> None:
        self._knowledge = knowledge
        self._vectors = vectors
        self._known: OrderedDict[tuple[str, str], Ranking] = OrderedDict()

    @property
    def threshold(self) -> float:
        """See `Knowledge.threshold`."""
        return self._knowledge.threshold

    def ranking(self, text: str, locale: str) -> Ranking:
        """The articles for `text`, best first; its vector is computed here where nobody had it computed before."""
        key = (text, locale)
        found = self._known.get(key)
        if found is None:
            # The whole vector, with what the articles taught the encoder; computed with the general part.
            (vector,) = self._vectors.get([text])
            found = self._knowledge.search(text, vector, locale=locale, k=CANDIDATES)
            self._known[key] = found
            if len(self._known) > KEPT:
                self._known.popitem(last=False)
        return found
