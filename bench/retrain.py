"""`bench retrain`: one example more in a trained project, until intent model and index both answer with it.

Baton: the article is imported, a release trained and published, until a customer is answered by it. Rasa: `rasa train` on the
same articles with the cache of the training before, as an editor would run it again; loading the model is not counted. Then the
swap under load: questions at a steady rate, a release published among them; how many of those that left after the
publication are late (over three times the median before it) or fail.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import asdict, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

from bench import product
from bench.programs import BenchError, generated
from bench.questions import endless, read_questions
from bench.rasa_project import (
    RASA_INIT,
    RASA_LR,
    Peer,
    digest_of,
    initial_project,
    read_articles,
    train_project,
    write_project,
)
from bench.report import machine, percentile, ratio, result, rounded, say
from bench.retrain_load import Outcome, Plan, from_json
from bench.turn import STORE
from kb_index.article import Article
from kb_index.formats import write_jsonl

RATE: Final = 20.0
BEFORE_S: Final = 20.0
AFTER_S: Final = 20.0
LATE: Final = 3.0
SEED: Final = 77
SWAP_LIMIT_S: Final = 30.0
ADDED: Final = "which of your shops can lend me a pair of snowshoes for the weekend"
"""A way to ask that no article of the demo shop has."""


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench retrain`. Returns the exit code: 1 where a turn failed during the swap."""
    parser = argparse.ArgumentParser(prog="baton bench retrain", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument("--rounds", type=int, default=3, help="trainings of Baton (default 3)")
    parser.add_argument(
        "--peer-rounds", type=int, default=1, help="trainings of each peer, which take minutes (default 1)"
    )
    given = parser.parse_args(arguments)
    store = home if home is not None else STORE
    where = machine()
    articles = read_articles()
    with ExitStack() as stack:
        work = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="baton-bench-")))
        say("training, where nothing is kept from before (Rasa's DIET and TED take some minutes)")
        trained = product.trained_home(store)
        peers = {
            peer.name: _retrain_rasa(peer, articles, store, work, given.peer_rounds)
            for peer in (RASA_INIT, RASA_LR)
        }
        program, url = product.serve(trained, work / "home", store / "logs" / "retrain.log")
        stack.callback(program.stop)
        product.wait_until_ready(program, url)
        rounds = [_round(number, work / "home", url, articles, store) for number in range(given.rounds)]
        result(figures(rounds, peers, where), as_json=given.json)
    return 1 if any(one["failed_turns"] for one in rounds) else 0


def with_example(articles: Sequence[Article], number: int) -> tuple[Article, ...]:
    """The articles, one of them with a way to ask more; another one for each `number`."""
    first, *others = articles
    return replace(first, questions=(*first.questions, f"{ADDED}, number {number}")), *others


def figures(
    rounds: Sequence[dict[str, Any]], peers: dict[str, list[float]], where: dict[str, Any]
) -> dict[str, Any]:
    """The figures of docs/protocol.md and what explains them; those of the swap are summed over the rounds."""
    baton_s = statistics.median(one["train_s"] + one["swap_s"] for one in rounds)
    rasa = {name: statistics.median(seconds) for name, seconds in peers.items()}
    return {
        "bench": "retrain",
        "baton_s": rounded(baton_s),
        "rasa_s": rounded(rasa[RASA_INIT.name]),
        "ratio": ratio(baton_s, rasa[RASA_INIT.name]),
        "rasa_lr_s": rounded(rasa[RASA_LR.name]),
        "ratio_rasa_lr": ratio(baton_s, rasa[RASA_LR.name]),
        "late_turns": sum(one["late_turns"] for one in rounds),
        "failed_turns": sum(one["failed_turns"] for one in rounds),
        "turns_after": sum(one["turns_after"] for one in rounds),
        "late_before": sum(one["late_before"] for one in rounds),
        "rounds": list(rounds),
        "machine": where,
    }


def swap_figures(outcome: Outcome, published_at: float, release_id: str) -> dict[str, Any]:
    """What a publication at `published_at` (Unix time) did to the turns around it.

    Raises:
        BenchError: nobody was answered before it, or nobody by `release_id` after it.
    """
    before = [turn.ms for turn in outcome.turns if turn.at < published_at]
    after = [turn for turn in outcome.turns if turn.at >= published_at]
    by_new = [turn.at + turn.ms / 1000 for turn in after if turn.release_id == release_id]
    if not before or not by_new:
        raise BenchError("the new release answered nobody" if before else "nobody was answered")
    late = LATE * percentile(before, 0.5)
    return {
        "swap_s": rounded(min(by_new) - published_at),
        "p50_before_ms": rounded(percentile(before, 0.5)),
        "p50_after_ms": rounded(percentile([turn.ms for turn in after], 0.5)),
        "slowest_after_ms": rounded(max(turn.ms for turn in after)),
        "turns_after": len(after),
        "late_turns": sum(turn.ms > late for turn in after),
        "late_before": sum(ms > late for ms in before),
        "failed_turns": sum(at >= published_at for at, _ in outcome.failures),
    }


def _round(number: int, home: Path, url: str, articles: Sequence[Article], store: Path) -> dict[str, Any]:
    """Train with one example more, then publish among questions."""
    log = store / "logs" / "retrain-command.log"
    file = home.parent / "content.jsonl"
    write_jsonl(file, list(with_example(articles, number)))
    began = time.monotonic()
    _baton(home, log, "content", "import", str(file))
    release_id = json.loads(_baton(home, log, "train", "--no-fine-tune", "--json"))["release_id"]
    train_s = time.monotonic() - began
    say(f"round {number + 1}: trained in {train_s:.1f} s; publishing among {RATE:.0f} questions a second")
    asked = islice(endless(read_questions(), SEED + number), int(RATE * (BEFORE_S + AFTER_S)))
    plan = Plan(url, RATE, [question.text for question in asked])
    with ThreadPoolExecutor(1) as thread:
        loading = thread.submit(generated, "bench.retrain_load", json.dumps(asdict(plan)))
        # Conversations are opened first; what left before the publication is what it is compared with.
        time.sleep(BEFORE_S)
        published_at = time.time()
        _baton(home, log, "release", "publish", release_id)
        outcome = from_json(loading.result())
    found = swap_figures(outcome, published_at, release_id)
    say(
        f"round {number + 1}: the new release answers after {found['swap_s']} s; {found['late_turns']} late, "
        f"{found['failed_turns']} failed of {found['turns_after']}"
    )
    return {"train_s": rounded(train_s), **found}


def _baton(home: Path, log: Path, *words: str) -> str:
    """Run a command of Baton; the last line that it printed."""
    program = product.command(f"baton {' '.join(words[:2])}", home, words, log)
    try:
        program.wait()
    finally:
        program.stop()
    return log.read_text(encoding="utf-8").strip().splitlines()[-1]


def _retrain_rasa(
    peer: Peer, articles: Sequence[Article], store: Path, work: Path, rounds: int
) -> list[float]:
    """Seconds of `rasa train` with one example more, each time from the cache of the first training."""
    kept = _trained_project(peer, articles, store)
    took = []
    for number in range(rounds):
        project = work / f"{peer.name}-{number}"
        shutil.copytree(kept, project)
        changed = work / f"{peer.name}-{number}-changed"
        write_project(peer, with_example(articles, number), changed, initial_project())
        shutil.copytree(changed, project, dirs_exist_ok=True)
        began = time.monotonic()
        train_project(peer, project, store / f"{peer.name}-retrain.log")
        took.append(time.monotonic() - began)
        say(f"{peer.name}: rasa train with one example more took {took[-1]:.1f} s")
        shutil.rmtree(project)
    return took


def _trained_project(peer: Peer, articles: Sequence[Article], store: Path) -> Path:
    """A project after its first training, with Rasa's cache in it; made unless it is there."""
    with tempfile.TemporaryDirectory(prefix="baton-bench-") as work:
        project = Path(work) / "project"
        write_project(peer, articles, project, initial_project())
        kept = store / f"{peer.name}-project-{digest_of(project)}"
        if not kept.exists():
            train_project(peer, project, store / f"{peer.name}.log")
            shutil.copytree(project, kept.with_suffix(".making"), dirs_exist_ok=True)
            kept.with_suffix(".making").rename(kept)
    return kept
