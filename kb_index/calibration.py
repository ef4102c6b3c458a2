"""What the articles' own questions tell about ranking: weights, two probabilities, and a threshold.

From questions asked while they alone are out (`kb_index.exam`) come the ranking's weights; from these and those whose
whole article is out come the probability that the best article is right, the probability that any is, and the threshold
that keeps wrong answers rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kb_index.exam import Answers, Asked, Corpus, Progress, Rehearsal, ask_all, rehearse
from kb_index.intervals import Z95, wilson
from kb_index.local import FLOOR
from kb_index.ranking import DEFAULT_WEIGHTS, FEATURES, Floats, Scored, ordered

ENOUGH_TO_FIT: Final = 60
"""Held-out questions below which nothing is fitted: eight numbers from fewer would be noise."""

FEWEST_ARTICLES: Final = 5
"""Articles with variants below which leaving some out whole says nothing about unknown questions."""

FALLBACK_THRESHOLD: Final = 0.9
"""Where questions are too few to support the risk that was asked for."""

UNSUPPORTED_THRESHOLD: Final = 0.995
"""Where not even the confidence itself expects so few wrong answers: near-verbatim questions only."""

BOUND_Z: Final = 1.0
"""One-sided 84 % bound on the wrong answers: the threshold must hold on new questions, not only on these."""

SIGNALS: Final = (*FEATURES, "strength", "lead")
"""What both probabilities are made from: the best candidate's features, what all near texts say for it (`local` before
its logarithm), and the log odds of its share."""

_LEAD_LIMIT: Final = 6.0


@dataclass(frozen=True, slots=True)
class Confidence:
    """sigmoid(weights x signals + bias): the probability that the best article is right, or that any is."""

    weights: Floats
    bias: float

    def of(self, scored: Scored) -> float:
        """Between 0 and 1; 0 where there is no candidate."""
        if not len(scored.articles):
            return 0.0
        return float(self.of_signals(signals(scored)[None, :])[0])

    def of_signals(self, rows: Floats) -> Floats:
        """Of rows of signals (n, 7), shape (n,)."""
        return _sigmoid(rows @ self.weights + self.bias)


DEFAULT_CONFIDENCE: Final = Confidence(np.array([1.9, 5.0, 0.3, 3.0, 0.5, 4.9, 0.45]), -2.3)
DEFAULT_ANSWERABLE: Final = Confidence(np.array([7.3, 5.0, 2.8, 4.9, 0.0, 5.6, 0.0]), -3.9)
"""Fitted as `DEFAULT_WEIGHTS`; half of the questions without an article were those of articles left out, half customers'
questions of other trades."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that is learnt about ranking, and the figures to show for it.

    `confidence` tells how likely the best article is right, `answerable` how likely any article is.
    """

    weights: Floats
    confidence: Confidence
    answerable: Confidence
    threshold: float
    figures: dict[str, float | int | str | bool | None]


DEFAULT_CALIBRATION: Final = Calibration(
    DEFAULT_WEIGHTS,
    DEFAULT_CONFIDENCE,
    DEFAULT_ANSWERABLE,
    FALLBACK_THRESHOLD,
    {"questions_asked": 0, "threshold_support": "too_few_questions", "threshold": FALLBACK_THRESHOLD},
)
"""Where there are too few questions to learn from."""


def signals(scored: Scored) -> Floats:
    """The row of `SIGNALS` for a ranking with at least one candidate."""
    # An only candidate leads nobody: its share says nothing.
    share = float(scored.shares[0]) if len(scored.shares) > 1 else 0.5
    lead = np.log(max(share, 1e-9) / max(1.0 - share, 1e-9))
    best = scored.features[0]
    strength = max(0.0, float(np.exp(best[FEATURES.index("local")])) - FLOOR)
    return np.append(best, [strength, np.clip(lead, -_LEAD_LIMIT, _LEAD_LIMIT)])


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
    if len(vectors) < ENOUGH_TO_FIT or len(np.unique(owners)) < FEWEST_ARTICLES:
        return DEFAULT_CALIBRATION
    answers = rehearse(rehearsals, progress) if rehearsals else ask_all(corpus, progress)
    if not answers.known or not answers.unknown:
        return DEFAULT_CALIBRATION
    return learn(answers, risk=risk, unanswerable_share=unanswerable_share)


def learn(answers: Answers, *, risk: float, unanswerable_share: float) -> Calibration:
    """What held-out questions, at least one of each kind, teach. Arguments as in `Knowledge.build`."""
    known, unknown = answers.known, answers.unknown
    weights = _fit_weights(known)
    scored = [ordered(asked.articles, asked.features, weights) for asked in (*known, *unknown)]
    rows = np.array([signals(one) for one in scored])
    right = np.array([one.articles[0] == asked.right for one, asked in zip(scored, known, strict=False)])
    right = np.append(right, np.zeros(len(unknown), dtype=bool))
    there = np.arange(len(rows)) < len(known)
    mass: Floats = np.where(there, (1.0 - unanswerable_share) / len(known), unanswerable_share / len(unknown))
    confidence = _fit_confidence(rows, right, mass * len(rows))
    answerable = _fit_confidence(rows, there, mass * len(rows))
    found = confidence.of_signals(rows)
    choice = choose_threshold(found, right, mass, risk)
    figures: dict[str, float | int | str | bool | None] = {
        "questions_asked": len(known),
        "accuracy_top1": round(float(right[there].mean()), 4),
        "answerable_auroc": round(_area(answerable.of_signals(rows), there), 4),
        "coverage": round(float((found[there] >= choice.threshold).mean()), 4),
        "wrong_answer_rate": _rounded(choice.wrong),
        "wrong_answer_bound": _rounded(choice.bound),
        "wrong_answer_upper95": _rounded(choice.upper95),
        "risk": risk,
        "unanswerable_share": unanswerable_share,
        "threshold": round(choice.threshold, 4),
        "threshold_support": "supported" if choice.supported else "too_few_questions",
    }
    return Calibration(weights, confidence, answerable, choice.threshold, figures)


@dataclass(frozen=True, slots=True)
class ThresholdChoice:
    """A threshold with its estimated share of wrong answers; None where nothing was answered.

    `bound` is what the risk was compared with, `upper95` the upper end of the two-sided 95 % interval.
    """

    threshold: float
    supported: bool
    wrong: float | None
    bound: float | None
    upper95: float | None


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
        upper = wilson(rate[at] * effective[at], effective[at], Z95)[1]
        return ThresholdChoice(float(confidence[order][at]), True, float(rate[at]), float(bound[at]), upper)
    expected = np.cumsum(weight * (1.0 - confidence[order])) / answered
    believed = np.flatnonzero(last & (expected <= risk))
    lowest = float(confidence[order][believed[-1]]) if len(believed) else UNSUPPORTED_THRESHOLD
    threshold = max(FALLBACK_THRESHOLD, lowest)
    answers = int((confidence >= threshold).sum())
    if not answers:
        return ThresholdChoice(threshold, False, None, None, None)
    at = answers - 1
    upper = wilson(rate[at] * effective[at], effective[at], Z95)[1]
    return ThresholdChoice(threshold, False, float(rate[at]), float(bound[at]), upper)


def _fit_weights(known: list[Asked]) -> Floats:
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
        loss, DEFAULT_WEIGHTS, jac=True, method="L-BFGS-B", bounds=[(0.0, None)] * len(DEFAULT_WEIGHTS)
    )
    return np.asarray(fit.x, dtype=np.float64)


def _fit_confidence(rows: Floats, right: NDArray[np.bool_], mass: Floats) -> Confidence:
    """A logistic regression with no negative weight: a better match never makes less sure."""
    sign = np.where(right, 1.0, -1.0)
    start = np.append(DEFAULT_CONFIDENCE.weights, DEFAULT_CONFIDENCE.bias)

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


def _area(values: Floats, positive: NDArray[np.bool_]) -> float:
    """AUROC: the chance that a positive's value is above a negative's, ties counting half."""
    low = np.sort(values[~positive])
    high = values[positive]
    below = np.searchsorted(low, high, side="left") + np.searchsorted(low, high, side="right")
    return float(below.mean() / (2.0 * len(low)))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
