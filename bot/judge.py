"""`python -m bot.judge`: a candidate release beside the one that is live, asked the same questions.

The exam (questions whose right answer is known), what customers asked last week, each conversation with its own memory,
and the test conversations. The relay shows the report before anything is published.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot import golden
from bot.evaluate import ask
from bot.load import load_two
from bot.programs import Progress, report_progress, rows_of, run, text_of, write_whole
from bot.replaying import BOT_ERROR, Conversation, read_conversations, replayed, view_of
from bot.settings import from_environment
from kb_index.article import check_id
from kb_index.compare import (
    ASKED_ORDER,
    EXAM_ORDER,
    View,
    asked_verdict,
    exam_verdict,
    fall,
)
from kb_index.evaluate import MAX_TEXT, Outcome, Question, figures, percentile
from kb_index.evaluate_details import Promise, coverage_risk, details

if TYPE_CHECKING:
    from bot.engine import Engine

MOST_QUESTIONS: Final = 5_000
MOST_CONVERSATIONS: Final = 2_000
MOST_CHANGES: Final = 5_000
"""Of the exam, and of what was asked: the worst ones."""

EVERY: Final = 20
MAX_PROBLEM: Final = 4_000
MAX_ID: Final = 200
MAX_LOCALE: Final = 35


@dataclass(frozen=True, slots=True)
class ExamQuestion:
    """`article_id` None: no article answers it."""

    id: str
    text: str
    article_id: str | None
    locale: str


@dataclass(slots=True)
class Material:
    """What is asked; `left_out` counts what was more than is asked."""

    questions: Sequence[ExamQuestion] = ()
    conversations: Sequence[Conversation] = ()
    folder: Path | None = None
    left_out: dict[str, int] = field(default_factory=lambda: {"questions": 0, "conversations": 0, "turns": 0})


@dataclass(slots=True)
class Latencies:
    """Milliseconds of all turns of both releases."""

    before: list[float] = field(default_factory=list)
    after: list[float] = field(default_factory=list)


def read_exam(path: Path, most: int, locale: str) -> tuple[list[ExamQuestion], int]:
    """The first `most` questions of a file, `locale` where one has none, and how many were left out. Raises `BadRows`."""
    found: list[ExamQuestion] = []
    left_out = 0
    for number, row in rows_of(path):
        if len(found) == most:
            left_out += 1
            continue
        where = f"{path.name} line {number}"
        found.append(
            ExamQuestion(
                text_of(row, "id", MAX_ID, where),
                text_of(row, "text", MAX_TEXT, where),
                None if row.get("article_id") is None else check_id(row["article_id"]),
                text_of(row, "locale", MAX_LOCALE, where, default=locale),
            )
        )
    return found, left_out


async def exam(
    before: Engine | None,
    after: Engine,
    questions: Sequence[ExamQuestion],
    latencies: Latencies,
    progress: Progress,
) -> dict[str, Any]:
    """The exam's part of the report."""
    taken: list[tuple[tuple[Outcome, View] | None, tuple[Outcome, View]]] = []
    for number, question in enumerate(questions, start=1):
        now = await _taken(after, question, number)
        then = None if before is None else await _taken(before, question, number)
        latencies.after.append(now[0].latency_ms)
        if then is not None:
            latencies.before.append(then[0].latency_ms)
        taken.append((then, now))
        if number % EVERY == 0 or number == len(questions):
            progress("exam", number, len(questions), "")
    outcomes = [now[0] for _, now in taken]
    earlier = [then[0] for then, _ in taken if then is not None]
    shown = details([q.text for q in questions], outcomes, Promise(after.knowledge.threshold))
    changes = [
        (
            EXAM_ORDER.index(verdict),
            -fall(then[0], now[0]),
            {
                "id": question.id,
                "text": question.text,
                "expected": question.article_id,
                "before": then[1].as_dict(),
                "after": now[1].as_dict(),
                "verdict": verdict,
            },
        )
        for question, (then, now) in zip(questions, taken, strict=True)
        if then is not None and (verdict := exam_verdict(then, now)) is not None
    ]
    changes.sort(key=lambda change: change[:2])
    return {
        "n": len(questions),
        "before": None if before is None else figures(earlier),
        "after": figures(outcomes),
        "before_curve": None if before is None else _dicts(coverage_risk(earlier)),
        "after_curve": _dicts(shown.curve),
        "reliability_after": _dicts(shown.bins),
        "confusions_after": _dicts(shown.confusions),
        "counts": dict(Counter(change["verdict"] for *_, change in changes)),
        "changes": [change for *_, change in changes[:MOST_CHANGES]],
    }


async def _taken(engine: Engine, question: ExamQuestion, number: int) -> tuple[Outcome, View]:
    from bot.engine import BotFailed  # noqa: PLC0415 - imports Rasa, which whoever has an engine has done

    asked = Question(number, question.text, question.article_id)
    begun = time.perf_counter()
    try:
        outcome, turn = await ask(engine, asked, number, question.locale)
    except BotFailed:
        took = (time.perf_counter() - begun) * 1000
        return Outcome(asked.article_id, None, BOT_ERROR.kind, 0.0, took, BOT_ERROR.reason), BOT_ERROR
    return outcome, view_of(turn, engine)


async def asked(
    before: Engine | None,
    after: Engine,
    conversations: Sequence[Conversation],
    latencies: Latencies,
    progress: Progress,
) -> dict[str, Any]:
    """What customers asked: the report's part."""
    total = sum(len(conversation.messages) for conversation in conversations)
    n = same = 0
    kinds: dict[str, Counter[str]] = {"before": Counter(), "after": Counter()}
    counts: Counter[str] = Counter()
    changes: dict[str, list[dict[str, Any]]] = {verdict: [] for verdict in ASKED_ORDER}
    for number, conversation in enumerate(conversations, start=1):
        now = [entry async for entry in replayed(after, conversation)]
        then = [] if before is None else [entry async for entry in replayed(before, conversation)]
        n += len(now)
        latencies.after += [entry.latency_ms for entry in now]
        latencies.before += [entry.latency_ms for entry in then]
        kinds["after"].update(entry.view.kind for entry in now)
        kinds["before"].update(entry.view.kind for entry in then)
        for earlier, later in zip(then, now, strict=False):
            verdict = asked_verdict(earlier.view, later.view)
            if verdict is None:
                same += 1
                continue
            counts[verdict] += 1
            if len(changes[verdict]) < MOST_CHANGES:
                changes[verdict].append(
                    {
                        "conversation_id": conversation.id,
                        "turn": later.message.turn,
                        "text": later.message.text,
                        "before": earlier.view.as_dict(),
                        "after": later.view.as_dict(),
                        "verdict": verdict,
                    }
                )
        if number % EVERY == 0 or number == len(conversations):
            progress("asked", n, total, "")
    worst_first = [change for verdict in ASKED_ORDER for change in changes[verdict]]
    return {
        "n": n,
        "same": same,
        "changes": worst_first[:MOST_CHANGES],
        "counts": dict(counts),
        "before": None if before is None else dict(kinds["before"]),
        "after": dict(kinds["after"]),
    }


async def rehearsed(after: Engine, folder: Path | None, progress: Progress) -> dict[str, Any]:
    """The test conversations' part of the report; none where there is no folder."""
    results = [] if folder is None else await golden.run(after, folder, progress)
    progress("golden", len(results), len(results), "")
    failed = [
        {"name": name, "problem": problem[:MAX_PROBLEM]} for name, problem in results if problem is not None
    ]
    return {"passed": len(results) - len(failed), "failed": failed}


async def judged(
    before: Engine | None, after: Engine, material: Material, progress: Progress
) -> dict[str, Any]:
    """The report."""
    latencies = Latencies()
    return {
        "candidate": after.release_id,
        "against": None if before is None else before.release_id,
        "exam": await exam(before, after, material.questions, latencies, progress),
        "asked": await asked(before, after, material.conversations, latencies, progress),
        "golden": await rehearsed(after, material.folder, progress),
        "latency_ms": {
            "before": None if before is None else _percentiles(latencies.before),
            "after": _percentiles(latencies.after),
        },
        "left_out": material.left_out,
    }


def _percentiles(latencies: Sequence[float]) -> dict[str, float | None]:
    ordered = sorted(latencies)
    return {"p50": percentile(ordered, 50), "p95": percentile(ordered, 95)}


def _dicts(entries: Iterable[Any]) -> list[dict[str, Any]]:
    return [asdict(entry) for entry in entries]


def main(arguments: list[str] | None = None) -> int:
    """The program. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.judge")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--candidate", required=True)
    parser.add_argument("--against", help="the release that is live; none before the first")
    parser.add_argument("--questions", type=Path, help="the exam")
    parser.add_argument("--conversations", type=Path, help="what customers asked")
    parser.add_argument("--golden", type=Path, help="folder of test conversations in Rasa's format")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--locale", default="en", help="of the page, for questions that name none")
    given = parser.parse_args(arguments)

    def work() -> Mapping[str, Any]:
        began = time.monotonic()
        settings = from_environment(given.home)
        material = Material(folder=given.golden)
        if given.questions is not None:
            material.questions, fewer = read_exam(given.questions, MOST_QUESTIONS, given.locale)
            material.left_out["questions"] = fewer
        if given.conversations is not None:
            material.conversations, more = read_conversations(given.conversations, MOST_CONVERSATIONS)
            material.left_out |= asdict(more)
        report_progress("load", 0, 1, "")
        before, after = load_two(settings, given.against, given.candidate)
        report_progress("load", 1, 1, "")
        report = asyncio.run(judged(before, after, material, report_progress))
        report["seconds"] = round(time.monotonic() - began, 2)
        write_whole(given.out, json.dumps(report, ensure_ascii=False, allow_nan=False))
        return {"seconds": report["seconds"]}

    return run(work, failed="judging_failed")


if __name__ == "__main__":
    sys.exit(main())
