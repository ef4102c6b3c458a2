"""From the rows near a question to articles in order, each with its share of belief.

For each candidate article four features are taken: its best question's similarity, how near that is to the very
same words, its best answer passage's similarity, and the logit of a linear head. A conditional logit (softmax over the candidates of a
weighted sum) joins them; its weights are fitted on out-of-fold questions, or are `DEFAULT_WEIGHTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.encoder import Vectors
from kb_index.head import LinearHead
from kb_index.index import Owners, VectorIndex

Floats = NDArray[np.float64]

FEATURES: Final = ("question", "near", "passage", "head")
"""Columns of a feature matrix: two cosines and, between them, `near`, which rises from 0 at a similarity of
`NEAR_FROM` to 1 for a stored question itself; last a logit.

Held-out questions are seldom very near to another, so the weight of `near` stays about its default where there is
nothing to learn it from: who asks what is written down gets that article."""

NEAR_FROM: Final = 0.9

DEFAULT_WEIGHTS: Final = np.array([17.5, 10.0, 7.5, 0.0])
"""Without questions to learn from: 0.7 x question + 0.3 x best passage (which beats the question alone), times a
sharpness at which a lead of 0.1 makes a candidate 12 times as likely."""

QUESTION_ROWS: Final = 128
PASSAGE_ROWS: Final = 32
HEAD_CANDIDATES: Final = 8


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of one query, best first: article positions (c,), features (c, 4), shares (c,) that sum to 1."""

    articles: Owners
    features: Floats
    shares: Floats


class Ranker:
    """Ranks the articles of two indexes, one of titles and variants, one of passages. Immutable."""

    def __init__(
        self,
        questions: VectorIndex,
        passages: VectorIndex,
        articles: int,
        head: LinearHead | None,
        weights: Floats = DEFAULT_WEIGHTS,
    ) -> None:
        self.questions = questions
        self.passages = passages
        self.articles = articles
        self.head = head
        self.weights = weights

    def with_weights(self, weights: Floats, head: LinearHead | None) -> Ranker:
        """The same indexes under other weights."""
        return Ranker(self.questions, self.passages, self.articles, head, weights)

    def rank(self, queries: Vectors, *, among: NDArray[np.bool_] | None = None) -> list[Scored]:
        """Candidates of each query (m, dimension). `among` (articles,) limits them to those that are True."""
        question_scores, question_owners = self.questions.search(queries, QUESTION_ROWS, among=among)
        passage_scores, passage_owners = self.passages.search(queries, PASSAGE_ROWS, among=among)
        return [
            self._score(
                query,
                (question_scores[line], question_owners[line]),
                (passage_scores[line], passage_owners[line]),
                among,
            )
            for line, query in enumerate(queries)
        ]

    def _score(
        self,
        query: Vectors,
        questions: tuple[NDArray[np.float32], Owners],
        passages: tuple[NDArray[np.float32], Owners],
        among: NDArray[np.bool_] | None,
    ) -> Scored:
        # Dense over articles: a few microseconds at thousands, and no searching in sorted lists.
        best = _dense(self.articles, questions)
        near = np.maximum(0.0, (best - NEAR_FROM) / (1.0 - NEAR_FROM))
        passage = _dense(self.articles, passages)
        wanted = np.zeros(self.articles, dtype=bool)
        wanted[questions[1]] = True
        wanted[passages[1]] = True
        head = np.zeros(self.articles)
        if self.head is not None:
            head = self.head.logits(query, best)
            strongest = np.argsort(-head, kind="stable")[:HEAD_CANDIDATES]
            wanted[strongest] = True
        if among is not None:
            wanted &= among
        candidates = np.flatnonzero(wanted)
        features = np.stack([best, near, passage, head], axis=1)[candidates]
        return ordered(candidates, features, self.weights)


def ordered(articles: Owners, features: Floats, weights: Floats) -> Scored:
    """Candidates by falling share; equal ones in the order of their position, so that runs agree."""
    total = features @ weights
    order = np.argsort(-total, kind="stable")
    total = total[order]
    powers = np.exp(total - total[0]) if len(total) else total
    return Scored(articles[order], features[order], powers / powers.sum() if len(powers) else powers)


def _dense(articles: int, hits: tuple[NDArray[np.float32], Owners]) -> Floats:
    """The best score of each article. One that has no row among the hits has at most the lowest of them."""
    scores, owners = hits
    best = np.full(articles, float(scores[-1]) if len(scores) else 0.0)
    # Scores fall, so the reversed assignment leaves each owner its first, best one.
    best[owners[::-1]] = scores[::-1]
    return best
