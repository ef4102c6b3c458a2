"""What the articles' own questions tell about ranking: weights, two probabilities, and a threshold.

From questions asked while they alone are out (`kb_index.exam`) come the ranking's weights; from these and those whose
whole article is out come the probability that the best article is right, the probability that any is, and the threshold
that keeps wrong answers rare.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kb_index.exam import Answers, Asked, Corpus, Progress, Rehearsal, ask_all, rehearse
from kb_index.local import FLOOR
from kb_index.ranking import DEFAULT_WEIGHTS, FEATURES, Floats, Scored, ordered
from kb_index.risk import FALLBACK_THRESHOLD, RISKS, ThresholdChoice, Tried

ENOUGH_TO_FIT: Final = 60
"""Held-out questions below which nothing is fitted: eight numbers from fewer would be noise."""

FEWEST_ARTICLES: Final = 5
"""Articles with variants below which leaving some out whole says nothing about unknown questions."""

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


class RiskUnknown(RuntimeError):
    """A threshold for another risk cannot be told. `code` is `risk_unknown`; the message says what to do."""

    code = "risk_unknown"


@dataclass(frozen=True, slots=True)
class Calibration:
    """All that is learnt about ranking, and the figures to show for it.

    `confidence` tells how likely the best article is right, `answerable` how likely any article is. `tried` is what the
    threshold was chosen from; None where there was too little, or where a release of an earlier version did not keep it.
    """

    weights: Floats
    confidence: Confidence
    answerable: Confidence
    threshold: float
    figures: dict[str, float | int | str | bool | None]
    tried: Tried | None = None

    def threshold_for(self, risk: float, unanswerable_share: float) -> float:
        """The threshold that training would have chosen for another risk, both as in `Knowledge.build`.

        Raises `RiskUnknown` where the release does not hold what to choose it from.
        """
        return self.for_risk(risk, unanswerable_share).threshold

    def for_risk(self, risk: float, unanswerable_share: float) -> Calibration:
        """This with the threshold for another risk and the figures to show for it. Raises as `threshold_for`."""
        if (risk, unanswerable_share) == (self.figures.get("risk"), self.figures.get("unanswerable_share")):
            return self
        if self.tried is not None:
            choice = self.tried.choose(risk, unanswerable_share)
            told = _told(self.tried, choice, risk, unanswerable_share)
            return replace(self, threshold=choice.threshold, figures={**self.figures, **told})
        if self.figures.get("questions_asked") == 0:
            return self  # nothing was there to learn from, whatever the risk
        raise RiskUnknown(
            "This release was trained by a version that did not keep what a threshold is chosen from: train again "
            "(baton train) to answer with another risk."
        )

    def at_threshold(self, threshold: float) -> Calibration:
        """This with a threshold that somebody chose: how many answers are wrong at it is told where it is known."""
        share = self.figures.get("unanswerable_share")
        told: dict[str, Any] = {"risk": None, "threshold": round(threshold, 4), "threshold_support": "chosen"}
        if self.tried is not None and isinstance(share, float | int):
            choice = self.tried.at_threshold(threshold, float(share))
            told = {**_told(self.tried, choice, 0.0, float(share)), **told}
        return replace(self, threshold=threshold, figures={**self.figures, **told})

    def curve(self) -> list[dict[str, float | bool | None]]:
        """For each of `RISKS`: `risk`, the `threshold` chosen for it, `coverage` (share of answerable questions answered),
        share of `wrong` answers, and whether the questions were enough to say so (`supported`). Empty where unknown."""
        share = self.figures.get("unanswerable_share")
        if self.tried is None or not isinstance(share, float | int):
            return []
        own = self.figures.get("risk")
        risks = sorted({*RISKS, own} if isinstance(own, float) else RISKS)
        return [
            {
                "risk": risk,
                "threshold": round(choice.threshold, 4),
                "coverage": round(self.tried.coverage(choice.threshold), 4),
                "wrong": _rounded(choice.wrong),
                "supported": choice.supported,
            }
            for risk, choice in zip(risks, self.tried.choose_each(risks, float(share)), strict=True)
        ]


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
    tried = Tried(confidence.of_signals(rows), right, there)
    choice = tried.choose(risk, unanswerable_share)
    figures: dict[str, float | int | str | bool | None] = {
        "questions_asked": len(known),
        "accuracy_top1": round(float(right[there].mean()), 4),
        "answerable_auroc": round(_area(answerable.of_signals(rows), there), 4),
        **_told(tried, choice, risk, unanswerable_share),
    }
    return Calibration(weights, confidence, answerable, choice.threshold, figures, tried)


def _told(
    tried: Tried, choice: ThresholdChoice, risk: float, unanswerable_share: float
) -> dict[str, float | int | str | bool | None]:
    """The figures that hang on the threshold."""
    return {
        "coverage": round(tried.coverage(choice.threshold), 4),
        "wrong_answer_rate": _rounded(choice.wrong),
        "wrong_answer_bound": _rounded(choice.bound),
        "wrong_answer_upper95": _rounded(choice.upper95),
        "risk": risk,
        "unanswerable_share": unanswerable_share,
        "threshold": round(choice.threshold, 4),
        "threshold_support": "supported" if choice.supported else "too_few_questions",
    }


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
