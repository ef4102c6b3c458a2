"""Why articles rank as they do for one question: the stored texts that came nearest, and what each feature added."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np

from kb_index.calibration import SIGNALS, signals
from kb_index.encoder import Vectors
from kb_index.knowledge import Knowledge
from kb_index.passages import split_passages
from kb_index.ranking import FEATURES, Scored

Kind = Literal["title", "question", "passage"]

MATCHES: Final = 8
"""Nearest stored texts that are told."""

MOST_ROWS: Final = 200_000
"""Stored texts up to which all are compared again; beyond, that would take the memory of a second index."""


@dataclass(frozen=True, slots=True)
class Part:
    """A number that counted: `contribution` is `value` x `weight`, on the scale of what it adds to."""

    name: str
    value: float
    weight: float
    contribution: float


@dataclass(frozen=True, slots=True)
class Match:
    """A stored text and its cosine with the question: 1 for the same words."""

    article_id: str
    kind: Kind
    text: str
    similarity: float


@dataclass(frozen=True, slots=True)
class Weighed:
    """A candidate. `score` is its share of belief; the parts' contributions add up to its place in the ranking."""

    article_id: str
    title: str
    score: float
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """One search. `confidence` is the sigmoid of `bias` and the signals' contributions; 0 without a candidate.

    `answerable` is the probability that any article is right, from the same signals otherwise weighed.
    """

    matches: tuple[Match, ...] = ()
    candidates: tuple[Weighed, ...] = ()
    signals: tuple[Part, ...] = ()
    bias: float = 0.0
    confidence: float = 0.0
    answerable: float = 0.0


def explain(
    knowledge: Knowledge, text: str, vector: Vectors, *, locale: str | None = None, k: int = 5
) -> Explanation:
    """The same search as `Knowledge.search`, with everything that led to its ranking. Arguments and errors are its."""
    scored = knowledge.scored(text, vector, locale=locale)
    if scored is None or not len(scored.articles):
        return Explanation()
    learnt = knowledge.stored.calibration
    candidates = tuple(
        Weighed(
            knowledge.articles[position].id,
            knowledge.articles[position].title,
            float(scored.shares[line]),
            parts(FEATURES, scored.features[line].tolist(), learnt.weights.tolist()),
        )
        for line, position in enumerate(scored.articles[:k].tolist())
    )
    return Explanation(
        _matches(knowledge, knowledge.placed(np.asarray(vector, dtype=np.float32).reshape(-1)), scored),
        candidates,
        parts(SIGNALS, signals(scored).tolist(), learnt.confidence.weights.tolist()),
        learnt.confidence.bias,
        learnt.confidence.of(scored),
        max(learnt.confidence.of(scored), learnt.answerable.of(scored)),
    )


def parts(names: Sequence[str], values: Sequence[float], weights: Sequence[float]) -> tuple[Part, ...]:
    """Named numbers with their weights, in their order. Raises `ValueError` where they are not equally many."""
    return tuple(
        Part(name, float(value), float(weight), float(value) * float(weight))
        for name, value, weight in zip(names, values, weights, strict=True)
    )


def _matches(knowledge: Knowledge, query: Vectors, scored: Scored) -> tuple[Match, ...]:
    """The nearest stored texts of the candidates: variants by question, passages by answer."""
    ranker = knowledge.stored.ranker
    if len(ranker.questions) + len(ranker.passages) > MOST_ROWS:
        return ()
    questions, passages = (
        (index.owners, index.vectors() @ query) for index in (ranker.questions, ranker.passages)
    )
    found: list[Match] = []
    for position in scored.articles.tolist():
        article = knowledge.articles[position]
        asked: list[tuple[Kind, str]] = [("title", article.title)]
        asked += [("question", text) for text in article.questions]
        said: list[tuple[Kind, str]] = [("passage", text) for text in split_passages(article.answer)]
        for (owners, similarities), texts in ((questions, asked), (passages, said)):
            # An article's rows stand in the order of its texts.
            rows = similarities[owners == position]
            if len(rows) == len(texts):
                found += [Match(article.id, *text, float(row)) for text, row in zip(texts, rows, strict=True)]
    found.sort(key=lambda match: -match.similarity)
    return tuple(found[:MATCHES])
