"""`bench sockets`: what an idle customer's open socket costs in memory, beside a bare `websockets` server that holds as
many for the same client, and whether messages still flow meanwhile.

Each server is started anew for each round. Its resident memory is read when a few pairs have talked, and again when
every idle customer is connected; Baton's figure has the conversations in it, each of which is opened first.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from bench import product
from bench.agents import add_agents
from bench.programs import Program, allow_open_files, generated
from bench.relay import STORE, serve_bare
from bench.report import machine, percentile, ratio, result, rounded, say, spread
from bench.sockets_load import Outcome, Plan, from_json
from handoff.settings import Settings

SOCKETS: Final = 10_000
PAIRS: Final = 10
RATE: Final = 100.0
SECONDS: Final = 15.0
ROUNDS: Final = 2
SPARE_FILES: Final = 1_000


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench sockets`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="baton bench sockets", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument("--n", type=int, default=SOCKETS, help=f"idle customers (default {SOCKETS})")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"rounds of measurement (default {ROUNDS})"
    )
    given = parser.parse_args(arguments)
    store = home if home is not None else STORE
    where = machine()
    allow_open_files(given.n + SPARE_FILES)
    outcomes: dict[str, list[Outcome]] = {"baton": [], "bare": []}
    systems: list[tuple[str, Callable[[Path, int], Outcome]]] = [("baton", of_baton), ("bare", of_bare)]
    for number in range(given.rounds):
        for name, measure in systems if number % 2 == 0 else systems[::-1]:
            outcome = measure(store, given.n)
            outcomes[name].append(outcome)
            say(f"round {number + 1}, {name:5}: {_words(outcome, given.n)}")
    result(figures(outcomes["baton"], outcomes["bare"], given.n, where), as_json=given.json)
    all_held = all(outcome.held == given.n and not outcome.failures for outcome in outcomes["baton"])
    return 0 if all_held else 1


def of_baton(store: Path, many: int) -> Outcome:
    """What Baton's relay came to, on a new home. Raises `BenchError`."""
    store.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="sockets-", dir=store)))
        tokens = add_agents(Settings(home=home, database_url=None), PAIRS)
        program, url = product.relay(home, store / "logs" / "relay.log")
        stack.callback(program.stop)
        return _measured(program, url, many, tokens)


def of_bare(store: Path, many: int) -> Outcome:
    """What the bare server came to. Raises `BenchError`."""
    with ExitStack() as stack:
        program, url = serve_bare(store / "logs" / "bare.log")
        stack.callback(program.stop)
        return _measured(program, url, many, [])


def _measured(program: Program, url: str, many: int, tokens: list[str]) -> Outcome:
    plan = Plan(url, many, PAIRS, RATE, SECONDS, tokens, list(program.usage()))
    return from_json(generated("bench.sockets_load", json.dumps(asdict(plan))))


def figures(
    baton: Sequence[Outcome], bare: Sequence[Outcome], many: int, where: dict[str, Any]
) -> dict[str, Any]:
    """The figures of docs/protocol.md and what explains them."""
    ours, theirs = figures_of(baton, many), figures_of(bare, many)
    return {
        "bench": "sockets",
        "n": many,
        "kb_per_socket": ours["kb_per_socket"],
        "bare_kb_per_socket": theirs["kb_per_socket"],
        "ratio": ratio(ours["kb_per_socket"], theirs["kb_per_socket"]),
        "p99_ms": ours["p99_ms"],
        "bare_p99_ms": theirs["p99_ms"],
        "baton": ours,
        "bare": theirs,
        "pairs": PAIRS,
        "rate": RATE,
        "rounds": len(baton),
        "machine": where,
    }


def figures_of(outcomes: Sequence[Outcome], many: int) -> dict[str, Any]:
    """One server's figures: those of the median round, and how far the rounds were apart."""
    kb = [(outcome.rss_held - outcome.rss_before) / many / 1024 for outcome in outcomes]
    p99 = [percentile(outcome.held_ms, 0.99) for outcome in outcomes]
    opening = [outcome.opening_s for outcome in outcomes if outcome.opening_s is not None]
    return {
        "held": min(outcome.held for outcome in outcomes),
        "kb_per_socket": rounded(statistics.median(kb)),
        "kb_without_conversations": rounded(
            statistics.median((outcome.rss_held - outcome.rss_opened) / many / 1024 for outcome in outcomes)
        ),
        "mb_before": rounded(statistics.median(outcome.rss_before for outcome in outcomes) / 2**20),
        "mb_held": rounded(statistics.median(outcome.rss_held for outcome in outcomes) / 2**20),
        "p50_ms": rounded(statistics.median(percentile(outcome.held_ms, 0.5) for outcome in outcomes)),
        "p99_ms": rounded(statistics.median(p99)),
        "alone_p99_ms": rounded(
            statistics.median(percentile(outcome.alone_ms, 0.99) for outcome in outcomes)
        ),
        "opened_per_s": rounded(many / statistics.median(opening)) if opening else None,
        "connected_per_s": rounded(many / statistics.median(outcome.connecting_s for outcome in outcomes)),
        "failed": sum(len(outcome.failures) for outcome in outcomes),
        "spread": {"kb_per_socket": spread(kb), "p99_ms": spread(p99)},
    }


def _words(outcome: Outcome, many: int) -> str:
    return (
        f"{outcome.held} held, {(outcome.rss_held - outcome.rss_before) / many / 1024:.1f} KB each, "
        f"p99 {percentile(outcome.held_ms, 0.99):.2f} ms (alone {percentile(outcome.alone_ms, 0.99):.2f} ms)"
        + (f", {len(outcome.failures)} failed: {outcome.failures[0]}" if outcome.failures else "")
    )
