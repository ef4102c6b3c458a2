"""Figures of how well upset customers are told from others: by message, and by conversation. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

from bot.frustration import Mood, TurnSignals, assess
from kb_index.evaluate import auroc

FLAT: Final = 0.005
"""Differences in F1 that are chance: its standard error over the shipped conversations is about 0.01."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One message with its label and what the head made of it, in the order of its conversation."""

    conversation_id: str
    frustrated: bool
    signals: TurnSignals


def turn_figures(scores: Sequence[float], truth: Sequence[bool], threshold: float) -> dict[str, Any]:
    """`{n, auroc, precision, recall, f1, threshold}`; a share of nothing is None."""
    return {
        "n": len(scores),
        "auroc": auroc(
            [s for s, true in zip(scores, truth, strict=True) if true],
            [s for s, true in zip(scores, truth, strict=True) if not true],
        ),
        **shares([score >= threshold for score in scores], truth),
        "threshold": threshold,
    }


def shares(called: Sequence[bool], truth: Sequence[bool]) -> dict[str, float | None]:
    """Precision, recall and F1 of calling messages upset."""
    hits = sum(c and t for c, t in zip(called, truth, strict=True))
    precision = hits / sum(called) if any(called) else None
    recall = hits / sum(truth) if any(truth) else None
    f1 = 2 * hits / (sum(called) + sum(truth)) if any(called) or any(truth) else None
    return {"precision": precision, "recall": recall, "f1": f1}


def best_threshold(scores: Sequence[float], truth: Sequence[bool]) -> float:
    """A threshold with nearly the highest F1; 0.5 without a positive.

    F1 is flat around its top, where the very best cut is a matter of chance: taken is the one in the middle of those
    within `FLAT` of it. A cut lies halfway between the two scores that it parts.
    """
    ranked = sorted(zip(scores, truth, strict=True), key=lambda entry: -entry[0])
    total, hits = sum(truth), 0
    cuts: list[tuple[float, float]] = []
    for called, (score, true) in enumerate(ranked, start=1):
        hits += true
        following = ranked[called][0] if called < len(ranked) else 0.0
        if hits and following < score:
            cuts.append((2 * hits / (called + total), (score + following) / 2))
    best = max((f1 for f1, _ in cuts), default=0.0)
    near = sorted(cut for f1, cut in cuts if f1 >= best - FLAT)
    return near[len(near) // 2] if near else 0.5


def conversation_figures(judged: Sequence[Judged]) -> dict[str, Any]:
    """What the level over a conversation did, from messages alone.

    Of the conversations with at least one upset message: the share in which a person was called by the first such
    message, by the second (where there was one), and at all. Of the others: the share in which one was called.
    """
    upset = calm = by_first = two = by_second = at_all = wrongly = 0
    for _, messages in groupby(judged, key=lambda message: message.conversation_id):
        rows = list(messages)
        called = [mood.escalate for mood in moods_of([row.signals for row in rows])]
        angry = [place for place, row in enumerate(rows) if row.frustrated]
        if not angry:
            calm += 1
            wrongly += any(called)
            continue
        upset += 1
        by_first += any(called[: angry[0] + 1])
        at_all += any(called)
        if len(angry) >= 2:
            two += 1
            by_second += any(called[: angry[1] + 1])
    return {
        "with_frustration": upset,
        "called_by_first": by_first / upset if upset else None,
        "with_two": two,
        "called_by_second": by_second / two if two else None,
        "called_at_all": at_all / upset if upset else None,
        "without": calm,
        "called_wrongly": wrongly / calm if calm else None,
    }


def moods_of(turns: Sequence[TurnSignals]) -> list[Mood]:
    """The level after each turn of one conversation."""
    moods: list[Mood] = []
    for turn in turns:
        before = moods[-1] if moods else Mood(0.0, tripped=False, escalate=False, weights=())
        moods.append(assess(before.level, before.tripped, turn))
    return moods
