"""A threshold for a risk: how sure an answer must be so that few of those given are wrong.

Chosen from questions that were held out in training (`kb_index.calibration`), and kept with the release, so that it can
be chosen for another risk without training again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from kb_index.intervals import Z95, wilson
from kb_index.ranking import Floats

FALLBACK_THRESHOLD: Final = 0.9
"""Where questions are too few to support the risk that was asked for."""

UNSUPPORTED_THRESHOLD: Final = 0.995
"""Where not even the confidence itself expects so few wrong answers: near-verbatim questions only."""

BOUND_Z: Final = 1.0
"""One-sided 84 % bound on the wrong answers: the threshold must hold on new questions, not only on these."""

RISKS: Final = (0.005, 0.01, 0.015, 0.02, 0.03, 0.04, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3)
"""Those that a curve shows."""


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


class RiskCoverage:
    """Answers from the surest to the least sure, with the share of wrong ones among all up to each."""

    def __init__(self, confidence: Floats, right: NDArray[np.bool_], mass: Floats) -> None:
        """`confidence`, `right` and `mass` (how much each counts) have shape (n,)."""
        counted = mass > 0.0
        confidence, right, mass = confidence[counted], right[counted], mass[counted]
        order = np.argsort(-confidence, kind="stable")
        weight, wrong = mass[order], np.where(right[order], 0.0, mass[order])
        answered = np.cumsum(weight)
        self._confidence = confidence[order]
        self._rate: Floats = np.cumsum(wrong) / answered
        self._effective: Floats = answered**2 / np.cumsum(weight**2)
        pairs = zip(self._rate, self._effective, strict=True)
        self._bound = np.array([wilson(p * n, n, BOUND_Z)[1] for p, n in pairs])
        # Equal confidences are answered together, so only the last of them is a possible threshold.
        self._last = np.append(self._confidence[1:] < self._confidence[:-1], True)
        self._expected: Floats = np.cumsum(weight * (1.0 - self._confidence)) / answered

    def choose(self, risk: float) -> ThresholdChoice:
        """The lowest threshold at which the share of wrong answers among those given is at most `risk`.

        The bound must hold for the upper end of a Wilson interval. Where the questions are too few for that, the
        confidence is believed instead: the lowest threshold at which it expects no more than `risk` to be wrong, and
        never below `FALLBACK_THRESHOLD`.
        """
        possible = np.flatnonzero(self._last & (self._bound <= risk))
        if len(possible):
            return self._choice(float(self._confidence[possible[-1]]), supported=True)
        believed = np.flatnonzero(self._last & (self._expected <= risk))
        lowest = float(self._confidence[believed[-1]]) if len(believed) else UNSUPPORTED_THRESHOLD
        return self._choice(max(FALLBACK_THRESHOLD, lowest), supported=False)

    def at(self, threshold: float) -> ThresholdChoice:
        """What comes of a threshold that somebody chose."""
        return self._choice(threshold, supported=True)

    def _choice(self, threshold: float, *, supported: bool) -> ThresholdChoice:
        answers = int((self._confidence >= threshold).sum())
        if not answers:
            return ThresholdChoice(threshold, supported, None, None, None)
        rate, effective = float(self._rate[answers - 1]), float(self._effective[answers - 1])
        upper = wilson(rate * effective, effective, Z95)[1]
        return ThresholdChoice(threshold, supported, rate, float(self._bound[answers - 1]), upper)


def choose_threshold(
    confidence: Floats, right: NDArray[np.bool_], mass: Floats, risk: float
) -> ThresholdChoice:
    """See `RiskCoverage`."""
    return RiskCoverage(confidence, right, mass).choose(risk)


@dataclass(frozen=True, slots=True)
class Tried:
    """Held-out questions, at least one of each kind: `confidence` in the best article, whether it was `right`, and whether a
    right one was `there` at all. Shapes (n,)."""

    confidence: Floats
    right: NDArray[np.bool_]
    there: NDArray[np.bool_]

    def mass(self, unanswerable_share: float) -> Floats:
        """How much each counts where that share of the questions has no article; shape (n,), sum 1."""
        known = int(self.there.sum())
        unknown = len(self.there) - known
        return np.asarray(
            np.where(self.there, (1.0 - unanswerable_share) / known, unanswerable_share / unknown)
        )

    def choose(self, risk: float, unanswerable_share: float) -> ThresholdChoice:
        """The threshold for `risk`."""
        return self.choose_each([risk], unanswerable_share)[0]

    def choose_each(self, risks: Sequence[float], unanswerable_share: float) -> list[ThresholdChoice]:
        """The thresholds for several risks."""
        found = self._coverage(unanswerable_share)
        return [found.choose(risk) for risk in risks]

    def at_threshold(self, threshold: float, unanswerable_share: float) -> ThresholdChoice:
        """What comes of a threshold that somebody chose."""
        return self._coverage(unanswerable_share).at(threshold)

    def coverage(self, threshold: float) -> float:
        """Share of the questions with an article that are answered at `threshold`."""
        return float((self.confidence[self.there] >= threshold).mean())

    def _coverage(self, unanswerable_share: float) -> RiskCoverage:
        return RiskCoverage(self.confidence, self.right, self.mass(unanswerable_share))
