"""The report of a training, as its editor reads it."""

from __future__ import annotations

from typing import Any

from handoff.cli.releases import report_lines

MEASURED: dict[str, Any] = {
    "questions_asked": 1146,
    "accuracy_top1": 0.8045,
    "coverage": 0.615,
    "wrong_answer_rate": 0.0051,
    "risk": 0.02,
    "threshold": 0.97,
    "threshold_support": "supported",
}


def test_how_well_the_articles_are_told_apart_and_what_share_is_answered() -> None:
    first, second = report_lines({"knowledge": MEASURED})
    assert "1,146 questions" in first
    assert "80% find their article first and 62% are answered" in first
    assert second == "Of the answers 0.5% are wrong; 2.0% are allowed (--risk)."


def test_too_few_questions_are_said_to_be_too_few() -> None:
    few = {"questions_asked": 0, "threshold": 0.9, "threshold_support": "too_few_questions"}
    (line,) = report_lines({"knowledge": few})
    assert "too few" in line
    assert "90% sure" in line


def test_where_nothing_was_answered_no_answer_is_called_wrong() -> None:
    nothing = {**MEASURED, "coverage": 0.0, "wrong_answer_rate": None}
    (line,) = report_lines({"knowledge": nothing})
    assert "0% are answered" in line


def test_a_release_without_figures_has_nothing_to_tell() -> None:
    assert report_lines({}) == []


def test_what_fine_tuning_found_is_told_with_both_figures() -> None:
    held = {
        "questions": 1600,
        "top1_base": 0.9375,
        "top1_tuned": 0.9475,
        "auroc_base": 0.912,
        "auroc_tuned": 0.926,
    }
    tuning = {"fine_tuned": True, "reason": "better on questions held back by 0.024", "held_back": held}
    (line,) = report_lines({"fine_tuning": tuning})
    assert line.startswith("The encoder is fine-tuned: better")
    for figure in ("1,600", "93.8%", "94.8%", "0.912", "0.926"):
        assert figure in line


def test_why_nothing_was_fine_tuned_is_told() -> None:
    (line,) = report_lines({"fine_tuning": {"fine_tuned": False, "reason": "3 questions are too few"}})
    assert line == "The encoder is not fine-tuned: 3 questions are too few."
