"""The figures of an evaluation, by hand-made rows, and the reading of its file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_index.evaluate import (
    EvaluationFileError,
    Outcome,
    Question,
    auroc,
    figures,
    percentile,
    read_questions,
)

ROWS = [
    Outcome("a", "a", "answer", 0.9, 10.0),
    Outcome("a", "b", "answer", 0.8, 20.0),
    Outcome("b", "b", "unsure", 0.3, 30.0),
    Outcome("b", "a", "clarify", 0.4, 40.0),
    Outcome(None, "a", "answer", 0.7, 50.0),
    Outcome(None, None, "escalate", 0.0, 60.0),
]


def test_every_figure_by_hand() -> None:
    found = figures(ROWS)
    assert (found["n"], found["n_answerable"]) == (6, 4)
    assert found["accuracy_top1"] == 0.5
    assert found["coverage"] == 0.5
    assert found["wrong_answer_rate"] == pytest.approx(2 / 3)
    assert found["accuracy_answered"] == pytest.approx(1 / 3)
    assert found["oos_recall"] == 0.5
    # Pairs of (answerable, unanswerable): 0.7 loses to 2 of 4, 0.0 to all.
    assert found["auroc"] == pytest.approx(6 / 8)
    assert found["latency_ms"] == {"p50": 30.0, "p95": 60.0}
    assert found["intervals"]["coverage"] == [
        pytest.approx(0.1500, abs=1e-3),
        pytest.approx(0.8500, abs=1e-3),
    ]


def test_shares_of_nothing_are_null() -> None:
    answerable = figures([Outcome("a", "a", "unsure", 0.1, 1.0)])
    assert (answerable["oos_recall"], answerable["auroc"], answerable["wrong_answer_rate"]) == (
        None,
        None,
        None,
    )
    unanswerable = figures([Outcome(None, "a", "unsure", 0.1, 1.0)])
    assert (unanswerable["accuracy_top1"], unanswerable["coverage"], unanswerable["oos_recall"]) == (
        None,
        None,
        1.0,
    )
    assert figures([])["latency_ms"] == {"p50": None, "p95": None}


@given(
    st.lists(st.sampled_from([0.1, 0.2, 0.5]), max_size=8),
    st.lists(st.sampled_from([0.1, 0.2, 0.5]), max_size=8),
)
def test_auroc_is_the_share_of_won_pairs(positive: list[float], negative: list[float]) -> None:
    pairs = [(p > n) + (p == n) / 2 for p in positive for n in negative]
    assert auroc(positive, negative) == (pytest.approx(sum(pairs) / len(pairs)) if pairs else None)


def test_percentiles_are_of_the_nearest_rank() -> None:
    assert [percentile([1, 2, 3, 4], p) for p in (1, 25, 26, 50, 95, 100)] == [1, 1, 2, 2, 4, 4]


def write(path: Path, data: str | bytes) -> Path:
    path.write_bytes(data if isinstance(data, bytes) else data.encode())
    return path


def test_rows_are_read_with_their_lines(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", '\ufefftext,article_id\n"one\ntwo\u2028",a\n\nthree,\n')
    assert read_questions(path, ["a"]) == [Question(2, "one\ntwo\u2028", "a"), Question(5, "three", None)]


@pytest.mark.parametrize(
    ("data", "lines"),
    [
        ("question,article_id\nx,a\n", [1]),
        ("text\nx\n", [1]),
        ("", [1]),
        ("text,article_id\n", [0]),
        ("text,article_id\n ,a\nx,a,b\nx,nope\n" + "y" * 4001 + ",a\n", [2, 3, 4, 5]),
        ('text,article_id\n"x"y,a\n', [2]),
        (b"text,article_id\n\xff,a\n", [0]),
    ],
)
def test_every_fault_has_its_line(tmp_path: Path, data: str | bytes, lines: list[int]) -> None:
    with pytest.raises(EvaluationFileError) as caught:
        read_questions(write(tmp_path / "q.csv", data), ["a"])
    assert [line for line, _message in caught.value.problems] == lines
    assert "q.csv" in str(caught.value)


def test_a_missing_file_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFileError, match="no such file"):
        read_questions(tmp_path / "q.csv")


def test_many_faults_are_cut_in_the_message(tmp_path: Path) -> None:
    path = write(tmp_path / "q.csv", "text,article_id\n" + "x,nope\n" * 25)
    with pytest.raises(EvaluationFileError, match="and 15 more") as caught:
        read_questions(path, ["a"])
    assert len(caught.value.problems) == 25
