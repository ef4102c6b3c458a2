"""`bench faults`: words between customers, agents and bots while everything fails, and what became of them.

Three relays, two bots, Redis and PostgreSQL of its own, 200 customers and 40 agents, each through proxies that cut,
stall, repeat and reorder. Relays, bots and Redis are killed with SIGKILL, PostgreSQL is restarted in fast and in
immediate mode. Faults are due at numbers of acked words and drawn from the seed, as are the words and what each proxy
does to each of its connections; how these interleave with the processes' own timing is the machine's.

The bots are real ones with the demo shop's release (`--bot standin` where their environment is missing: a process
that keeps the contract of a turn and costs nothing). BATON_BENCH_DATABASE_URL names an empty PostgreSQL database to
use instead of a throw-away server; it is then not restarted.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import uvloop

from bench import product
from bench.faults.checker import Verdict, check
from bench.faults.history import Log
from bench.faults.processes import Postgres, Server, redis, relay
from bench.faults.proxy import Mischief
from bench.faults.run import Parts, Plan, Run
from bench.faults.run import run as run_plan
from bench.faults.talk import ROUND
from bench.programs import BOT_PYTHON, BenchError, lasting_port
from bench.questions import read_questions
from bench.report import machine, result, say
from handoff.settings import PROJECT_ROOT, Settings

STORE: Final = PROJECT_ROOT / ".envs" / "bench"
WORDS: Final = 100_000
CUSTOMERS, AGENTS, RELAYS, BOTS = 200, 40, 3, 2
MISCHIEF: Final = Mischief(frames_between_cuts=150.0, stall=0.002, repeat=0.02, overtake=0.02)
BOT_LIMIT_S: Final = 240.0


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command. Returns the exit code: 1 when anything was lost, doubled or out of order."""
    parser = argparse.ArgumentParser(prog="baton bench faults", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument("--n", type=int, default=WORDS, help=f"words said in all (default {WORDS:,})")
    parser.add_argument("--seed", type=int, default=1, help="decides what goes wrong and when (default 1)")
    parser.add_argument(
        "--bot", choices=("real", "standin"), default="real", help="which bots (default real)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the run's folder with all logs")
    given = parser.parse_args(arguments)
    store = home if home is not None else STORE
    store.mkdir(parents=True, exist_ok=True)
    trained = product.trained_home(store) if given.bot == "real" else None
    folder = Path(tempfile.mkdtemp(prefix="baton-faults-"))
    # PostgreSQL runs as another user and must reach its own folder in this one.
    folder.chmod(0o755)
    where = machine()
    is_kept = given.keep
    try:
        figures = uvloop.run(_measure(folder, given.n, given.seed, trained))
    except BenchError:
        # What went wrong stands in the logs.
        is_kept = True
        raise
    finally:
        if is_kept:
            say(f"everything of this run is in {folder}")
        else:
            shutil.rmtree(folder, ignore_errors=True)
    result({**figures, **where}, as_json=given.json)
    return 0 if _is_clean(figures) else 1


async def _measure(folder: Path, words: int, seed: int, trained: Path | None) -> dict[str, Any]:
    given_url = os.environ.get("BATON_BENCH_DATABASE_URL")
    postgres = None if given_url else Postgres(folder / "postgres")
    if postgres is not None:
        await postgres.start()
    url = given_url or (postgres.url if postgres else "")
    parts = _parts(folder, url, postgres, trained)
    plan = Plan(
        words=words,
        customers=min(CUSTOMERS, max(1, words // ROUND)),
        agents=AGENTS,
        seed=seed,
        mischief=MISCHIEF,
        questions=[question.text for question in read_questions()],
    )
    say(
        f"{words:,} words, seed {seed}: {RELAYS} relays, {BOTS} bots, {plan.customers} customers, {AGENTS} agents"
    )
    try:
        await parts.start()
        began = time.monotonic()
        done = await run_plan(parts, plan)
        seconds = time.monotonic() - began
    finally:
        await parts.stop()
        if postgres is not None:
            await postgres.stop()
    verdict = check(done.history, done.log)
    for line in (*verdict.examples, *done.given_up):
        say(line)
    return {
        **figures_of(done, verdict),
        "kills": parts.kills,
        "postgres_restarts": postgres.restarts if postgres else 0,
        "seconds": round(seconds, 1),
        "seed": seed,
        "bot": "real" if trained else "standin",
    }


def _parts(folder: Path, url: str, postgres: Postgres | None, trained: Path | None) -> Parts:
    home = folder / "home"
    if trained is None:
        home.mkdir()
    else:
        shutil.copytree(trained, home)
    secret = secrets.token_urlsafe(24)
    bus = redis(folder)
    bots = [_bot(number, folder, home, secret, real=trained is not None) for number in range(BOTS)]
    database = url.replace("postgresql://", "postgresql+asyncpg://", 1)
    env = {
        "BATON_HOME": str(home),
        "BATON_DATABASE_URL": database,
        "BATON_REDIS_URL": f"redis://127.0.0.1:{bus.port}/0",
        "BATON_BOT_URL": ",".join(f"http://127.0.0.1:{bot.port}" for bot in bots),
        "BATON_BOT_SECRET": secret,
        # Nobody of these is a flood: an agent here writes in ten conversations as fast as it is answered.
        "BATON_MESSAGE_RATE": "2000",
        "BATON_MESSAGE_BURST": "2000",
    }
    relays = [relay(number, folder, env) for number in range(RELAYS)]
    return Parts(Settings(home=home, database_url=database), url, relays, bots, bus, postgres)


def _bot(number: int, folder: Path, home: Path, secret: str, *, real: bool) -> Server:
    port = lasting_port()
    name = f"bot-{number}"
    log = folder / f"{name}.log"
    if not real:
        argv = [sys.executable, "-P", "-m", "bench.faults.standin_bot", str(port), secret]
        return Server(name, argv, port, log=log)
    argv = [
        str(BOT_PYTHON),
        "-P",
        "-m",
        "bot.serve",
        "--home",
        str(home),
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    ]
    return Server(
        name,
        argv,
        port,
        log=log,
        env={"BATON_BOT_SECRET": secret},
        ready_path="/bot/ready",
        ready_header=f"X-Baton-Secret: {secret}",
        limit_s=BOT_LIMIT_S,
    )


def figures_of(done: Run, verdict: Verdict) -> dict[str, Any]:
    """The figures of the protocol, then what stands behind them."""
    sends, acks = done.history.sends, done.history.acks
    words = {(s.conversation_id, s.actor, s.client_id) for s in sends if s.type == "say"}
    acked = {(a.conversation_id, a.actor, a.client_id) for a in acks}
    said, with_people, turns = shares(done.log)
    return {
        "sent": len(words),
        "acked": len(words & acked),
        **verdict.figures(),
        "cuts": done.counts["cuts"],
        "commands": len(sends),
        "repeated_acks": len(acks) - len(acked),
        "share_with_people": round(with_people / said, 3) if said else 0.0,
        "share_bot_turns": round(turns / said, 3) if said else 0.0,
        "given_up": len(done.given_up),
        "resets": done.troubles["resets"],
        "stalls": done.counts["stalls"],
        "repeats": done.counts["repeats"],
        "overtakes": done.counts["overtakes"],
        "faults": dict(sorted(done.done.items())),
        "troubles": dict(sorted(done.troubles.items())),
    }


def shares(log: Log) -> tuple[int, int, int]:
    """Of all words in the log: how many, how many while an agent held the conversation, how many the bot answered."""
    said = with_people = turns = 0
    for events in log.values():
        held = False
        for event in events:
            if event.kind in ("customer.said", "agent.said"):
                said += 1
                with_people += held
            elif event.kind == "agent.joined":
                held = True
            elif event.kind in (
                "agent.left",
                "conversation.transferred",
                "conversation.returned_to_bot",
                "conversation.closed",
            ):
                held = False
            turns += event.kind == "bot.replied" and event.has_decision
    return said, with_people, turns


def _is_clean(figures: dict[str, Any]) -> bool:
    names = (*Verdict().figures(), "given_up", "resets")
    return not any(figures[name] for name in names)
