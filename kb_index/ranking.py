"""From the rows near a question to articles in order, each with its share of belief.

For each candidate article four features are taken: its best question's similarity, the density of its questions
around the query (a soft maximum: many near variants count more than one), its best answer passage, and the logit
of a linear head trained on the questions of all articles. A conditional logit (softmax over the candidates of a
weighted sum) joins them; its weights are fitted on out-of-fold questions, or are `DEFAULT_WEIGHTS`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from kb_index.encoder import Vectors
from kb_index.index import Owners, VectorIndex

Floats = NDArray[np.float64]

FEATURES: Final = ("question", "density", "passage", "head")
"""Columns of a feature matrix. The first three are on the scale of a cosine, the last is a logit."""

DEFAULT_WEIGHTS: Final = np.array([17.5, 0.0, 7.5, 0.0])
"""Without questions to learn from: 0.7 x question + 0.3 x best passage (which beats the question alone), times a
sharpness at which a lead of 0.1 makes a candidate 12 times as likely."""

TEMPERATURE: Final = 0.03
"""Of the soft maximum, in cosine. 0.03 was better than 0.05 and 0.08 as a classifier by itself."""

QUESTION_ROWS: Final = 128
PASSAGE_ROWS: Final = 32
HEAD_CANDIDATES: Final = 8

HEAD_QUESTIONS: Final = 3
"""Questions (the title counts) that an article needs to get a place in the head."""

HEAD_C: Final = 10.0
"""Inverse regularisation of the logistic regression."""


@dataclass(frozen=True, slots=True)
class Scored:
    """Candidates of one query, best first: article positions (c,), features (c, 4), shares (c,) that sum to 1."""

    articles: Owners
    features: Floats
    shares: Floats


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Logits for some articles: `weights` (a, dimension), `bias` (a,); `slots` (articles,) row of each or -1.

    An article without a row gets `offset + slope x density`: what the head says on average at that density, so
    that articles with few questions compete on equal terms.
    """

    weights: Vectors
    bias: NDArray[np.float32]
    slots: Owners
    offset: float
    slope: float

    def logits(self, query: Vectors) -> NDArray[np.float32]:
        """Logits of the articles that have a row, shape (a,)."""
        return np.asarray(self.weights @ query + self.bias, dtype=np.float32)


def fit_head(vectors: Vectors, owners: Owners, articles: int) -> LinearHead | None:
    """A multinomial logistic regression over articles with enough questions; None where fewer than two have."""
    enough = np.flatnonzero(np.bincount(owners, minlength=articles) >= HEAD_QUESTIONS)
    if len(enough) < 2:
        return None
    slots = np.full(articles, -1, dtype=np.int64)
    slots[enough] = np.arange(len(enough))
    rows = slots[owners] >= 0
    model = LogisticRegression(C=HEAD_C, max_iter=200, tol=1e-3)
    model.fit(vectors[rows], slots[owners[rows]])
    weights, bias = model.coef_, model.intercept_
    if len(enough) == 2:  # scikit-learn gives one row for two classes
        weights, bias = np.vstack([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    return LinearHead(weights.astype(np.float32), bias.astype(np.float32), slots, 0.0, 0.0)


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
        logits = self.head.logits(query) if self.head is not None else None
        # Dense over articles: a few microseconds at thousands, and no searching in sorted lists.
        best = _dense(self.articles, questions)
        density = _density(self.articles, questions)
        passage = _dense(self.articles, passages)
        wanted = np.zeros(self.articles, dtype=bool)
        wanted[questions[1]] = True
        wanted[passages[1]] = True
        head = np.zeros(self.articles)
        if self.head is not None and logits is not None:
            slots = self.head.slots
            head = np.where(slots >= 0, logits[slots], self.head.offset + self.head.slope * density)
            strongest = np.argsort(-head, kind="stable")[:HEAD_CANDIDATES]
            wanted[strongest] = True
        if among is not None:
            wanted &= among
        candidates = np.flatnonzero(wanted)
        features = np.stack([best, density, passage, head], axis=1)[candidates]
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


def _density(articles: int, hits: tuple[NDArray[np.float32], Owners]) -> Floats:
    """Soft maximum of each article's scores, in cosine: T x log(sum of exp(score / T))."""
    scores, owners = hits
    if not len(scores):
        return np.zeros(articles)
    powers = np.exp((scores.astype(np.float64) - 1.0) / TEMPERATURE)
    mass = np.bincount(owners, weights=powers, minlength=articles)
    return np.asarray(1.0 + TEMPERATURE * np.log(np.maximum(mass, powers[-1])))
