"""What the report shows beyond the figures, by hand-made rows."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_index.evaluate import Outcome, figures
from kb_index.evaluate_details import (
    CURVE_POINTS,
    FATES,
    Promise,
    coverage_risk,
    details,
    fate,
    histogram,
    reliability,
)

ROWS = [
    Outcome("a", "a", "answer", 0.95, 10.0, "confident"),
    Outcome("a", "b", "answer", 0.85, 20.0, "confident"),
    Outcome("b", "a", "clarify", 0.45, 40.0, "competing", ("a", "b")),
    Outcome("b", "a", "clarify", 0.44, 40.0, "competing", ("a", "c")),
    Outcome("b", "b", "escalate", 0.35, 30.0, "low_confidence"),
    Outcome(None, "a", "answer", 0.75, 50.0, "confident"),
    Outcome(None, None, "escalate", 0.0, 60.0, "policy"),
]
TEXTS = [f"question {number}" for number in range(len(ROWS))]
PROMISE = Promise(0.7, 0.02, 0.1)

outcomes = st.lists(
    st.builds(
        Outcome,
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["a", "b", "c", None]),
        st.sampled_from(["answer", "clarify", "escalate"]),
        st.floats(0, 1),
        st.floats(0, 1e4),
    ),
    max_size=60,
)


def test_each_fate() -> None:
    assert [fate(row) for row in ROWS] == [
        *("right", "wrong", "asked_right", "asked_wrong", "missed", "unwanted", "silent"),
    ]
    assert {name: share.hits for name, share in details(TEXTS, ROWS, PROMISE).fates.items()} == dict.fromkeys(
        FATES, 1
    )


def test_the_curve_goes_from_the_surest_on() -> None:
    curve = coverage_risk(ROWS)
    assert [(p.threshold, p.answers) for p in curve] == [
        *((0.95, 1), (0.85, 2), (0.75, 3), (0.45, 4), (0.44, 5), (0.35, 6)),
    ]
    assert [p.coverage for p in curve] == [0.2, 0.4, 0.4, 0.6, 0.8, 1.0]
    assert [p.wrong for p in curve] == [0.0, 1 / 2, 2 / 3, 3 / 4, 4 / 5, pytest.approx(4 / 6)]


def test_equal_confidences_are_one_point() -> None:
    rows = [Outcome("a", "a", "answer", 0.5, 1.0), Outcome("a", "b", "answer", 0.5, 1.0)]
    assert [(p.answers, p.wrong) for p in coverage_risk(rows)] == [(2, 0.5)]


@given(outcomes)
def test_the_curve_ends_with_everything_and_is_bounded(rows: list[Outcome]) -> None:
    curve = coverage_risk(rows)
    with_best = [row for row in rows if row.best is not None]
    assert bool(curve) == bool(with_best)
    assert len(curve) <= 2 * CURVE_POINTS
    if curve:
        assert curve[-1].answers == len(with_best)
        assert curve[-1].wrong == pytest.approx(sum(not row.right for row in with_best) / len(with_best))


def test_calibration_by_hand() -> None:
    rows = [Outcome("a", "a", "answer", 0.9, 1.0)] * 3 + [Outcome("a", "b", "answer", 0.9, 1.0)]
    rows += [Outcome(None, "b", "escalate", 0.1, 1.0)] * 4
    bins, ece, brier = reliability(rows)
    assert [(b.low, b.n, b.right.hits) for b in bins] == [(0.1, 4, 0), (0.9, 4, 3)]
    assert ece == pytest.approx(0.5 * 0.1 + 0.5 * 0.15)
    assert brier == pytest.approx((3 * 0.01 + 0.81 + 4 * 0.01) / 8)


def test_a_confidence_of_one_is_in_the_last_bin() -> None:
    bins, ece, _ = reliability([Outcome("a", "a", "answer", 1.0, 1.0)])
    assert ([(b.low, b.n) for b in bins], ece) == ([(0.9, 1)], 0.0)


def test_the_promise_is_checked_at_the_share_it_was_made_for() -> None:
    known = [Outcome("a", "a", "answer", 0.9, 1.0)] * 90
    unknown = [Outcome(None, "a", "answer", 0.9, 1.0)] * 20 + [Outcome(None, "a", "escalate", 0.1, 1.0)] * 80
    kept = details([""] * 190, known + unknown, PROMISE).kept
    assert kept is not None
    # 90 % of right answers, and of the 10 % others a fifth was answered.
    assert kept.share == pytest.approx(0.02 / 0.92)
    assert figures(known + unknown)["wrong_answer_rate"] == pytest.approx(20 / 110)


@pytest.mark.parametrize(
    "rows", [ROWS[:5], ROWS[5:], [], [Outcome("a", "a", "escalate", 0.1, 1.0), Outcome(None, None, "escalate", 0.0, 1.0)]]
)  # fmt: skip
def test_of_a_promise_that_the_file_cannot_check_nothing_is_said(rows: list[Outcome]) -> None:
    assert details([""] * len(rows), rows, PROMISE).kept is None


def test_confusions_name_what_reached_customers_first() -> None:
    rows = [Outcome("b", "c", "clarify", 0.5, 1.0, "likely", ("c", "b"))] * 3
    rows += [Outcome("a", "b", "answer", 0.9, 1.0), Outcome(None, "b", "escalate", 0.2, 1.0)]
    found = details(["one", "two", "three", "four", "five"], rows, PROMISE)
    assert [(c.expected, c.best, c.n, c.answered) for c in found.confusions] == [
        ("a", "b", 1, 1),
        ("b", "c", 3, 0),
    ]
    assert found.confusions[1].examples == ("one", "two", "three")
    assert found.worst == ("b", "c", "a")
    assert found.matrix == ((0, 3, 0, 0), (0, 0, 0, 0), (1, 0, 0, 0))
    topics = {topic.article_id: topic for topic in found.topics}
    assert (topics["a"].wrong, topics["a"].answered, topics["b"].found.hits, topics["b"].taken) == (
        1,
        1,
        0,
        1,
    )


def test_a_matrix_keeps_all_others_together() -> None:
    rows = [Outcome(name, f"{name}x", "answer", 0.9, 1.0) for name in "abcdefghijklmn" for _ in range(2)]
    found = details([""] * len(rows), rows, PROMISE)
    assert len(found.worst) == 10
    assert found.worst[:2] == ("a", "ax")
    # The tenth is e's: what found "ex" is among all others.
    assert [sum(row) for row in found.matrix] == [2, 0] * 5
    assert found.matrix[0][1] == 2


@given(st.lists(st.floats(0, 1e6), max_size=200))
def test_every_time_is_in_one_bar(times: list[float]) -> None:
    bars = histogram(times)
    assert sum(count for _, _, count in bars) == len(times)
    assert len(bars) <= 30


@given(outcomes)
def test_whatever_came_it_can_be_written(rows: list[Outcome]) -> None:
    found = details([""] * len(rows), rows, PROMISE)
    assert sum(share.hits for share in found.fates.values()) == len(rows)
    json.dumps(found.as_dict(), allow_nan=False)


def test_texts_and_outcomes_belong_together() -> None:
    with pytest.raises(ValueError, match="1 texts and 0 outcomes"):
        details(["x"], [], PROMISE)
