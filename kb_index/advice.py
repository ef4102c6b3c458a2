"""What to tell an editor about an article before it is published: texts that others have too, and whether it can be found.

The article is put into the knowledge and its own title and variants are asked, each as if it did not stand there itself
(leave-one-out): customers use other words than the ones that are written down.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from kb_index.article import Article
from kb_index.encoder import Encoder, Vectors
from kb_index.index import Nearest, VectorIndex
from kb_index.knowledge import Knowledge
from kb_index.passages import texts_of
from kb_index.ranking import HeldOut, Scored

Code = Literal["answered_better_elsewhere", "near_duplicate", "unreachable"]
Field = Literal["questions", "title", "answer"]

CHECKED: Final = 200
"""Variants that are looked at one by one, those that the knowledge has not yet before others: a second of a core."""

KNOWN: Final = 1_000
"""Variants that stand beside them while they are; 3 ms each to encode where that has not been done before."""

SAME: Final = 0.92
"""Cosine from which on two questions say the same. Of the demo's 25,000 pairs of variants of one article 11 are so near
("shipping price", "how much is shipping"), and of its 1.6 million pairs of different articles none."""

SAME_ANSWER: Final = 0.97
"""The same for passages, which are longer: answers of one pattern ("what our bank says about ...") stay below."""

LIKELY: Final = 0.5
"""Another article answers a text better where it comes first and is right with at least this probability: with less it only
comes first because nothing fits."""

HITS: Final = 32
"""Nearest texts of others among which that of a rival is looked for."""

FEWEST: Final = 3
"""Texts from which on the title is left out when it is asked itself; of fewer, what is left says too little."""


@dataclass(frozen=True, slots=True)
class Other:
    """The article that stands in the way: the `text` of it that is nearest, and the cosine of the two."""

    article_id: str
    title: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Warned:
    """One thing to look at. `index` is the variant's place among the article's questions; None for title and answer."""

    code: Code
    field: Field
    index: int | None
    text: str
    other: Other | None


@dataclass(frozen=True, slots=True)
class Advice:
    """`checked` of the article's `variants` have been looked at one by one."""

    warnings: tuple[Warned, ...]
    checked: int
    variants: int


def advise(knowledge: Knowledge, article: Article, encoder: Encoder) -> Advice:
    """Warnings for `article`, which takes the place of one of its id in `knowledge`; that stays as it is.

    Encodes and ranks in the caller's thread, bounded by `CHECKED` and `KNOWN`. Raises as `Knowledge.with_article`.
    """
    chosen = _chosen(knowledge, article)
    kept = sorted(chosen[:KNOWN])
    trial = replace(article, questions=tuple(article.questions[place] for place in kept))
    asked = [0, *(1 + kept.index(place) for place in sorted(chosen[:CHECKED]))]
    own = _Own(knowledge.with_article(trial, encoder), trial, [None, *kept], encoder)
    duplicates = own.duplicates(asked)
    found = [*duplicates, *own.answered_elsewhere(asked, duplicates)]
    found.sort(key=lambda warned: (warned.index is not None, warned.index or 0))
    return Advice((*found, *own.same_answer()), len(asked) - 1, len(article.questions))


def _chosen(knowledge: Knowledge, article: Article) -> list[int]:
    """Places of the article's variants, those first that are new."""
    try:
        known = set(knowledge.article(article.id).questions)
    except KeyError:
        known = set()
    return sorted(range(len(article.questions)), key=lambda place: article.questions[place] in known)


class _Own:
    """The article in the knowledge that has it, and its texts: the title, then variants."""

    def __init__(
        self, knowledge: Knowledge, article: Article, places: Sequence[int | None], encoder: Encoder
    ) -> None:
        """`places` (texts,): where each text stands among the questions that were given, None for the title."""
        self._knowledge = knowledge
        self._article = article
        self._places = places
        self._ranker = knowledge.stored.ranker
        self._position = [known.id for known in knowledge.articles].index(article.id)
        self._encoder = encoder
        self._hits: Nearest | None = None
        self._texts, self._passages = texts_of(article)
        self._vectors = self._placed(encoder.encode(self._texts))
        self._passage_vectors = self._placed(encoder.encode(self._passages))
        self._rows = np.flatnonzero(self._ranker.questions.owners == self._position)
        self._among = knowledge.among(article.locale)
        everybody = np.ones(len(knowledge), dtype=bool)
        self._others = everybody if self._among is None else self._among.copy()
        self._others[self._position] = False
        self._others.flags.writeable = False  # looked through once, see `VectorIndex.search`

    def duplicates(self, asked: Sequence[int]) -> list[Warned]:
        """Texts that say the same as one before them, or as one of another article: that which is nearest."""
        found = []
        within = self._vectors[list(asked)] @ self._vectors.T
        elsewhere = self._nearest(self._ranker.questions, self._hits_of(asked))
        for line, place in enumerate(asked):
            others = [
                near for near in (elsewhere[line], self._before(place, within[line])) if near is not None
            ]
            best = max(others, key=lambda other: other.score, default=None)
            if best is not None and best.score >= SAME:
                found.append(self._warned("near_duplicate", place, best))
        return found

    def answered_elsewhere(self, asked: Sequence[int], duplicates: Sequence[Warned]) -> list[Warned]:
        """Texts that another article answers, and whether this one is ever reached."""
        ranked, hits = self._ranked(asked), self._hits_of(asked)
        doubles = {
            (warned.index, warned.other.article_id) for warned in duplicates if warned.other is not None
        }
        found, firsts = [], [int(scored.articles[0]) if len(scored.articles) else None for scored in ranked]
        for line, (place, scored, first) in enumerate(zip(asked, ranked, firsts, strict=True)):
            if first is None or first == self._position:
                continue
            if self._knowledge.stored.calibration.confidence.of(scored) < LIKELY:
                continue
            other = self._of(first, place, _line(hits, line))
            if (self._places[place], other.article_id) not in doubles:
                found.append(self._warned("answered_better_elsewhere", place, other))
        if self._position not in firsts:
            (rival, _times), *_ = Counter(firsts).most_common(1)
            other_first = None if rival is None else self._of(rival, 0, _line(hits, 0))
            found.append(self._warned("unreachable", 0, other_first))
        return found

    def same_answer(self) -> list[Warned]:
        """The answer, where another article says all of it."""
        passages = self._ranker.passages
        nearest = self._nearest(passages, passages.nearest(self._passage_vectors, 1, among=self._others))
        ids = {other.article_id for other in nearest if other is not None and other.score >= SAME_ANSWER}
        if not nearest or len(ids) != 1 or any(o is None or o.score < SAME_ANSWER for o in nearest):
            return []
        return [Warned("near_duplicate", "answer", None, self._passages[0], nearest[0])]

    def _ranked(self, asked: Sequence[int]) -> list[Scored]:
        lines = list(asked)
        held_out = None
        if len(self._texts) >= FEWEST:
            held_out = HeldOut(self._rows[lines], np.full(len(lines), self._position, dtype=np.int64))
        return self._ranker.rank(
            self._vectors[lines],
            [self._texts[place] for place in lines],
            among=self._among,
            held_out=held_out,
        )

    def _before(self, place: int, similarities: NDArray[np.float32]) -> Other | None:
        """The nearest of the article's own texts ahead of the one at `place`."""
        if place == 0:
            return None
        best = int(similarities[:place].argmax())
        return Other(
            self._article.id, self._article.title, self._texts[best], round(float(similarities[best]), 4)
        )

    def _hits_of(self, asked: Sequence[int]) -> Nearest:
        """The nearest titles and variants of other articles, for each text that is asked; one search for all."""
        if self._hits is None:
            self._hits = self._ranker.questions.nearest(self._vectors[list(asked)], HITS, among=self._others)
        return self._hits

    def _nearest(self, index: VectorIndex, hits: Nearest) -> list[Other | None]:
        """The first hit of each line."""
        if not hits.scores.shape[1]:
            return [None] * len(hits.scores)
        return [
            self._other(int(owner), index, int(row), float(score))
            for owner, row, score in zip(hits.owners[:, 0], hits.rows[:, 0], hits.scores[:, 0], strict=True)
        ]

    def _of(self, position: int, place: int, hits: Nearest) -> Other:
        """The text of the article at `position` that is nearest to the text at `place`; its title where none is near."""
        own = np.flatnonzero(hits.owners == position)
        if len(own):
            return self._other(
                position, self._ranker.questions, int(hits.rows[own[0]]), float(hits.scores[own[0]])
            )
        article = self._knowledge.articles[position]
        (title,) = self._placed(self._encoder.encode([article.title]))
        return Other(article.id, article.title, article.title, round(float(title @ self._vectors[place]), 4))

    def _other(self, position: int, index: VectorIndex, row: int, score: float) -> Other:
        article = self._knowledge.articles[position]
        questions, passages = texts_of(article)
        texts = questions if index is self._ranker.questions else passages
        # An article's rows stand in the order of its texts.
        place = int(np.searchsorted(np.flatnonzero(index.owners == position), row))
        return Other(article.id, article.title, texts[place], round(min(score, 1.0), 4))

    def _warned(self, code: Code, place: int, other: Other | None) -> Warned:
        index = self._places[place]
        return Warned(code, "title" if index is None else "questions", index, self._texts[place], other)

    def _placed(self, vectors: Vectors) -> Vectors:
        rows = [self._knowledge.placed(vector) for vector in vectors]
        return np.stack(rows) if rows else np.zeros((0, self._knowledge.dimension), np.float32)


def _line(hits: Nearest, line: int) -> Nearest:
    """What one query found."""
    return Nearest(hits.scores[line], hits.rows[line], hits.owners[line], hits.vectors[line])
