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
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.contract import TurnRequest
from bot.dialogue import Dialogue
from bot.load import load_release
from bot.quiet import hush
from bot.settings import SettingsError, from_environment
from kb_index.encoder import EncoderError
from kb_index.evaluate import (
    EvaluationFileError,
    Outcome,
    Question,
    coverage_curve,
    figures,
    read_questions,
)
from kb_index.knowledge import CorruptIndex, IndexMismatch
from kb_index.releases import ReleaseError

if TYPE_CHECKING:
    from bot.engine import Engine

EXPECTED = (
    SettingsError,
    ReleaseError,
    EvaluationFileError,
    EncoderError,
    CorruptIndex,
    IndexMismatch,
    OSError,
)
EVERY = 250


async def ask_all(engine: Engine, questions: Sequence[Question]) -> list[Outcome]:
    """The outcome of each question, asked by itself as the first message of a conversation."""
    outcomes = []
    for number, question in enumerate(questions, start=1):
        request = TurnRequest(conversation_id="evaluation", episode=1, turn=number, text=question.text)
        begun = time.perf_counter()
        outcome, _ = await engine.answer(request, Dialogue())
        took = (time.perf_counter() - begun) * 1000
        decision = outcome.decision
        best = decision.passages[0].article_id if decision.passages else None
        outcomes.append(Outcome(question.article_id, best, decision.kind, decision.confidence, took))
        if number % EVERY == 0 or number == len(questions):
            progress = {"stage": "evaluate", "done": number, "total": len(questions), "message": ""}
            sys.stderr.write(json.dumps(progress) + "\n")
    return outcomes


def write_report(
    folder: Path, questions: Sequence[Question], outcomes: Sequence[Outcome], found: dict[str, Any]
) -> None:
    """`figures.json`, every row in `rows.csv`, and what each threshold would give in `coverage.csv` and `.svg`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "figures.json").write_text(json.dumps(found, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    with (folder / "rows.csv").open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["line", "text", "expected", "best", "decision", "confidence", "latency_ms"])
        for question, outcome in zip(questions, outcomes, strict=True):
            rows.writerow(
                [
                    question.line,
                    question.text,
                    outcome.expected or "",
                    outcome.best or "",
                    outcome.decision,
                    round(outcome.confidence, 4),
                    round(outcome.latency_ms, 2),
                ]
            )
    curve = coverage_curve(outcomes)
    if not curve:
        return
    with (folder / "coverage.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, fieldnames=list(curve[0]))
        table.writeheader()
        table.writerows(curve)
    _draw(folder / "coverage.svg", curve)


def _draw(path: Path, curve: Sequence[Any]) -> None:
    # A figure without pyplot, which would look for a screen.
    from matplotlib.figure import Figure  # noqa: PLC0415 - 1 s, for a report alone

    keys = [key for key in curve[0] if key != "threshold"]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.add_subplot()
    for key in keys:
        axes.plot([p["threshold"] for p in curve], [p[key] for p in curve], label=key.replace("_", " "))
    axes.set_xlabel("threshold of confidence")
    axes.set_ylim(0, 1)
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    figure.savefig(path)


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.evaluate")
    parser.add_argument("file", type=Path)
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--release")
    parser.add_argument("--report", type=Path)
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)
    hush()
    # Whatever libraries print belongs beside the result, not before it.
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        settings = from_environment(given.home)
        read_questions(given.file)  # a bad file is told before 15 s of loading
        engine = load_release(settings, given.release)
        questions = read_questions(given.file, [article.id for article in engine.knowledge.articles])
        outcomes = asyncio.run(ask_all(engine, questions))
        found = {**figures(outcomes), "release_id": engine.release_id}
        if given.report:
            write_report(given.report, questions, outcomes, found)
    except EXPECTED as error:
        code = getattr(error, "code", "evaluation_failed")
        if given.as_json:
            result: dict[str, Any] = {"error": {"code": code, "message": str(error), "data": {}}}
            out.write(json.dumps(result, ensure_ascii=False) + "\n")
        sys.stderr.write(f"baton: {error} [{code}]\n")
        return 1
    finally:
        sys.stdout = out
    if given.as_json:
        out.write(json.dumps(found, ensure_ascii=False) + "\n")
    else:
        for name, value in found.items():
            out.write(f"{name:20} {value}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
