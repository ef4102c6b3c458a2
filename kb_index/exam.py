"""The articles' own questions asked of rankers that do not know them.

Each question is asked twice: once as if it alone were not written down (its article can be found) and once as if its
whole article were not there (nothing right can be found). Ranking learns nothing that would have to be learnt anew for
that (`kb_index.local`), so one question, or one article, at a time is left out, and all else is there as in use.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kb_index.encoder import Vectors
from kb_index.index import GONE, Owners, VectorIndex
from kb_index.ranking import Floats, HeldOut, Mask, Ranker
from kb_index.words import WordIndex

Progress = Callable[[str, int, int], None]

MOST_ASKED: Final = 8_000
"""Questions asked in either way at most; beyond, a fixed sample. Bounds the time of training, about 1 ms each."""

KEPT: Final = 20
"""Candidates of each question that are remembered."""

SAME: Final = 0.9999
"""Cosine from which on a variant is its own article's title: asking it would be asking what stays written down."""

_BATCH: Final = 64


@dataclass(frozen=True, slots=True)
class Corpus:
    """What there is to search: vectors (n, dimension) of titles and of variants, each with owners (n,).

    `asked` are the variants' words, `words` the index of all.
    """

    titles: tuple[Vectors, Owners]
    variants: tuple[Vectors, Owners]
    passages: VectorIndex
    articles: int
    asked: Sequence[str]
    words: WordIndex

    def questions(self) -> tuple[Vectors, Owners]:
        """Titles and then variants."""
        return np.vstack([self.titles[0], self.variants[0]]), np.concatenate(
            [self.titles[1], self.variants[1]]
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`corpus` in the vectors of an encoder that has not learnt from the variants `out` (n,) of articles that it knows, nor
    from anything of the articles `gone` (articles,). Only these may be asked of it."""

    corpus: Corpus
    out: Mask
    gone: Mask


@dataclass(frozen=True, slots=True)
class Asked:
    """One question with its candidates (c,) and their features (c, 5); `right` is its article, or -1 where that was out."""

    articles: Owners
    features: Floats
    right: int


@dataclass(frozen=True, slots=True)
class Answers:
    """What came of asking: each question with its article there, and questions whose article was out."""

    known: list[Asked]
    unknown: list[Asked]


def ask_all(corpus: Corpus, progress: Progress) -> Answers:
    """All variants of `corpus`, or a sample, in both ways."""
    variants = np.arange(len(corpus.variants[0]))
    chosen = _sample(variants)
    return _ask(corpus, np.ones(len(variants), dtype=bool), chosen, chosen, progress)


def rehearse(rehearsals: Sequence[Rehearsal], progress: Progress) -> Answers:
    """As `ask_all`, each question in vectors of an encoder that has not learnt from it."""
    together = Answers([], [])
    for rehearsal in rehearsals:
        out = np.flatnonzero(rehearsal.out)
        strange = np.flatnonzero(rehearsal.gone[rehearsal.corpus.variants[1]])
        # What the encoder does not know would, if it stood in the index, lie there as nothing does in use.
        found = _ask(rehearsal.corpus, ~rehearsal.out, _sample(out), _sample(strange), progress)
        together.known.extend(found.known)
        together.unknown.extend(found.unknown)
    return together


def _sample(rows: Owners) -> Owners:
    return np.sort(np.random.default_rng(0).permutation(rows)[:MOST_ASKED])


def _ask(corpus: Corpus, stored: Mask, known: Owners, unknown: Owners, progress: Progress) -> Answers:
    """Variants `known` and `unknown` (rows) asked while the variants that are not `stored` are not in the index."""
    vectors, owners = corpus.questions()
    titles = len(corpus.titles[0])
    there = np.concatenate([np.ones(titles, dtype=bool), stored])
    # The row of each question in the index; those that are not in it have none.
    rows = np.where(there, np.cumsum(there) - 1, GONE)
    ranker = Ranker(
        VectorIndex(vectors[there], owners[there]), corpus.passages, corpus.words, corpus.articles
    )
    variants, variant_owners = corpus.variants
    known = known[~_is_title(corpus)[known]]
    total = len(known) + len(unknown)
    answers = Answers([], [])
    for batch in _batches(known):
        progress("calibrate", len(answers.known), total)
        own = variant_owners[batch]
        found = ranker.rank(
            variants[batch],
            [corpus.asked[row] for row in batch],
            held_out=HeldOut(rows[titles + batch], own),
        )
        answers.known.extend(
            Asked(scored.articles[:KEPT], scored.features[:KEPT], int(right))
            for scored, right in zip(found, own, strict=True)
            if len(scored.articles)
        )
    for article in np.unique(variant_owners[unknown]):
        among = np.ones(corpus.articles, dtype=bool)
        among[article] = False
        for batch in _batches(unknown[variant_owners[unknown] == article]):
            progress("calibrate", len(known) + len(answers.unknown), total)
            found = ranker.rank(variants[batch], [corpus.asked[row] for row in batch], among=among)
            answers.unknown.extend(
                Asked(scored.articles[:KEPT], scored.features[:KEPT], -1)
                for scored in found
                if len(scored.articles)
            )
    progress("calibrate", total, total)
    return answers


def _is_title(corpus: Corpus) -> Mask:
    """Which variants (n,) say what the title of their article says, word by word or nearly so."""
    vectors, owners = corpus.variants
    titles = np.zeros((corpus.articles, vectors.shape[1]), dtype=np.float32)
    titles[corpus.titles[1]] = corpus.titles[0]
    return np.asarray(np.einsum("nd,nd->n", vectors, titles[owners]) >= SAME)


def _batches(rows: Owners) -> Iterator[Owners]:
    for start in range(0, len(rows), _BATCH):
        yield rows[start : start + _BATCH]
