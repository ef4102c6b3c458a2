"""`bench kb --n N`: single questions to an index of N passages, beside exact search over the same, on one thread.

Passages are vectors of real sentences with noise; see kb_index/search_speed.py, which measures in the bot's environment.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from bench.programs import BOT_PYTHON, QUIET, BenchError
from bench.rasa_project import read_articles
from bench.report import machine, percentile, result, rounded, say, spread
from bench.turn import STORE
from handoff.settings import PROJECT_ROOT
from kb_index.passages import texts_of

FRUSTRATION: Final = PROJECT_ROOT / "nlu_data" / "frustration"
PASSAGES: Final = 1_000_000
ROUNDS: Final = 5
FEWEST: Final = 100
"""Fewer passages than this have no ten neighbours worth the name."""


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench kb`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="baton bench kb", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument("--n", type=int, default=PASSAGES, help=f"passages (default {PASSAGES:,})")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"rounds of measurement (default {ROUNDS})"
    )
    given = parser.parse_args(arguments)
    if given.n < FEWEST or given.rounds < 1:
        parser.error(f"--n must be at least {FEWEST} and --rounds at least 1")
    store = home if home is not None else STORE
    where = machine()
    plan = {
        "texts": list(sentences()),
        "n": given.n,
        "rounds": given.rounds,
        "encoder": "bundled",
        "cache": str(store / "embeddings"),
    }
    result(figures(measured(plan), given.n, where), as_json=given.json)
    return 0


def sentences() -> Iterator[str]:
    """Real sentences, each once: what the demo shop's articles say and ask, and the labelled conversations."""
    seen: dict[str, None] = {}
    for article in read_articles():
        for texts in texts_of(article):
            seen |= dict.fromkeys(texts)
    for file in sorted(FRUSTRATION.rglob("*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            seen.setdefault(json.loads(line)["text"])
    yield from seen


def measured(plan: Mapping[str, Any]) -> dict[str, Any]:
    """What `kb_index.search_speed` made of a plan. Raises `BenchError` where it failed."""
    say(f"measuring {plan['n']:,} passages in the bot's environment; a million take some minutes to build")
    done = subprocess.run(
        [BOT_PYTHON, "-P", "-m", "kb_index.search_speed"],
        input=json.dumps(plan),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
        cwd=PROJECT_ROOT,
        env={**os.environ, **QUIET},
    )
    if done.returncode != 0:
        raise BenchError(f"the measurement failed with {done.returncode}; what it said is above")
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def figures(found: Mapping[str, Any], n: int, where: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of docs/protocol.md and what explains them."""
    all_ms = [ms for one in found["ms"] for ms in one]
    exact_ms = [ms for one in found["exact_ms"] for ms in one]
    return {
        "bench": "kb",
        "n": n,
        "p50_ms": rounded(percentile(all_ms, 0.5)),
        "p95_ms": rounded(percentile(all_ms, 0.95)),
        "recall_at_10": round(found["recall"], 4),
        "recall_at_10_real": round(found["recall_real"], 4),
        "exact_p50_ms": rounded(percentile(exact_ms, 0.5)),
        "exact_p95_ms": rounded(percentile(exact_ms, 0.95)),
        "build_s": rounded(found["build_s"]),
        "add_one_ms": rounded(percentile(found["add_ms"], 0.5)),
        "add_one_max_ms": rounded(max(found["add_ms"])),
        "mb": rounded(found["index"]["bytes"] / 1e6),
        "index": found["index"],
        "sentences": found["sentences"],
        "noise": rounded(found["distance"]),
        "rounds": len(found["ms"]),
        "spread": {
            "p50_ms": spread([percentile(one, 0.5) for one in found["ms"]]),
            "p95_ms": spread([percentile(one, 0.95) for one in found["ms"]]),
            "exact_p50_ms": spread([percentile(one, 0.5) for one in found["exact_ms"]]),
        },
        "machine": where,
    }
