"""What a bot answers from: the articles that are live, and everything that follows from them.

A `Content` never changes. When the edition does, or an article's time comes or ends, another one is made beside the event
loop and takes its place; a turn keeps the one that it began with.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from bot.incidents import Incidents
from bot.languages import Languages
from bot.own_words import read_languages, revised_languages
from bot.searches import Searches
from bot.vectors import Vectors
from bot.voice import Wording
from kb_index.article import Article
from kb_index.edition import Edition
from kb_index.encoder import Encoder, general_part
from kb_index.knowledge import Knowledge


@dataclass(frozen=True, slots=True)
class Content:
    """One state of what is live: of the edition's `revision` (0: none), to be made anew at `until` (None: never)."""

    knowledge: Knowledge
    searches: Searches
    languages: Languages
    incidents: Incidents = field(default_factory=Incidents)
    revision: int = 0
    until: str | None = None

    def is_over(self, at: str) -> bool:
        """Whether an article's time has come or ended by `at`."""
        return self.until is not None and self.until <= at


class ContentMaker:
    """Makes the contents of one release. Its calls encode; make them off the event loop."""

    def __init__(self, trained: Knowledge, vectors: Vectors, encoder: Encoder, wording: Wording) -> None:
        """`trained` is the release's own knowledge. `encoder` gives the vectors of articles: that of `vectors`, which serves
        customers, or the same with a memory on disk."""
        self._trained: Final = trained
        self._vectors = vectors
        self._encoder = encoder
        self._wording = wording
        self._languages = read_languages(trained.articles, wording)

    @property
    def encoder(self) -> Encoder:
        """Gives the vectors of articles' texts."""
        return self._encoder

    @property
    def trained(self) -> Knowledge:
        """The release's own knowledge: all of its articles, whatever their time."""
        return self._trained

    def make(self, edition: Edition | None, at: str, *, beside: Content | None = None) -> Content:
        """The release as `edition` has it at the time `at`. What `beside`, another content of it, has in common is shared.

        Raises `EncoderError` for NaN vectors.
        """
        own = self._trained.articles
        articles = own if edition is None else edition.applied_to(own)
        valid = [article for article in articles if article.is_valid_at(at)]
        # From whichever is nearer: a release whose edition was taken back is the trained one again, and nothing is encoded.
        start = self._trained
        if beside is not None and _differing(beside.knowledge, valid) < _differing(start, valid):
            start = beside.knowledge
        knowledge = start.revised(valid, self._encoder)
        return Content(
            knowledge=knowledge,
            searches=Searches(knowledge, self._vectors),
            languages=self._languages_of(edition, valid),
            incidents=self._incidents_of(edition),
            revision=0 if edition is None else edition.revision,
            until=_next_bound(articles, at),
        )

    def _languages_of(self, edition: Edition | None, valid: list[Article]) -> Languages:
        if edition is None and len(valid) == len(self._trained):
            return self._languages
        changed = () if edition is None else edition.articles
        return revised_languages(self._languages, valid, changed, self._wording)

    def _incidents_of(self, edition: Edition | None) -> Incidents:
        if edition is None or not edition.incidents:
            return Incidents()
        phrases = [phrase for incident in edition.incidents for phrase in incident.phrases]
        if not phrases:
            return Incidents(edition.incidents)
        vectors = general_part(self._encoder.encode(phrases), self._encoder)
        return Incidents(edition.incidents, np.asarray(vectors, dtype=np.float32))


def _differing(knowledge: Knowledge, wanted: list[Article]) -> int:
    """How many of `wanted` would have to be encoded."""
    here = {article.id: article for article in knowledge.articles}
    return sum(here.get(article.id) != article for article in wanted)


def _next_bound(articles: Iterable[Article], at: str) -> str | None:
    """The first time after `at` at which an article begins or ceases to be valid."""
    bounds = (bound for article in articles for bound in (article.valid_from, article.valid_until))
    return min((bound for bound in bounds if bound is not None and bound > at), default=None)
