"""Articles more, other or less in an index that is in use, without building it again.

What was learnt in training (weights, probabilities, threshold) stays. Everything here returns a new index and leaves the old one to those who search it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from kb_index.article import Article
from kb_index.centre import centred
from kb_index.encoder import Encoder, EncoderError, Vectors
from kb_index.index import GONE, Owners
from kb_index.passages import texts_of
from kb_index.ranking import Ranker
from kb_index.store import IndexMismatch, StoredIndex

BATCH: Final = 256
"""Texts that are encoded in one call."""


def with_article(stored: StoredIndex, article: Article, encoder: Encoder) -> StoredIndex:
    """`stored` with `article`, in the place of one with the same id where there is one. See `with_articles`."""
    return with_articles(stored, [article], encoder)


def with_articles(stored: StoredIndex, articles: Sequence[Article], encoder: Encoder) -> StoredIndex:
    """`stored` with `articles`, each in the place of one with the same id where there is one.

    Encodes their texts together, 2 to 6 ms each, in the caller's thread; the index is copied once however many they are. Raises
    `IndexMismatch` for another encoder than the index was made with, `EncoderError` for NaN vectors, `ValueError` for ids
    given twice.
    """
    if encoder.fingerprint != stored.encoder_fingerprint:
        raise IndexMismatch(
            f"The index was made with the encoder {stored.encoder_name!r}, not {encoder.name!r}: train again "
            "(baton train --publish)."
        )
    coming = {article.id: article for article in articles}
    if len(coming) != len(articles):
        raise ValueError("an article id is given twice")
    if not coming:
        return stored
    asked, answered = _Rows(), _Rows()
    everyone = {article.id: article for article in stored.articles} | coming
    order = sorted(everyone)
    place = {article_id: position for position, article_id in enumerate(order)}
    for article in coming.values():
        questions, passages = texts_of(article)
        asked.add(questions, place[article.id])
        answered.add(passages, place[article.id])
    vectors = _encoded([*asked.texts, *answered.texts], encoder)
    vectors = centred(vectors, stored.centre)
    moved = _renumbered(
        stored.ranker, [GONE if known.id in coming else place[known.id] for known in stored.articles]
    )
    ranker = Ranker(
        moved.questions.with_rows(vectors[: len(asked.texts)], asked.owners),
        moved.passages.with_rows(vectors[len(asked.texts) :], answered.owners),
        moved.words.with_articles(
            [*asked.texts, *answered.texts], np.concatenate([asked.owners, answered.owners])
        ),
        len(order),
        moved.weights,
    )
    return _with(stored, tuple(everyone[article_id] for article_id in order), ranker)


def without_article(stored: StoredIndex, article_id: str) -> StoredIndex:
    """`stored` without the article. Raises `KeyError` where it has none of that id."""
    return without_articles(stored, [article_id])


def without_articles(stored: StoredIndex, article_ids: Collection[str]) -> StoredIndex:
    """`stored` without these articles. Raises `KeyError` for an id that it has not."""
    gone = set(article_ids)
    unknown = gone - {article.id for article in stored.articles}
    if unknown:
        raise KeyError(min(unknown))
    if not gone:
        return stored
    kept = [article for article in stored.articles if article.id not in gone]
    place = {article.id: position for position, article in enumerate(kept)}
    moved = _renumbered(stored.ranker, [place.get(article.id, GONE) for article in stored.articles])
    ranker = Ranker(moved.questions, moved.passages, moved.words, len(kept), moved.weights)
    return _with(stored, tuple(kept), ranker)


def is_untidy(stored: StoredIndex) -> bool:
    """Whether so much has been changed since the last build that `compacted` pays."""
    ranker = stored.ranker
    return ranker.questions.is_untidy or ranker.passages.is_untidy or ranker.words.is_untidy


def tidied(stored: StoredIndex) -> StoredIndex:
    """The same articles, those parts `compacted` that changes have made untidy; `stored` itself where none is."""
    ranker = stored.ranker
    questions, passages, words = ranker.questions, ranker.passages, ranker.words
    if not (questions.is_untidy or passages.is_untidy or words.is_untidy):
        return stored
    made = Ranker(
        questions.compact() if questions.is_untidy else questions,
        passages.compact() if passages.is_untidy else passages,
        words.compact() if words.is_untidy else words,
        ranker.articles,
        ranker.weights,
    )
    return replace(stored, ranker=made)


def compacted(stored: StoredIndex) -> StoredIndex:
    """The same articles with all changes built in: copies every vector, some tenths of a second for 100,000."""
    ranker = stored.ranker
    questions, passages = ranker.questions.compact(), ranker.passages.compact()
    made = Ranker(questions, passages, ranker.words.compact(), ranker.articles, ranker.weights)
    return replace(stored, ranker=made)


def _with(stored: StoredIndex, articles: tuple[Article, ...], ranker: Ranker) -> StoredIndex:
    return replace(
        stored,
        articles=articles,
        # Hashing all that 100,000 articles say takes a second; whoever wants it asks.
        content_hash=None,
        ranker=ranker,
    )


def _renumbered(ranker: Ranker, places: Sequence[int]) -> Ranker:
    """`ranker` with the article at each position (articles,) moved to its place, or taken out where that is `GONE`."""
    to = np.array(places, dtype=np.int64)

    def owner(owners: Owners) -> Owners:
        return np.asarray(to[owners])

    return Ranker(
        ranker.questions.renumbered(owner),
        ranker.passages.renumbered(owner),
        ranker.words.renumbered(owner),
        ranker.articles,
        ranker.weights,
    )


class _Rows:
    """Texts and the position of the article that each belongs to."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._owners: list[int] = []

    def add(self, texts: Sequence[str], position: int) -> None:
        self.texts += texts
        self._owners += [position] * len(texts)

    @property
    def owners(self) -> Owners:
        return np.array(self._owners, dtype=np.int64)


def _encoded(texts: Sequence[str], encoder: Encoder) -> Vectors:
    # In parts, so that an encoder that keeps its vectors has kept most of them where the process ends.
    parts = [encoder.encode(texts[start : start + BATCH]) for start in range(0, len(texts), BATCH)]
    vectors = np.concatenate(parts) if parts else np.zeros((0, encoder.dimension), np.float32)
    if not np.isfinite(vectors).all():
        raise EncoderError(
            f"The encoder {encoder.name} returned NaN or infinite numbers; nothing was indexed."
        )
    return np.asarray(vectors)
