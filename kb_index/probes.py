"""Probes: encoders that have not seen a part of the questions, to be asked that part. And what they say of fine-tuning."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.article import Article
from kb_index.encoder import Encoder, Vectors
from kb_index.head import fit_head
from kb_index.index import Owners
from kb_index.ranking import Floats

PARTS: Final = 5
"""A probe does not see one part in five of the articles, nor of the other articles' questions."""

SHARPNESS: Final = 20.0
"""Weight of the nearest question's cosine against the head's log odds, for a comparison without anything fitted."""

BATCH: Final = 256

MOST_ASKED: Final = 2_000
"""Questions of either kind that one probe is asked for a comparison; beyond, an even choice."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Probe:
    """`encoder` has learnt nothing of the articles `gone` (ids) and of the questions `out` (`mark` of each)."""

    encoder: Encoder
    gone: frozenset[str]
    out: frozenset[str]

    def is_out(self, article_id: str, text: str) -> bool:
        """Whether this question is kept back, its article being there."""
        return mark(article_id, text) in self.out


@dataclass(frozen=True, slots=True)
class Comparison:
    """Held-back questions of all probes, asked in both kinds of vectors.

    `base_right`, `tuned_right`: whether each question's own article came first (n,). `base_auroc`, `tuned_auroc`:
    probability that a question of an article that is there looks surer than one of an article that is not.
    """

    base_right: NDArray[np.bool_]
    tuned_right: NDArray[np.bool_]
    base_auroc: float
    tuned_auroc: float

    @property
    def top1_gain(self) -> float:
        """Rise of the share that is right; 0 where nothing was asked."""
        if not len(self.base_right):
            return 0.0
        return float(self.tuned_right.mean() - self.base_right.mean())

    @property
    def uncertainty(self) -> float:
        """Standard error of `top1_gain`; the questions are the same ones, so only those that changed count."""
        if not len(self.base_right):
            return 0.0
        change = self.tuned_right.astype(float) - self.base_right.astype(float)
        return float(change.std() / np.sqrt(len(change)))

    @property
    def gain(self) -> float:
        """Top-1 and AUROC together."""
        return self.top1_gain + self.tuned_auroc - self.base_auroc

    def worth(self, margin: float) -> bool:
        """Whether the tuned vectors are better by `margin`, beyond chance, with neither figure down by half of it."""
        lowest = min(self.top1_gain, self.tuned_auroc - self.base_auroc)
        return self.gain >= max(margin, self.uncertainty) and lowest >= -margin / 2

    def verdict(self, margin: float) -> str:
        """`worth` in words."""
        if self.worth(margin):
            return f"better on questions held back by {self.gain:.3f} (needed {max(margin, self.uncertainty):.3f})"
        return (
            f"not better on questions held back: {self.gain:+.3f}, needed {max(margin, self.uncertainty):.3f}"
        )

    def figures(self) -> dict[str, float | int]:
        """For the report."""
        return {
            "questions": len(self.base_right),
            "top1_base": _share(self.base_right),
            "top1_tuned": _share(self.tuned_right),
            "top1_gain_standard_error": round(self.uncertainty, 4),
            "auroc_base": round(self.base_auroc, 4),
            "auroc_tuned": round(self.tuned_auroc, 4),
        }


def mark(article_id: str, text: str) -> str:
    """Stands for an article's question where its words need not be kept: the beginning of a sha256, hex."""
    return hashlib.sha256(f"{article_id}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:20]


def held_out(articles: Sequence[Article], number: int) -> tuple[frozenset[str], frozenset[tuple[str, str]]]:
    """What probe `number` (below `PARTS`) may not see: ids of articles, and (id, question) of the others.

    The same for the same content, in whatever order. Titles of articles that stay are always seen.
    """
    random = np.random.default_rng(0)
    ordered = sorted(articles, key=lambda article: article.id)
    parts = random.permutation(len(ordered)) % PARTS
    gone = frozenset(article.id for article, part in zip(ordered, parts, strict=True) if part == number)
    questions = [(a.id, text) for a in ordered for text in sorted(set(a.questions) - {a.title})]
    parts = random.permutation(len(questions)) % PARTS
    out = frozenset(
        pair for pair, part in zip(questions, parts, strict=True) if part == number and pair[0] not in gone
    )
    return gone, out


def compare(
    articles: Sequence[Article], base: Encoder, probes: Sequence[Probe], progress: Progress
) -> Comparison:
    """Ask the held-back questions of every probe in its vectors and in those of `base`."""
    numbers = {article.id: number for number, article in enumerate(articles)}
    owned = [(a.id, text) for a in articles for text in dict.fromkeys((a.title, *a.questions))]
    texts = [text for _, text in owned]
    owners = np.array([numbers[owner] for owner, _ in owned], dtype=np.int64)
    right: list[list[NDArray[np.bool_]]] = [[], []]
    areas: list[list[float]] = [[], []]
    for number, probe in enumerate(probes):
        out = np.array([probe.is_out(*pair) for pair in owned])
        gone = np.array([owner in probe.gone for owner, _ in owned])
        for kind, encoder in enumerate((base, probe.encoder)):
            vectors = np.zeros((len(texts), encoder.dimension), dtype=np.float32)
            for start in range(0, len(texts), BATCH):
                done = (2 * number + kind) * len(texts) + start
                progress("compare", done, 2 * len(probes) * len(texts))
                vectors[start : start + BATCH] = encoder.encode(texts[start : start + BATCH])
            found = _asked(vectors, owners, out, gone, len(articles))
            if found is not None:
                right[kind].append(found[0])
                areas[kind].append(found[1])
    progress("compare", 2 * len(probes) * len(texts), 2 * len(probes) * len(texts))
    if not areas[0] or not areas[1]:
        nothing = np.zeros(0, dtype=bool)
        return Comparison(nothing, nothing, 0.5, 0.5)
    return Comparison(
        np.concatenate(right[0]), np.concatenate(right[1]), float(np.mean(areas[0])), float(np.mean(areas[1]))
    )


def _asked(
    vectors: Vectors, owners: Owners, out: NDArray[np.bool_], gone: NDArray[np.bool_], articles: int
) -> tuple[NDArray[np.bool_], float] | None:
    """Whether each question that is `out` finds its article, and the AUROC against those of `gone` articles."""
    stored = ~out & ~gone
    head = fit_head(vectors[stored], owners[stored], articles)
    if head is None or not out.any() or not gone.any():
        return None
    known_rows, gone_rows = _some(np.flatnonzero(out)), _some(np.flatnonzero(gone))
    asked = np.concatenate([known_rows, gone_rows])
    best = np.full((len(asked), articles), -1.0)
    for article in np.unique(owners[stored]):
        rows = stored & (owners == article)
        best[:, article] = (vectors[asked] @ vectors[rows].T).max(axis=1)
    there = np.isin(np.arange(articles), owners[stored])
    logits = np.stack([head.logits(vectors[row], near) for row, near in zip(asked, best, strict=True)])
    logits[:, ~there] = -np.inf
    top = logits.max(axis=1, keepdims=True)
    total = logits - top - np.log(np.exp(logits - top).sum(axis=1, keepdims=True)) + SHARPNESS * best
    known = len(known_rows)
    right = total[:known].argmax(axis=1) == owners[asked[:known]]
    sure = _standard(best.max(axis=1)) + _standard(top[:, 0])
    return right, area(sure[:known], sure[known:])


def _some(rows: Owners) -> Owners:
    """At most `MOST_ASKED` of them, spread evenly."""
    return np.asarray(rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_ASKED)).astype(int)])


def area(high: Floats, low: Floats) -> float:
    """AUROC: the probability that one of `high` (n,) is above one of `low` (m,), ties counting half."""
    ordered = np.sort(low)
    below = np.searchsorted(ordered, high, side="left") + np.searchsorted(ordered, high, side="right")
    return float(below.mean() / (2.0 * len(low)))


def _share(right: NDArray[np.bool_]) -> float:
    return round(float(right.mean()), 4) if len(right) else 0.0


def _standard(values: Floats) -> Floats:
    return np.asarray((values - values.mean()) / max(float(values.std()), 1e-12), dtype=np.float64)


def marks_of(pairs: Collection[tuple[str, str]]) -> list[str]:
    """`mark` of each, sorted."""
    return sorted(mark(*pair) for pair in pairs)
