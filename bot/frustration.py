"""Frustration over a conversation: a level that gathers what its turns show, with decay and hysteresis.

Pure. How upset one message reads, in the light of those before it, is the trained head's answer (`bot.mood.head`):
"the zip is bloody useless" is about a thing, "you people are useless" is not. Beside it stand what no message shows:
the question asked before, the answer rejected, turns that failed, a person asked for. Each adds to a level that
decays from turn to turn:

    level = DECAY * level + sum of the turn's weights,  score = 1 - exp(-level)

so that one clearly upset message passes THRESHOLD at once, two fairly upset ones pass it together, and one harsh word
does not. Once it has tripped, the level must fall under RELEASE before old anger can count again; until then only
a turn that would trip on its own does (hysteresis).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

THRESHOLD: Final = 0.7
"""Where a site has not chosen another."""
RELEASE: Final = 0.4
DECAY: Final = 0.7

# Largest contribution of each signal to the level; the threshold of 0.7 is a level of 1.2.
WORDS: Final = 2.0
"""Of a message that is surely upset. By cross-validation over the labelled conversations, see ARCHITECTURE."""
CALM: Final = -0.3
REPEATED: Final = 0.4
REJECTED: Final = 0.4
FAILED: Final = 0.25
PERSON: Final = 0.15

REPEAT_SIMILARITY: Final = 0.82
"""Cosine from which two questions are the same question in other words (MiniLM paraphrases: 0.75 to 0.95)."""

PARTS: Final = 5
"""Named parts of a message among which its weight is divided; the rest would be hundredths."""


@dataclass(frozen=True, slots=True)
class TurnSignals:
    """Everything one turn says about the mood.

    `anger` is the head's probability, `threshold` the least that counts as upset, `parts` what spoke for (positive)
    and against it, strongest first. `repeated` is 0..1.
    """

    anger: float
    threshold: float = 0.5
    parts: Sequence[tuple[str, float]] = ()
    repeated: float = 0.0
    rejected: bool = False
    failed: bool = False
    asked_person: bool = False


@dataclass(frozen=True, slots=True)
class Mood:
    """Level after a turn. `escalate` says that this turn calls for a person; `weights` are its evidence."""

    level: float
    tripped: bool
    escalate: bool
    weights: tuple[tuple[str, float], ...]

    @property
    def score(self) -> float:
        """The level on a scale of 0..1."""
        return score_of(self.level)


def score_of(level: float) -> float:
    """`1 - exp(-level)`: 0 for a calm conversation, 0.7 at a level of 1.2."""
    return 1.0 - math.exp(-max(0.0, level))


def weigh(signals: TurnSignals) -> tuple[tuple[str, float], ...]:
    """The turn's contributions to the level, strongest first. Signals that say nothing are left out."""
    entries = {
        **dict(_divided(_words(signals), signals.parts)),
        "repeated_question": REPEATED * signals.repeated,
        "rejected_answer": REJECTED if signals.rejected else 0.0,
        "failed_turn": FAILED if signals.failed else 0.0,
        "asked_for_person": PERSON if signals.asked_person else 0.0,
    }
    kept = [(name, round(weight, 4)) for name, weight in entries.items() if abs(weight) >= 0.005]
    return tuple(sorted(kept, key=lambda entry: -abs(entry[1])))


def _words(signals: TurnSignals) -> float:
    """WORDS for a message that is surely upset, CALM for one that surely is not, 0 at the head's threshold."""
    anger, threshold = signals.anger, signals.threshold
    if anger >= threshold:
        return WORDS * (anger - threshold) / max(1e-6, 1 - threshold)
    return CALM * (threshold - anger) / threshold


def _divided(weight: float, parts: Sequence[tuple[str, float]]) -> list[tuple[str, float]]:
    """`weight` divided among the strongest parts that point its way; `words` where no part is named."""
    along = [(name, part) for name, part in parts if part * weight > 0][:PARTS]
    whole = sum(part for _, part in along)
    return [(name, weight * part / whole) for name, part in along] if along else [("words", weight)]


def assess(level: float, tripped: bool, signals: TurnSignals, threshold: float = THRESHOLD) -> Mood:
    """Add a turn to the level that the conversation had before it.

    `level` is at least 0; `tripped` says that it has already caused a handoff and not eased since. `threshold` is the
    score at which it does, in 0..1; the lower it is, the lower the score under which old anger counts again.
    """
    weights = weigh(signals)
    turn = sum(weight for _, weight in weights)
    after = max(0.0, DECAY * level + turn)
    if tripped and score_of(after) < RELEASE * min(1.0, threshold / THRESHOLD):
        tripped = False
    # Repeats and failures alone are `repeated_failure`; frustration needs words that show it.
    spoken = signals.anger > signals.threshold
    alone = score_of(turn) >= threshold
    escalate = spoken and (alone if tripped else score_of(after) >= threshold)
    return Mood(after, tripped or escalate, escalate, weights)


def similarity(vector: NDArray[np.float32], earlier: NDArray[np.float32]) -> float:
    """How much this question repeats one of `earlier`, shape (n, dimension): 0 below REPEAT_SIMILARITY, 1 when equal."""
    if not len(earlier):
        return 0.0
    best = float(np.max(earlier @ vector))
    if best < REPEAT_SIMILARITY:
        return 0.0
    return 0.5 + 0.5 * min(1.0, (best - REPEAT_SIMILARITY) / (1 - REPEAT_SIMILARITY))
