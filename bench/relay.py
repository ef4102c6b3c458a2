"""`bench relay`: a customer's words to their `ack` and to the agent, durable, beside a bare `websockets` relay that
stores nothing.

50 conversations, each a customer and the agent who holds it. First every customer keeps 8 messages under way, and
messages that were both acknowledged and received by the agent are counted. Then both relays get half of what each was
found to carry, at times fixed before, and the time from there to the agent is measured. One relay at a time is
measured, in rounds that begin with the other one each.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from bench import product
from bench.agents import add_agents
from bench.database import new_database
from bench.programs import Program, free_port, generated, listens
from bench.relay_load import Outcome, Plan, from_json
from bench.report import machine, percentile, ratio, result, rounded, say, spread
from handoff.settings import PROJECT_ROOT, Settings

STORE: Final = PROJECT_ROOT / ".envs" / "bench"
DATABASE: Final = "BATON_BENCH_DATABASE_URL"
"""The variable that names a PostgreSQL server, by a database on it: another is made beside that for each run."""

PAIRS: Final = 50
IN_FLIGHT: Final = 8
ROUNDS: Final = 5
SECONDS: Final = 5.0


@dataclass
class System:
    """A running relay under measurement; the outcomes are one a round."""

    name: str
    url: str
    program: Program
    agent_tokens: list[str] = field(default_factory=list)
    full: list[Outcome] = field(default_factory=list)
    half: list[Outcome] = field(default_factory=list)

    @property
    def per_s(self) -> float:
        """Messages a second, of the median round."""
        return statistics.median(outcome.per_s for outcome in self.full)

    @property
    def failures(self) -> list[str]:
        return [failure for outcome in (*self.full, *self.half) for failure in outcome.failures]

    def load(self, seconds: float, *, rate: float | None = None, seed: int = 0) -> Outcome:
        """Have a load generator talk. Raises `BenchError` where it could not."""
        pids = list(self.program.usage())
        plan = Plan(self.url, PAIRS, IN_FLIGHT, seconds, rate, self.agent_tokens, pids, seed)
        return from_json(generated("bench.relay_load", json.dumps(asdict(plan))))


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command `bench relay`. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="baton bench relay", description=__doc__)
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument(
        "--rounds", type=int, default=ROUNDS, help=f"rounds of measurement (default {ROUNDS})"
    )
    parser.add_argument(
        "--seconds", type=float, default=SECONDS, help=f"measured seconds of a round (default {SECONDS:.0f})"
    )
    given = parser.parse_args(arguments)
    store = home if home is not None else STORE
    where = machine()
    sqlite = measured(store, None, given.rounds, given.seconds)
    database = os.environ.get(DATABASE)
    postgres = None
    if database:
        say("the same on PostgreSQL")
        postgres = measured(store, database, given.rounds, given.seconds)
    else:
        say(f"PostgreSQL was not measured: {DATABASE} names no server to measure on")
    result(
        {
            "bench": "relay",
            **figures(sqlite),
            "postgres": None if postgres is None else figures(postgres),
            "pairs": PAIRS,
            "in_flight": IN_FLIGHT,
            "rounds": given.rounds,
            "machine": where,
        },
        as_json=given.json,
    )
    return 1 if any(baton.failures for baton, _ in (sqlite, *([postgres] if postgres else []))) else 0


def measured(store: Path, database: str | None, rounds: int, seconds: float) -> tuple[System, System]:
    """Baton and the bare relay after all rounds. Raises `BenchError`."""
    with ExitStack() as stack:
        own = None if database is None else stack.enter_context(new_database(database))
        systems = start(store, own, stack)
        for number in range(rounds):
            for system in _in_turn(systems, number):
                outcome = system.load(seconds)
                system.full.append(outcome)
                say(f"round {number + 1}, full, {system.name:5}: {_words(outcome)}")
        for number in range(rounds):
            for system in _in_turn(systems, number):
                outcome = system.load(seconds, rate=system.per_s / 2, seed=number)
                system.half.append(outcome)
                say(f"round {number + 1}, half, {system.name:5}: {_words(outcome)}")
    return systems


def start(store: Path, database: str | None, stack: ExitStack) -> tuple[System, System]:
    """Start Baton's relay on a new home and the bare relay; `stack` stops them."""
    store.mkdir(parents=True, exist_ok=True)
    # Beside what is kept, not in the system's folder for temporary files: that may be memory, and a commit there free.
    home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="relay-", dir=store)))
    tokens = add_agents(Settings(home=home, database_url=database), PAIRS)
    logs = store / "logs"
    program, url = product.relay(home, logs / "relay.log", database)
    stack.callback(program.stop)
    bare, bare_url = serve_bare(logs / "bare.log")
    stack.callback(bare.stop)
    return System("baton", url, program, tokens), System("bare", bare_url, bare)


def serve_bare(log: Path) -> tuple[Program, str]:
    """Start the bare relay; the program and its address. Raises `BenchError`."""
    port = free_port()
    argv = [sys.executable, "-P", "-m", "bench.bare", str(port)]
    program = Program("the bare relay", argv, cwd=PROJECT_ROOT, log=log)
    program.wait_until(lambda: listens(port), product.READY_LIMIT_S)
    return program, f"http://127.0.0.1:{port}"


def figures(systems: tuple[System, System]) -> dict[str, Any]:
    """The figures of docs/protocol.md and what explains them."""
    baton, bare = systems
    ours, theirs = _half_rate_p99(baton), _half_rate_p99(bare)
    return {
        "baton_msgs_per_s": rounded(baton.per_s),
        "bare_msgs_per_s": rounded(bare.per_s),
        "ratio": ratio(baton.per_s, bare.per_s),
        "half_rate_p99_ms": ours,
        "bare_half_rate_p99_ms": theirs,
        "ratio_half_rate_p99": None if ours is None or theirs is None else ratio(ours, theirs),
        "baton": figures_of(baton),
        "bare": figures_of(bare),
    }


def figures_of(system: System) -> dict[str, Any]:
    """One relay's figures: latencies at full and at half rate, what a message cost, how far the rounds were apart."""
    full_events = [ms for outcome in system.full for ms in outcome.event_ms]
    half_events = [ms for outcome in system.half for ms in outcome.event_ms]
    half_acks = [ms for outcome in system.half for ms in outcome.ack_ms]
    late = [ms for outcome in system.half for ms in outcome.late_ms]
    messages = sum(outcome.messages for outcome in system.full)
    seconds = sum(outcome.seconds for outcome in system.full)
    return {
        "full_p50_ms": _percentile(full_events, 0.5),
        "full_p99_ms": _percentile(full_events, 0.99),
        "half_rate_p50_ms": _percentile(half_events, 0.5),
        "half_rate_ack_p99_ms": _percentile(half_acks, 0.99),
        "half_rate_late_p99_ms": _percentile(late, 0.99),
        "frames_per_msg": rounded(sum(outcome.frames for outcome in system.full) / messages),
        "cpu_us_per_msg": rounded(1e6 * sum(outcome.cpu_s for outcome in system.full) / messages),
        "cpu_share": rounded(sum(outcome.cpu_s for outcome in system.full) / seconds),
        "generator_cpu_share": rounded(sum(outcome.own_cpu_s for outcome in system.full) / seconds),
        "others_cpu_share": rounded(sum(_others_s(outcome) for outcome in system.full) / seconds),
        "messages": messages + sum(outcome.messages for outcome in system.half),
        "failed": len(system.failures),
        "spread": {
            "msgs_per_s": spread([outcome.per_s for outcome in system.full]),
            "half_rate_p99_ms": _spread([ms for ms in _tails(system) if ms is not None]),
        },
    }


def _half_rate_p99(system: System) -> float | None:
    """Of the median round: what else the machine did in one of them is not all rounds' latency.

    None where a round has no latency to show: a relay that let nothing through is not a fast one.
    """
    rounds = _tails(system)
    if None in rounds:
        return None
    return rounded(statistics.median(ms for ms in rounds if ms is not None))


def _tails(system: System) -> list[float | None]:
    return [_percentile(outcome.event_ms, 0.99) for outcome in system.half]


def _spread(values: Sequence[float]) -> dict[str, float] | None:
    return spread(values) if values else None


def _percentile(values: Sequence[float], share: float) -> float | None:
    return rounded(percentile(values, share)) if values else None


def _others_s(outcome: Outcome) -> float:
    """CPU seconds of everything else on the machine: a database's server, and whoever shares the machine."""
    return outcome.busy_s - outcome.cpu_s - outcome.own_cpu_s


def _in_turn(systems: tuple[System, System], number: int) -> Sequence[System]:
    return systems if number % 2 == 0 else systems[::-1]


def _words(outcome: Outcome) -> str:
    return (
        f"{outcome.per_s:7.0f} messages/s, to the agent p50 {_percentile(outcome.event_ms, 0.5)} ms, "
        f"p99 {_percentile(outcome.event_ms, 0.99)} ms"
        + (f", {len(outcome.failures)} failed: {outcome.failures[0]}" if outcome.failures else "")
    )
