"""One article more, other or less in an index that is in use, without building it again.

What was learnt in training (weights, probabilities, threshold) stays. Everything here returns a new index and leaves the old one to those who search it.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace

import numpy as np

from kb_index.article import Article
from kb_index.centre import centred
from kb_index.encoder import Encoder, EncoderError
from kb_index.index import GONE, Owners
from kb_index.passages import texts_of
from kb_index.ranking import Ranker
from kb_index.store import IndexMismatch, StoredIndex


def with_article(stored: StoredIndex, article: Article, encoder: Encoder) -> StoredIndex:
    """`stored` with `article`, in the place of one with the same id where there is one.

    Encodes the article's texts, 2 to 6 ms each, in the caller's thread. Raises `IndexMismatch` for another encoder
    than the index was made with, `EncoderError` for NaN vectors.
    """
    if encoder.fingerprint != stored.encoder_fingerprint:
        raise IndexMismatch(
            f"The index was made with the encoder {stored.encoder_name!r}, not {encoder.name!r}: train again "
            "(baton train --publish)."
        )
    questions, passages = texts_of(article)
    vectors = encoder.encode([*questions, *passages])
    if not np.isfinite(vectors).all():
        raise EncoderError(
            f"The encoder {encoder.name} returned NaN or infinite numbers; nothing was indexed."
        )
    vectors = centred(vectors, stored.centre)
    place = bisect_left(stored.articles, article.id, key=lambda known: known.id)
    known = place < len(stored.articles) and stored.articles[place].id == article.id
    if known:
        stored = without_article(stored, article.id)
    ranker = stored.ranker
    moved = Ranker(
        ranker.questions.renumbered(lambda owners: owners + (owners >= place)).with_rows(
            vectors[: len(questions)], _owned(place, questions)
        ),
        ranker.passages.renumbered(lambda owners: owners + (owners >= place)).with_rows(
            vectors[len(questions) :], _owned(place, passages)
        ),
        ranker.words.renumbered(lambda owners: owners + (owners >= place)).with_article(
            [*questions, *passages], place
        ),
        ranker.articles + 1,
        ranker.weights,
    )
    articles = (*stored.articles[:place], article, *stored.articles[place:])
    return _with(stored, articles, moved)


def without_article(stored: StoredIndex, article_id: str) -> StoredIndex:
    """`stored` without the article. Raises `KeyError` where it has none of that id."""
    place = bisect_left(stored.articles, article_id, key=lambda known: known.id)
    if place == len(stored.articles) or stored.articles[place].id != article_id:
        raise KeyError(article_id)

    def less_one(owners: Owners) -> Owners:
        return np.where(owners == place, GONE, owners - (owners > place))

    ranker = stored.ranker
    moved = Ranker(
        ranker.questions.renumbered(less_one),
        ranker.passages.renumbered(less_one),
        ranker.words.renumbered(less_one),
        ranker.articles - 1,
        ranker.weights,
    )
    return _with(stored, (*stored.articles[:place], *stored.articles[place + 1 :]), moved)


def is_untidy(stored: StoredIndex) -> bool:
    """Whether so much has been changed since the last build that `compacted` pays."""
    return stored.ranker.questions.is_untidy or stored.ranker.passages.is_untidy


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


def _owned(place: int, texts: list[str]) -> Owners:
    return np.full(len(texts), place, dtype=np.int64)
