"""From the rows near a question to articles in order, each with its share of belief.

For each candidate article the features of `FEATURES` are taken. A conditional logit (softmax over the candidates of a
weighted sum) joins them; its weights are fitted on questions held out, or are `DEFAULT_WEIGHTS`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.encoder import Vectors
from kb_index.index import Nearest, Owners, VectorIndex
from kb_index.local import FLOOR, ROWS, interpolate
from kb_index.words import WordIndex

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

FEATURES: Final = ("question", "near", "passage", "words", "local")
"""Columns of a feature matrix: the best cosine with a title or variant; `near`, which rises from 0 at a similarity of
`NEAR_FROM` to 1 for a stored question itself; the best cosine with a passage; shared wording (`kb_index.words`); and
the logarithm of what all near texts say together (`kb_index.local`).

Held-out questions are seldom very near to another, so the weight of `near` stays about its default where there is
nothing to learn it from: who asks what is written down gets that article."""

NEAR_FROM: Final = 0.9

DEFAULT_WEIGHTS: Final = np.array([12.0, 10.0, 5.0, 2.0, 3.0])
"""Without questions to learn from. Chosen on the demo's 63 articles without variants, these being asked, and on 40
questions as titles with three paraphrases each: right in 0.735 and 0.983, against 0.712 and 0.983 for 0.7 x question +
0.3 x passage. `near` is set so that a title asked word by word wins."""

QUESTION_ROWS: Final = 128
PASSAGE_ROWS: Final = 32


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of one query, best first: article positions (c,), features (c, 5), shares (c,) that sum to 1."""

    articles: Owners
    features: Floats
    shares: Floats


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Queries that stand in the index themselves, to be ranked as if they did not.

    `rows` (m,): the row of each among the questions; `owners` (m,): the article it belongs to.
    """

    rows: Owners
    owners: Owners


class Ranker:
    """Ranks the articles of two indexes, one of titles and variants, one of passages, and of their words. Immutable."""

    def __init__(
        self,
        questions: VectorIndex,
        passages: VectorIndex,
        words: WordIndex,
        articles: int,
        weights: Floats = DEFAULT_WEIGHTS,
    ) -> None:
        self.questions = questions
        self.passages = passages
        self.words = words
        self.articles = articles
        self.weights = weights

    def rank(
        self,
        queries: Vectors,
        texts: Sequence[str],
        *,
        among: Mask | None = None,
        held_out: HeldOut | None = None,
    ) -> list[Scored]:
        """Candidates of each query (m, dimension), whose words are `texts`. `among` (articles,) limits them to True ones."""
        extra = 0 if held_out is None else 1
        questions = self.questions.nearest(queries, QUESTION_ROWS + extra, among=among)
        passages = self.passages.nearest(queries, PASSAGE_ROWS, among=among)
        words = self.words.scores(texts, self.articles, without=None if held_out is None else held_out.owners)
        return [
            self._score(
                _line(questions, line, None if held_out is None else int(held_out.rows[line])),
                _line(passages, line, None),
                words[line],
                among,
            )
            for line in range(len(queries))
        ]

    def _score(self, questions: Nearest, passages: Nearest, words: Floats, among: Mask | None) -> Scored:
        # Dense over articles: a few microseconds at thousands, and no searching in sorted lists.
        best = _dense(self.articles, questions)
        near = np.maximum(0.0, (best - NEAR_FROM) / (1.0 - NEAR_FROM))
        passage = _dense(self.articles, passages)
        local = np.log(np.maximum(_interpolated(self.articles, questions, passages), 0.0) + FLOOR)
        wanted = np.zeros(self.articles, dtype=bool)
        wanted[questions.owners] = True
        wanted[passages.owners] = True
        wanted[words >= WORDS_ENOUGH] = True
        if among is not None:
            wanted &= among
        candidates = np.flatnonzero(wanted)
        features = np.stack([best, near, passage, words, local], axis=1)[candidates]
        return ordered(candidates, features, self.weights)


WORDS_ENOUGH: Final = 0.3
"""Shared wording at which an article is a candidate though nothing of it means the like: a name, a code."""


def ordered(articles: Owners, features: Floats, weights: Floats) -> Scored:
    """Candidates by falling share; equal ones in the order of their position, so that runs agree."""
    total = features @ weights
    order = np.argsort(-total, kind="stable")
    total = total[order]
    powers = np.exp(total - total[0]) if len(total) else total
    return Scored(articles[order], features[order], powers / powers.sum() if len(powers) else powers)


def _line(found: Nearest, line: int, left_out: int | None) -> Nearest:
    """What one query found, less the row `left_out`, or less the last and farthest where that was not found."""
    scores, rows, owners, vectors = (
        found.scores[line], found.rows[line], found.owners[line], found.vectors[line],
    )  # fmt: skip
    if left_out is not None:
        kept = rows != left_out
        if kept.all():
            kept[QUESTION_ROWS:] = False
        scores, rows, owners, vectors = scores[kept], rows[kept], owners[kept], vectors[kept]
    return Nearest(scores, rows, owners, vectors)


def _interpolated(articles: int, questions: Nearest, passages: Nearest) -> Floats:
    """`interpolate` over the nearest `ROWS` of both."""
    scores = np.concatenate([questions.scores, passages.scores])
    order = np.argsort(-scores, kind="stable")[:ROWS]
    vectors = np.concatenate([questions.vectors, passages.vectors])
    owners = np.concatenate([questions.owners, passages.owners])
    return interpolate(scores[order], vectors[order], owners[order], articles)


def _dense(articles: int, found: Nearest) -> Floats:
    """The best score of each article. One that has no row among the hits has at most the lowest of them."""
    scores, owners = found.scores, found.owners
    best = np.full(articles, float(scores[-1]) if len(scores) else 0.0)
    # Scores fall, so the reversed assignment leaves each owner its first, best one.
    best[owners[::-1]] = scores[::-1]
    return best
