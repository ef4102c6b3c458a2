"""What the articles' own questions tell about ranking: weights, confidence and threshold.

Each question is asked twice of rankers that do not know it: once with it held out (its article can be found) and
once with its whole article held out (nothing right can be found). From the first come the ranking's weights; from
both together the probability that the best article is right, and the threshold that keeps wrong answers rare.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kb_index.encoder import Vectors
from kb_index.head import LinearHead, fit_head
from kb_index.index import Owners, VectorIndex
from kb_index.intervals import wilson
from kb_index.ranking import DEFAULT_WEIGHTS, FEATURES, Floats, Ranker, Scored, ordered

Progress = Callable[[str, int, int], None]

MANY_QUESTIONS: Final = 3_000
QUESTION_ROUNDS: Final = {"few": 8, "many": 3}
ARTICLE_ROUNDS: Final = {"few": 8, "many": 4}
"""Parts of either hold-out, up to and beyond `MANY_QUESTIONS`; each costs a head. A question out of a hundred is not
missed, one of eight is. Of the articles only few may be out at a time: the more neighbours an unknown question has,
the surer a wrong answer looks, and in use all of them are there."""

KEPT: Final = 20
"""Candidates of each held-out question that are remembered."""

MOST_ASKED: Final = 8_000
"""Held-out questions at most; beyond, a fixed sample is asked. Bounds the time of training."""

ENOUGH_TO_FIT: Final = 60
"""Held-out questions below which nothing is fitted: six numbers from fewer would be noise."""

FEWEST_ARTICLES: Final = 5
"""Articles with variants below which leaving some out whole says nothing about unknown questions."""

FALLBACK_THRESHOLD: Final = 0.9
"""Where questions are too few to support the risk that was asked for."""

UNSUPPORTED_THRESHOLD: Final = 0.995
"""Where not even the confidence itself expects so few wrong answers: near-verbatim questions only."""

BOUND_Z: Final = 1.0
"""One-sided 84 % bound on the wrong answers: the threshold must hold on new questions, not only on these."""

SIGNALS: Final = (*FEATURES, "lead")
"""What confidence is made from: the best candidate's features, and the log odds of its share."""

_DEFAULT_SIGNAL_WEIGHTS: Final = np.array([7.0, 5.0, 3.0, 0.0, 0.4])
_DEFAULT_SIGNAL_BIAS: Final = -6.0
_LEAD_LIMIT: Final = 6.0


@dataclass(frozen=True, slots=True)
class Corpus:
    """What there is to search: vectors (n, dimension) of titles and of variants, each with owners (n,)."""

    titles: tuple[Vectors, Owners]
    variants: tuple[Vectors, Owners]
    passages: VectorIndex
    articles: int

    def questions_without(
        self, out: NDArray[np.bool_] | None, gone: NDArray[np.bool_] | None
    ) -> tuple[Vectors, Owners]:
        """Titles and variants together, less the variants in `out` (n,) and the titles in `gone` (articles,)."""
        titles, title_owners = self.titles
        variants, variant_owners = self.variants
        if out is not None:
            variants, variant_owners = variants[~out], variant_owners[~out]
        if gone is not None:
            titles, title_owners = titles[~gone[title_owners]], title_owners[~gone[title_owners]]
        return np.vstack([titles, variants]), np.concatenate([title_owners, variant_owners])

    def head_without(
        self, out: NDArray[np.bool_] | None, gone: NDArray[np.bool_] | None
    ) -> LinearHead | None:
        """A head that learns from the same rows and from the passages of the articles that are not `gone`.

        Passages help where variants are few: 0.62 instead of 0.55 right by itself on 8 variants an article.
        """
        vectors, owners = self.questions_without(out, gone)
        passages, passage_owners = self.passages.vectors(), self.passages.owners
        if gone is not None:
            passages, passage_owners = passages[~gone[passage_owners]], passage_owners[~gone[passage_owners]]
        return fit_head(
            np.vstack([vectors, passages]), np.concatenate([owners, passage_owners]), self.articles
        )


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """`corpus` in the vectors of an encoder that has not learnt from the variants `out` (n,) of articles that it knows, nor
    from anything of the articles `gone` (articles,). Only these may be asked of it."""

    corpus: Corpus
    out: NDArray[np.bool_]
    gone: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Confidence:
    """sigmoid(weights x signals + bias): the probability that the best article is right."""

    weights: Floats
    bias: float

    def of(self, scored: Scored) -> float:
        """Between 0 and 1; 0 where there is no candidate."""
        if not len(scored.articles):
            return 0.0
        return float(self.of_signals(signals(scored)[None, :])[0])

    def of_signals(self, rows: Floats) -> Floats:
        """Confidences of rows of signals (n, 5), shape (n,)."""
        return _sigmoid(rows @ self.weights + self.bias)


DEFAULT_CONFIDENCE: Final = Confidence(_DEFAULT_SIGNAL_WEIGHTS, _DEFAULT_SIGNAL_BIAS)


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that is learnt about ranking, and the figures to show for it."""

    weights: Floats
    head: LinearHead | None
    confidence: Confidence
    threshold: float
    figures: dict[str, float | int | str | bool | None]


@dataclass(frozen=True, slots=True)
class _Asked:
    """One question asked of a ranker that does not know it; `right` is -1 where its article was out."""

    articles: Owners
    features: Floats
    right: int


def signals(scored: Scored) -> Floats:
    """The row of `SIGNALS` for a ranking with at least one candidate."""
    # An only candidate leads nobody: its share says nothing.
    share = float(scored.shares[0]) if len(scored.shares) > 1 else 0.5
    lead = np.log(max(share, 1e-9) / max(1.0 - share, 1e-9))
    return np.append(scored.features[0], np.clip(lead, -_LEAD_LIMIT, _LEAD_LIMIT))


def calibrate(
    corpus: Corpus,
    *,
    risk: float,
    unanswerable_share: float,
    progress: Progress,
    rehearsals: Sequence[Rehearsal] = (),
) -> Calibration:
    """Learn from the variants of `corpus`; titles and passages always stay in the index.

    With `rehearsals` their held-back questions are asked, instead of all of `corpus`. `risk` and `unanswerable_share` as in `Knowledge.build`; `progress(stage, done, total)` is told each round.
    """
    vectors, owners = corpus.variants
    with_variants = len(np.unique(owners))
    if len(vectors) < ENOUGH_TO_FIT or with_variants < FEWEST_ARTICLES:
        return Calibration(
            DEFAULT_WEIGHTS,
            None,
            DEFAULT_CONFIDENCE,
            FALLBACK_THRESHOLD,
            {"questions_asked": 0, "threshold_support": "too_few_questions", "threshold": FALLBACK_THRESHOLD},
        )
    known, unknown = _rehearse(rehearsals, progress) if rehearsals else _ask_all(corpus, progress)
    head = corpus.head_without(None, None)
    offset, slope = _head_by_similarity(known)
    weights = _fit_weights(known)
    if head is not None:
        head = LinearHead(head.weights, head.bias, head.slots, offset, slope)
    scored_known = [ordered(asked.articles, asked.features, weights) for asked in known]
    scored_unknown = [ordered(asked.articles, asked.features, weights) for asked in unknown]
    rows = np.array([signals(scored) for scored in scored_known + scored_unknown])
    right = np.array(
        [scored.articles[0] == asked.right for scored, asked in zip(scored_known, known, strict=True)]
        + [False] * len(unknown)
    )
    mass = np.concatenate(
        [
            np.full(len(known), (1.0 - unanswerable_share) / len(known)),
            np.full(len(unknown), unanswerable_share / max(1, len(unknown))),
        ]
    )
    confidence = _fit_confidence(rows, right, mass * len(rows))
    found = confidence.of_signals(rows)
    choice = choose_threshold(found, right, mass, risk)
    top1 = float(right[: len(known)].mean())
    figures: dict[str, float | int | str | bool | None] = {
        "questions_asked": len(known),
        "accuracy_top1": round(top1, 4),
        "coverage": round(float((found[: len(known)] >= choice.threshold).mean()), 4),
        "wrong_answer_rate": None if choice.wrong is None else round(choice.wrong, 4),
        "wrong_answer_bound": None if choice.bound is None else round(choice.bound, 4),
        "risk": risk,
        "unanswerable_share": unanswerable_share,
        "threshold": round(choice.threshold, 4),
        "threshold_support": "supported" if choice.supported else "too_few_questions",
    }
    return Calibration(weights, head, confidence, choice.threshold, figures)


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold with its estimated share of wrong answers; None where nothing was answered."""

    threshold: float
    supported: bool
    wrong: float | None
    bound: float | None


def choose_threshold(
    confidence: Floats, right: NDArray[np.bool_], mass: Floats, risk: float
) -> ThresholdChoice:
    """The lowest threshold at which the share of wrong answers among those given is at most `risk`.

    `confidence`, `right` and `mass` (how much each counts) have shape (n,). The bound must hold for the upper
    end of a Wilson interval. Where the questions are too few for that, the confidence is believed instead: the
    lowest threshold at which it expects no more than `risk` to be wrong, and never below `FALLBACK_THRESHOLD`.
    """
    counted = mass > 0.0
    confidence, right, mass = confidence[counted], right[counted], mass[counted]
    order = np.argsort(-confidence, kind="stable")
    weight, wrong = mass[order], np.where(right[order], 0.0, mass[order])
    answered = np.cumsum(weight)
    rate = np.cumsum(wrong) / answered
    effective = answered**2 / np.cumsum(weight**2)
    bound = np.array([wilson(p * n, n, BOUND_Z)[1] for p, n in zip(rate, effective, strict=True)])
    # Equal confidences are answered together, so only the last of them is a possible threshold.
    last = np.append(confidence[order][1:] < confidence[order][:-1], True)
    possible = np.flatnonzero(last & (bound <= risk))
    if len(possible):
        at = possible[-1]
        return ThresholdChoice(float(confidence[order][at]), True, float(rate[at]), float(bound[at]))
    expected = np.cumsum(weight * (1.0 - confidence[order])) / answered
    believed = np.flatnonzero(last & (expected <= risk))
    lowest = float(confidence[order][believed[-1]]) if len(believed) else UNSUPPORTED_THRESHOLD
    threshold = max(FALLBACK_THRESHOLD, lowest)
    answers = int((confidence >= threshold).sum())
    if not answers:
        return ThresholdChoice(threshold, False, None, None)
    return ThresholdChoice(threshold, False, float(rate[answers - 1]), float(bound[answers - 1]))


def _ask_all(corpus: Corpus, progress: Progress) -> tuple[list[_Asked], list[_Asked]]:
    """Both hold-outs over all variants: (article known, article out)."""
    vectors, owners = corpus.variants
    articles = corpus.articles
    random = np.random.default_rng(0)
    asked = np.zeros(len(vectors), dtype=bool)
    asked[random.permutation(len(vectors))[:MOST_ASKED]] = True
    size = "few" if len(vectors) <= MANY_QUESTIONS else "many"
    total = QUESTION_ROUNDS[size] + ARTICLE_ROUNDS[size]
    part_of_question = random.permutation(len(vectors)) % QUESTION_ROUNDS[size]
    part_of_article = random.permutation(articles) % ARTICLE_ROUNDS[size]
    known: list[_Asked] = []
    unknown: list[_Asked] = []
    for part in range(QUESTION_ROUNDS[size]):
        progress("calibrate", part, total)
        out = part_of_question == part
        ranker = _ranker_without(corpus, out, None)
        known += _ask(ranker, vectors[out & asked], owners[out & asked], None)
    for part in range(ARTICLE_ROUNDS[size]):
        progress("calibrate", QUESTION_ROUNDS[size] + part, total)
        gone = part_of_article == part
        out = gone[owners]
        ranker = _ranker_without(corpus, out, gone)
        unknown += _ask(ranker, vectors[out & asked], None, ~gone)
    progress("calibrate", total, total)
    return known, unknown


def _rehearse(rehearsals: Sequence[Rehearsal], progress: Progress) -> tuple[list[_Asked], list[_Asked]]:
    """As `_ask_all`, each question in vectors of an encoder that has not learnt from it."""
    known: list[_Asked] = []
    unknown: list[_Asked] = []
    for done, rehearsal in enumerate(rehearsals):
        progress("calibrate", done, len(rehearsals))
        vectors, owners = rehearsal.corpus.variants
        strange = rehearsal.gone[owners]
        # The articles that the encoder does not know are among the rivals here: in use all of them are there.
        ranker = _ranker_without(rehearsal.corpus, rehearsal.out, None)
        known += _ask(ranker, vectors[rehearsal.out], owners[rehearsal.out], None)
        ranker = _ranker_without(rehearsal.corpus, rehearsal.out | strange, rehearsal.gone)
        unknown += _ask(ranker, vectors[strange], None, ~rehearsal.gone)
    progress("calibrate", len(rehearsals), len(rehearsals))
    return known, unknown


def _ranker_without(corpus: Corpus, out: NDArray[np.bool_], gone: NDArray[np.bool_] | None) -> Ranker:
    """A ranker that has not seen the variants in `out`, nor any title of the articles in `gone`."""
    vectors, owners = corpus.questions_without(out, gone)
    head = corpus.head_without(out, gone)
    return Ranker(VectorIndex(vectors, owners), corpus.passages, corpus.articles, head)


def _ask(
    ranker: Ranker, queries: Vectors, owners: Owners | None, among: NDArray[np.bool_] | None
) -> list[_Asked]:
    found = ranker.rank(queries, among=among)
    rights = owners if owners is not None else np.full(len(found), -1)
    return [
        _Asked(scored.articles[:KEPT], scored.features[:KEPT], int(right))
        for scored, right in zip(found, rights, strict=True)
        if len(scored.articles)
    ]


def _head_by_similarity(known: list[_Asked]) -> tuple[float, float]:
    """The line through (question, head) of all candidates: what an article without a row in the head gets."""
    features = np.vstack([asked.features for asked in known])
    question, head = features[:, 0], features[:, 3]
    if np.ptp(question) == 0.0:
        return float(head.mean()), 0.0
    slope, offset = np.polyfit(question, head, 1)
    return float(offset), float(slope)


def _fit_weights(known: list[_Asked]) -> Floats:
    """Weights of the conditional logit, none negative, drawn a little towards the defaults."""
    usable = [asked for asked in known if asked.right in asked.articles]
    if not usable:
        return DEFAULT_WEIGHTS
    width = max(len(asked.articles) for asked in usable)
    features = np.zeros((len(usable), width, len(FEATURES)))
    missing = np.ones((len(usable), width), dtype=bool)
    target = np.zeros(len(usable), dtype=np.int64)
    for line, asked in enumerate(usable):
        features[line, : len(asked.articles)] = asked.features
        missing[line, : len(asked.articles)] = False
        target[line] = int(np.flatnonzero(asked.articles == asked.right)[0])
    lines = np.arange(len(usable))
    chosen = features[lines, target]

    def loss(weights: Floats) -> tuple[float, Floats]:
        total = np.where(missing, -np.inf, features @ weights)
        top = total.max(axis=1, keepdims=True)
        powers = np.exp(total - top)
        sums = powers.sum(axis=1, keepdims=True)
        value = float((np.log(sums[:, 0]) + top[:, 0] - (chosen @ weights)).sum())
        slope = np.einsum("nc,ncf->f", powers / sums, features) - chosen.sum(axis=0)
        away = weights - DEFAULT_WEIGHTS
        return value + 0.005 * float(away @ away), slope + 0.01 * away

    fit = minimize(
        loss, np.array([10.0, 10.0, 2.0, 0.5]), jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * 4
    )
    return np.asarray(fit.x, dtype=np.float64)


def _fit_confidence(rows: Floats, right: NDArray[np.bool_], mass: Floats) -> Confidence:
    """A logistic regression with no negative weight: a better match never makes less sure."""
    sign = np.where(right, 1.0, -1.0)
    start = np.append(_DEFAULT_SIGNAL_WEIGHTS, _DEFAULT_SIGNAL_BIAS)

    def loss(parameters: Floats) -> tuple[float, Floats]:
        margin = sign * (rows @ parameters[:-1] + parameters[-1])
        value = float((mass * np.logaddexp(0.0, -margin)).sum())
        pull = -mass * sign * _sigmoid(-margin)
        away = parameters - start
        return (
            value + 0.005 * float(away @ away),
            np.append(rows.T @ pull, pull.sum()) + 0.01 * away,
        )

    fit = minimize(
        loss, start, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(SIGNALS) + [(None, None)]
    )
    return Confidence(np.asarray(fit.x[:-1], dtype=np.float64), float(fit.x[-1]))


def _sigmoid(values: Floats) -> Floats:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(values, -60.0, 60.0))), dtype=np.float64)
