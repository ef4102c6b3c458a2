"""`bench growth`: a turn's latency in conversations of 10, 100 and 1,000 messages, through the whole product, beside
Rasa with MiniLM, logistic regression and rules on the same articles.

Questions and answers are the messages; each measured question goes to all sizes and both systems in turn.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench import product
from bench.growth_load import Outcome, Plan, Turn, from_json
from bench.programs import answers, generated
from bench.rasa_project import RASA_LR, read_articles, trained
from bench.report import machine, percentile, ratio, result, rounded, say, spread
from bench.turn import READY_LIMIT_S, STORE, serve_rasa

SIZES: Final = {10: 20, 100: 6, 1000: 2}
"""Messages of a conversation, and how many such conversations each system gets: the small ones must not grow much."""

ROUNDS: Final = 60
SEED: Final = 30
PARTS: Final = 3
"""The rounds in three parts, for how far they are apart."""


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench growth`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="baton bench growth", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"questions for each size and system (default {ROUNDS})"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="decides the order of the questions")
    given = parser.parse_args(arguments)
    store = home if home is not None else STORE
    where = machine()
    with ExitStack() as stack:
        urls = start(store, stack)
        say("asking: some thousand questions bring the conversations to their sizes")
        plan = Plan(urls, SIZES, given.rounds, given.seed)
        outcome = from_json(generated("bench.growth_load", json.dumps(asdict(plan))))
    for failure in outcome.failures:
        say(failure)
    result(figures(outcome, given.rounds, where), as_json=given.json)
    return 1 if any(failure.startswith("baton") for failure in outcome.failures) else 0


def start(store: Path, stack: ExitStack) -> dict[Any, str]:
    """Train what is not trained, start the product and its peer; their addresses. `stack` stops them."""
    say("training, where nothing is kept from before")
    home = product.trained_home(store)
    model = trained(RASA_LR, read_articles(), store)
    work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="growth-", dir=store)))
    logs = store / "logs"
    say("starting Baton and its peer")
    program, url = product.serve(home, work / "home", logs / "baton.log")
    stack.callback(program.stop)
    rasa, rasa_url = serve_rasa(RASA_LR, model, work / "rasa", logs)
    stack.callback(rasa.stop)
    product.wait_until_ready(program, url)
    rasa.wait_until(lambda: answers(f"{rasa_url}/status"), READY_LIMIT_S)
    return {"baton": url, RASA_LR.name: rasa_url}


def figures(outcome: Outcome, rounds: int, where: dict[str, Any]) -> dict[str, Any]:
    """The figures of docs/protocol.md and what explains them. Raises `ValueError` where a size got no answer."""
    baton = [turn for turn in outcome.turns if turn.system == "baton"]
    peer = [turn for turn in outcome.turns if turn.system == RASA_LR.name]
    return {
        "bench": "growth",
        **figures_of(baton),
        RASA_LR.name: figures_of(peer),
        "conversations": SIZES,
        "handoffs": outcome.handoffs,
        "failed": len(outcome.failures),
        "rounds": rounds,
        "machine": where,
    }


def figures_of(turns: Sequence[Turn]) -> dict[str, Any]:
    """One system's figures by size, and the ratios of the greatest to the smallest."""
    by_size = {size: [turn for turn in turns if turn.size == size] for size in SIZES}
    p50 = {size: percentile([turn.ms for turn in of], 0.5) for size, of in by_size.items()}
    p95 = {size: percentile([turn.ms for turn in of], 0.95) for size, of in by_size.items()}
    return {
        "p50_ms": {size: rounded(ms) for size, ms in p50.items()},
        "p95_ms": {size: rounded(ms) for size, ms in p95.items()},
        "ratio_1000_to_10": ratio(p50[1000], p50[10]),
        "spread": {size: spread(_parts(of)) for size, of in by_size.items()},
    }


def _parts(turns: Sequence[Turn]) -> list[float]:
    """The median of each part of the rounds, in their order."""
    width = -(-len(turns) // PARTS)
    return [
        percentile([turn.ms for turn in turns[start : start + width]], 0.5)
        for start in range(0, len(turns), width)
    ]
