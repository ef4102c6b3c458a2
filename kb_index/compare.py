"""Two releases asked the same: what became better, what worse, and what is merely other. Pure, standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from kb_index.evaluate import ANSWER, Outcome
from kb_index.evaluate_details import Fate, fate

CLARIFY: Final = "clarify"
UNRELATED: Final = ("chat", "task")
"""Kinds of decision that no article has part in."""

ExamVerdict = Literal["worse", "other", "better"]
AskedVerdict = Literal["no_longer_answered", "other_answer", "other", "now_answered"]

EXAM_ORDER: Final[tuple[ExamVerdict, ...]] = ("worse", "other", "better")
ASKED_ORDER: Final[tuple[AskedVerdict, ...]] = (
    "no_longer_answered", "other_answer", "other", "now_answered"
)  # fmt: skip
"""In the order in which an editor should read them."""

_WORTH: Final[Mapping[Fate, int]] = {
    "right": 4,
    "asked_right": 3,
    "silent": 2,
    "missed": 2,
    "asked_wrong": 1,
    "wrong": 0,
    "unwanted": 0,
}
"""A wrong answer is the worst that can be said, two wrong ones to choose from are worse than a person, and a question
that no article answers is best not answered."""


@dataclass(frozen=True, slots=True)
class View:
    """What a release made of one message. `article_id` is the article it said; where it said none the one it thinks of first,
    and None where no article has part in it. `offered` are those it offered as choices."""

    kind: str
    reason: str
    article_id: str | None
    title: str | None
    confidence: float
    offered: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """JSON form: what a page shows."""
        return {
            "kind": self.kind,
            "reason": self.reason,
            "article_id": self.article_id,
            "title": self.title,
            "confidence": self.confidence,
        }

    @property
    def answered(self) -> bool:
        """Whether the customer got an article as the answer."""
        return self.kind == ANSWER

    @property
    def seen(self) -> tuple[object, ...]:
        """What the customer gets of it: an answer is its article, whatever led to it."""
        if self.answered:
            return (self.kind, self.article_id)
        if self.kind == CLARIFY:
            return (self.kind, frozenset(self.offered))
        return (self.kind, self.reason)


def exam_verdict(before: tuple[Outcome, View], after: tuple[Outcome, View]) -> ExamVerdict | None:
    """How a question whose answer is known fares now; None where nothing changed for the customer."""
    worth = _WORTH[fate(before[0])], _WORTH[fate(after[0])]
    if worth[0] != worth[1]:
        return "better" if worth[1] > worth[0] else "worse"
    return None if before[1].seen == after[1].seen else "other"


def fall(before: Outcome, after: Outcome) -> int:
    """By how much a question fares worse: 4 from the right answer to a wrong one, negative where it fares better."""
    return _WORTH[fate(before)] - _WORTH[fate(after)]


def asked_verdict(before: View, after: View) -> AskedVerdict | None:
    """How a customer's message, of which nobody said what is right, is taken now; None where the customer sees no change."""
    if before.seen == after.seen:
        return None
    if before.answered != after.answered:
        return "now_answered" if after.answered else "no_longer_answered"
    return "other_answer" if after.answered else "other"
