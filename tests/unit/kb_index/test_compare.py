"""Question by question: better, worse, or merely other."""

from __future__ import annotations

import pytest

from kb_index.compare import View, asked_verdict, exam_verdict, fall
from kb_index.evaluate import Outcome


def taken(
    kind: str,
    best: str | None,
    *,
    expected: str | None = "a",
    offered: tuple[str, ...] = (),
    reason: str = "",
) -> tuple[Outcome, View]:
    return (
        Outcome(expected, best, kind, 0.5, 1.0, reason, offered),
        View(kind, reason, best, best, 0.5, offered),
    )


RIGHT = taken("answer", "a")
WRONG = taken("answer", "b")
OFFERED = taken("clarify", "b", offered=("b", "a"))
OFFERED_WRONG = taken("clarify", "b", offered=("b", "c"))
MISSED = taken("escalate", "b", reason="low_confidence")
LADDER = [WRONG, OFFERED_WRONG, MISSED, OFFERED, RIGHT]


@pytest.mark.parametrize("before", range(5))
@pytest.mark.parametrize("after", range(5))
def test_each_step_up_is_better_and_each_step_down_worse(before: int, after: int) -> None:
    expected = None if before == after else "better" if after > before else "worse"
    assert exam_verdict(LADDER[before], LADDER[after]) == expected
    assert (fall(LADDER[before][0], LADDER[after][0]) > 0) == (after < before)


def test_from_right_to_wrong_is_the_deepest_fall() -> None:
    falls = [fall(b[0], a[0]) for b in LADDER for a in LADDER]
    assert max(falls) == fall(RIGHT[0], WRONG[0]) > fall(RIGHT[0], MISSED[0]) > fall(OFFERED[0], MISSED[0])


def test_a_question_without_an_article_is_best_not_answered() -> None:
    answered = taken("answer", "b", expected=None)
    refused = taken("escalate", "b", expected=None, reason="low_confidence")
    offered = taken("clarify", "b", expected=None, offered=("b", "c"))
    assert exam_verdict(answered, refused) == "better"
    assert exam_verdict(refused, answered) == "worse"
    assert exam_verdict(refused, offered) == "other"


def test_what_the_customer_does_not_see_is_no_change() -> None:
    other_best = taken("escalate", "c", reason="low_confidence")
    assert exam_verdict(MISSED, other_best) is None
    assert exam_verdict(OFFERED, taken("clarify", "a", offered=("a", "b"))) is None
    assert exam_verdict(RIGHT, taken("answer", "a", reason="repeated")) is None


def test_another_wrong_answer_and_another_way_to_fail_are_other() -> None:
    assert exam_verdict(WRONG, taken("answer", "c")) == "other"
    assert exam_verdict(MISSED, taken("unsure", "b", reason="low_confidence")) == "other"


@pytest.mark.parametrize(
    ("before", "after", "verdict"),
    [
        (MISSED, RIGHT, "now_answered"),
        (RIGHT, MISSED, "no_longer_answered"),
        (RIGHT, OFFERED, "no_longer_answered"),
        (RIGHT, WRONG, "other_answer"),
        (MISSED, OFFERED, "other"),
        (MISSED, taken("escalate", "b", reason="frustration"), "other"),
        (RIGHT, RIGHT, None),
        (MISSED, taken("escalate", "c", reason="low_confidence"), None),
    ],
)
def test_what_customers_asked(
    before: tuple[Outcome, View], after: tuple[Outcome, View], verdict: str | None
) -> None:
    assert asked_verdict(before[1], after[1]) == verdict


def test_a_page_gets_what_it_shows_and_no_more() -> None:
    assert OFFERED[1].as_dict() == {
        "kind": "clarify",
        "reason": "",
        "article_id": "b",
        "title": "b",
        "confidence": 0.5,
    }
