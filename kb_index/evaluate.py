"""Figures of an evaluation, from rows of (expected, best, decision, confidence, latency). Standard library only."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from kb_index.intervals import wilson

COLUMNS: Final = ("text", "article_id")
MAX_FILE_BYTES: Final = 64 * 1024 * 1024
MAX_TEXT: Final = 4_000
ANSWER: Final = "answer"


class EvaluationFileError(ValueError):
    """A file of questions cannot be used. `problems` are (line, message), line 0 for the file as a whole."""

    code = "bad_evaluation_file"

    def __init__(self, file: str, problems: Sequence[tuple[int, str]]) -> None:
        listed = "; ".join(f"line {line}: {message}" if line else message for line, message in problems[:10])
        more = f"; and {len(problems) - 10} more" if len(problems) > 10 else ""
        super().__init__(f"{file}: {listed}{more}")
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True)
class Question:
    """One row of the file; `article_id` None: it should not be answered."""

    line: int
    text: str
    article_id: str | None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one question. `expected` None: unanswerable; `best` None: nothing was found.

    `decision` is the kind of the bot's decision (`answer`, `clarify`, ...) and `reason` its reason; `confidence` is
    between 0 and 1, `latency_ms` the time from asking to the answer. `offered` are the articles it offered as choices.
    """

    expected: str | None
    best: str | None
    decision: str
    confidence: float
    latency_ms: float
    reason: str = ""
    offered: tuple[str, ...] = ()

    @property
    def answered(self) -> bool:
        """Whether the customer got an article as the answer."""
        return self.decision == ANSWER

    @property
    def right(self) -> bool:
        """Whether the best article is the expected one, whatever was then decided."""
        return self.expected is not None and self.best == self.expected


def read_questions(path: Path, known: Sequence[str] | None = None) -> list[Question]:
    """The rows of a CSV with the columns `text` and `article_id`. Raises `EvaluationFileError` with every fault.

    With `known`, an `article_id` that is not among these is a fault: it could never be answered rightly.
    """
    text = _text(path)
    problems: list[tuple[int, str]] = []
    questions: list[Question] = []
    ids = frozenset(known) if known is not None else None
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    line = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        if sorted(header) != sorted(COLUMNS):
            raise EvaluationFileError(path.name, [(1, f"the header must be {','.join(COLUMNS)}")])
        line = reader.line_num + 1
        for row in reader:
            at, line = line, reader.line_num + 1
            if not row:
                continue
            problem = _row_problem(row, header, ids)
            if problem:
                problems.append((at, problem))
                continue
            cells = dict(zip(header, row, strict=True))
            questions.append(Question(at, cells["text"], cells["article_id"].strip() or None))
    except csv.Error as error:
        problems.append((line, f"the quoting is broken: {error}"))
    if not questions and not problems:
        problems.append((0, "there is no question in it"))
    if problems:
        raise EvaluationFileError(path.name, problems)
    return questions


def figures(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """The figures that `baton evaluate` prints; shares of nothing are None.

    `intervals` holds the 95 % Wilson interval of each share as [low, high].
    """
    answerable = [outcome for outcome in outcomes if outcome.expected is not None]
    unanswerable = [outcome for outcome in outcomes if outcome.expected is None]
    answered = [outcome for outcome in outcomes if outcome.answered]
    wrong = sum(not outcome.right for outcome in answered)
    counts = {
        "accuracy_top1": (sum(outcome.right for outcome in answerable), len(answerable)),
        "coverage": (sum(outcome.answered for outcome in answerable), len(answerable)),
        "accuracy_answered": (len(answered) - wrong, len(answered)),
        "wrong_answer_rate": (wrong, len(answered)),
        "oos_recall": (sum(not outcome.answered for outcome in unanswerable), len(unanswerable)),
    }
    latencies = sorted(outcome.latency_ms for outcome in outcomes)
    return {
        "n": len(outcomes),
        "n_answerable": len(answerable),
        **{name: hits / n if n else None for name, (hits, n) in counts.items()},
        "auroc": auroc(
            [outcome.confidence for outcome in answerable], [outcome.confidence for outcome in unanswerable]
        ),
        "latency_ms": {"p50": percentile(latencies, 50), "p95": percentile(latencies, 95)},
        "intervals": {name: list(wilson(hits, n)) if n else None for name, (hits, n) in counts.items()},
    }


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float | None:
    """The chance that a positive's number is above a negative's, ties counting half (Mann-Whitney U / nm)."""
    if not positive or not negative:
        return None
    ranked = sorted([(value, True) for value in positive] + [(value, False) for value in negative])
    rank_sum = 0.0
    start = 0
    while start < len(ranked):
        end = start
        while end < len(ranked) and ranked[end][0] == ranked[start][0]:
            end += 1
        middle = (start + 1 + end) / 2.0  # mean rank of the tied, counted from 1
        rank_sum += middle * sum(is_positive for _value, is_positive in ranked[start:end])
        start = end
    n = len(positive)
    return (rank_sum - n * (n + 1) / 2.0) / (n * len(negative))


def percentile(ordered: Sequence[float], percent: float) -> float | None:
    """Nearest-rank percentile of numbers in rising order; None of none."""
    if not ordered:
        return None
    return ordered[max(0, math.ceil(percent / 100.0 * len(ordered)) - 1)]


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise EvaluationFileError(path.name, [(0, f"the file is larger than {MAX_FILE_BYTES:,} bytes")])
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except FileNotFoundError:
        raise EvaluationFileError(path.name, [(0, "there is no such file")]) from None
    except UnicodeDecodeError as error:
        raise EvaluationFileError(path.name, [(0, f"the file is not UTF-8 (byte {error.start})")]) from None


def _row_problem(row: Sequence[str], header: Sequence[str], known: frozenset[str] | None) -> str | None:
    if len(row) != len(header):
        return f"this row has {len(row)} cells, the header {len(header)}"
    cells = dict(zip(header, row, strict=True))
    if not cells["text"].strip():
        return "the text is empty"
    if len(cells["text"]) > MAX_TEXT:
        return f"the text has more than {MAX_TEXT:,} characters"
    article_id = cells["article_id"].strip()
    if article_id and known is not None and article_id not in known:
        return f"there is no article {article_id[:100]!r}"
    return None
