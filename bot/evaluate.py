"""`python -m bot.evaluate`: ask every question of a file as a first message, and say how well it went.

Each question goes through `Engine.answer`, which is what answers customers, one after the other; the figures are
those of docs/protocol.md section 5.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import json
import sys
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.commands import columns, tell
from bot.contract import TurnOutcome, TurnRequest
from bot.dialogue import Dialogue
from bot.load import load_release
from bot.programs import report_progress
from bot.replaying import offered_by
from bot.settings import SettingsError, from_environment
from kb_index.calibration import RiskUnknown
from kb_index.editions import EditionError
from kb_index.encoder import EncoderError
from kb_index.evaluate import EvaluationFileError, Outcome, Question, figures, read_questions
from kb_index.evaluate_charts import charts
from kb_index.evaluate_details import Promise, details, fate
from kb_index.evaluate_page import Header, page
from kb_index.knowledge import CorruptIndex, IndexMismatch
from kb_index.releases import ReleaseError
from kb_index.rules import RuleError
from kb_index.serving import ServingError

if TYPE_CHECKING:
    from bot.engine import Engine

EXPECTED = (
    SettingsError,
    ReleaseError,
    EditionError,
    EvaluationFileError,
    EncoderError,
    CorruptIndex,
    IndexMismatch,
    RuleError,
    RiskUnknown,
    ServingError,
    OSError,
)
EVERY = 250


async def ask(engine: Engine, question: Question, number: int, locale: str) -> tuple[Outcome, TurnOutcome]:
    """The outcome of one question, asked by itself as the first message of a conversation on a page in `locale`.

    Raises as `Engine.answer` does.
    """
    request = TurnRequest("evaluation", episode=1, turn=number, text=question.text, locale=locale)
    begun = time.perf_counter()
    outcome, _ = await engine.answer(request, Dialogue())
    took = (time.perf_counter() - begun) * 1000
    decision = outcome.decision
    best = decision.passages[0].article_id if decision.passages else None
    if decision.kind == "answer" and decision.reason == "rule":
        best = outcome.replies[0].article_id  # an editor's rule answers with what it names
    offered = offered_by(decision)
    told = Outcome(
        question.article_id, best, decision.kind, decision.confidence, took, decision.reason, offered
    )
    return told, outcome


async def ask_all(engine: Engine, questions: Sequence[Question], locale: str = "en") -> list[Outcome]:
    """The outcome of each question, see `ask`."""
    outcomes = []
    for number, question in enumerate(questions, start=1):
        outcomes.append((await ask(engine, question, number, locale))[0])
        if number % EVERY == 0 or number == len(questions):
            report_progress("evaluate", number, len(questions), "")
    return outcomes


def write_report(
    folder: Path,
    header: Header,
    questions: Sequence[Question],
    outcomes: Sequence[Outcome],
    *,
    found: Mapping[str, Any],
    promise: Promise,
) -> None:
    """`report.html` to read, each chart as `.svg`, and everything for machines: `figures.json` and tables as `.csv`."""
    folder.mkdir(parents=True, exist_ok=True)
    shown = details([question.text for question in questions], outcomes, promise)
    whole = {**found, "details": shown.as_dict()}
    (folder / "figures.json").write_text(
        json.dumps(whole, indent=2, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    _csv(
        folder / "rows.csv",
        ("line", "text", "expected", "best", "decision", "reason", "became", "confidence", "latency_ms"),
        (
            (q.line, q.text, o.expected or "", o.best or "", o.decision, o.reason, fate(o), round(o.confidence, 4),
             round(o.latency_ms, 2))
            for q, o in zip(questions, outcomes, strict=True)
        ),
    )  # fmt: skip
    for chart in charts(found, shown):
        (folder / f"{chart.name}.svg").write_text(chart.plot.file(), encoding="utf-8")
    _csv(
        folder / "coverage.csv",
        ("threshold", "coverage", "answers", "wrong_answer_rate", "low", "high"),
        ((p.threshold, p.coverage, p.answers, p.wrong, p.low, p.high) for p in shown.curve),
    )
    _csv(
        folder / "confusions.csv",
        ("expected", "best", "questions", "answered", "example"),
        ((c.expected or "", c.best, c.n, c.answered, c.examples[0]) for c in shown.confusions),
    )
    (folder / "report.html").write_text(page(header, found, shown, questions, outcomes), encoding="utf-8")


def _csv(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)


def promise_of(figures_of_training: Mapping[str, Any], threshold: float) -> Promise:
    """What training promised; where a release does not say, None in its place."""
    told = {name: figures_of_training.get(name) for name in ("risk", "unanswerable_share")}
    known = {name: float(value) if isinstance(value, int | float) else None for name, value in told.items()}
    return Promise(threshold, known["risk"], known["unanswerable_share"])


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.evaluate")
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--release")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--locale", default="en", help="of the page that the questions are asked on")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)

    def find() -> dict[str, Any]:
        settings = from_environment(given.home)
        read_questions(given.file)  # a bad file is told before 15 s of loading
        engine = load_release(settings, given.release)
        questions = read_questions(given.file, [article.id for article in engine.knowledge.articles])
        outcomes = asyncio.run(ask_all(engine, questions, given.locale))
        found = {**figures(outcomes), "release_id": engine.release_id}
        if given.report:
            titles = {article.id: article.title for article in engine.knowledge.articles}
            header = Header(given.file.name, engine.release_id, titles)
            promise = promise_of(engine.knowledge.figures, engine.knowledge.threshold)
            write_report(given.report, header, questions, outcomes, found=found, promise=promise)
        return found

    return tell(find, as_json=given.as_json, lines=columns, expected=EXPECTED, failed="evaluation_failed")


if __name__ == "__main__":
    sys.exit(main())
