"""`bench fuzz`: a million frames at a relay's sockets, and requests at its HTTP interface; nothing may break, leak or go wrong.

A relay of its own on SQLite and a bot that costs nothing. Somebody who behaves goes on talking meanwhile. At the end
the relay's log must hold no exception, its memory must be what it was at a quarter of the run, every conversation must
be the fold of its events, no event may be missing or doubled, and HTTP may have answered nothing that `/openapi.json`
does not tell of.
"""

from __future__ import annotations

import argparse
import asyncio
import secrets
import shutil
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import httpx
import uvloop

from bench.faults.checker import check
from bench.faults.database import read_log
from bench.faults.history import History
from bench.faults.processes import Server, relay
from bench.fuzz.http import HttpFuzzed, Keys, fuzz_http, log_in
from bench.fuzz.sockets import Fuzzed, Site, fuzz
from bench.programs import BenchError, free_port
from bench.report import machine, percentile, result, rounded, say
from handoff.adapters.log_sql import SqlEventLog
from handoff.bootstrap import make_accounts, open_database
from handoff.domain.conversation import fold
from handoff.settings import Settings

FRAMES: Final = 1_000_000
REQUESTS: Final = 300
CONVERSATIONS: Final = 100
GROWTH_LIMIT: Final = 1.15
"""Memory at the end over that at a quarter of the run: caches are full by then."""

GROWTH_ALLOWED_MB: Final = 16
"""What a short run may grow by besides, because its caches are not full at a quarter."""

EXCEPTIONS: Final = (
    "Traceback",
    "socket_failed",
    "append_failed",
    "decision_failed",
    "subscriber_failed",
    "request_failed",
    "Task exception",
)
"""What a relay's log says of a defect."""

LOOSE: Final = {
    "BATON_MESSAGE_RATE": "1000000",
    "BATON_MESSAGE_BURST": "1000000",
    "BATON_OPENINGS_PER_MINUTE": "1000000",
}
"""Limits that would keep the frames and bodies from being read at all."""


def run(arguments: Sequence[str], home: Path | None) -> int:
    """The command. Returns the exit code: 1 when anything broke, leaked or went wrong."""
    del home
    parser = argparse.ArgumentParser(prog="baton bench fuzz", description=__doc__.partition("\n")[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object, last, on one line")
    parser.add_argument("--n", type=int, default=FRAMES, help=f"messages sent in all (default {FRAMES:,})")
    parser.add_argument(
        "--http",
        type=int,
        default=REQUESTS,
        help=f"requests drawn for each HTTP operation (default {REQUESTS}, 0: none)",
    )
    parser.add_argument("--seed", type=int, default=1, help="decides what is sent (default 1)")
    given = parser.parse_args(arguments)
    folder = Path(tempfile.mkdtemp(prefix="baton-fuzz-"))
    try:
        figures = uvloop.run(measure(folder, given.n, given.seed, given.http))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    result({**figures, **machine()}, as_json=given.json)
    return 0 if is_clean(figures) else 1


async def measure(folder: Path, count: int, seed: int, requests: int = 0) -> dict[str, Any]:
    """Fuzz a relay of its own in `folder` with `count` frames, then `requests` for each operation; the figures."""
    home = folder / "home"
    home.mkdir()
    bot = _bot(folder)
    env = {
        **LOOSE,
        "BATON_HOME": str(home),
        "BATON_BOT_URL": f"http://127.0.0.1:{bot.port}",
        "BATON_BOT_SECRET": "fuzz",
    }
    server = relay(0, folder, env)
    try:
        await bot.start()
        await server.start()
        site, keys = await _site(Settings(home=home), server.port)
        at_quarter = asyncio.Event()
        warm = asyncio.create_task(_memory_then(at_quarter, server))
        began = time.monotonic()
        done = await fuzz(site, count, seed, at_quarter)
        seconds = time.monotonic() - began
        at_quarter.set()
        memory = (await warm, _memory_mb(server.pid))
        asked = await _ask(server.port, requests, seed, folder, keys) if requests else []
        log = server.log.read_text(encoding="utf-8", errors="replace")
    finally:
        await server.stop()
        await bot.stop()
    wrong = await _wrong_states(home)
    verdict = check(History(), await read_log(home / "baton.db"))
    faults = [line for line in log.splitlines() if any(word in line for word in EXCEPTIONS)]
    told = [answers.told for answers in asked if answers.failures]
    for line in (*faults[:20], *wrong[:20], *verdict.examples, *done.silent[:5], *told):
        say(line)
    return {
        **_counts(done, seconds),
        "exceptions": len(faults),
        "wrong_states": len(wrong),
        "log_faults": sum(verdict.figures().values()),
        "http_requests": sum(answers.requests for answers in asked),
        "http_failures": sum(answers.failures for answers in asked),
        "rss_mb_at_quarter": rounded(memory[0]),
        "rss_mb_at_end": rounded(memory[1]),
        "growth": rounded(memory[1] / memory[0]),
        "seed": seed,
    }


def is_clean(figures: dict[str, Any]) -> bool:
    """Whether nothing broke, leaked or went wrong."""
    grown = figures["rss_mb_at_end"] - figures["rss_mb_at_quarter"]
    flat = figures["growth"] <= GROWTH_LIMIT or grown <= GROWTH_ALLOWED_MB
    return flat and not any(
        figures[name] for name in ("exceptions", "wrong_states", "log_faults", "unanswered", "http_failures")
    )


def _counts(done: Fuzzed, seconds: float) -> dict[str, Any]:
    return {
        "sent": done.sent,
        "connections": done.connections,
        "answers": dict(done.answers.most_common()),
        "unanswered": len(done.silent),
        "probes": len(done.probes_ms),
        "probe_p99_ms": rounded(percentile(done.probes_ms, 0.99)) if done.probes_ms else None,
        "seconds": round(seconds, 1),
    }


async def _memory_then(moment: asyncio.Event, server: Server) -> float:
    await moment.wait()
    return _memory_mb(server.pid)


def _memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise BenchError("the relay is gone")


def _bot(folder: Path) -> Server:
    port = free_port()
    argv = [sys.executable, "-P", "-m", "bench.faults.standin_bot", str(port), "fuzz"]
    return Server("bot", argv, port, log=folder / "bot.log")


async def _ask(port: int, requests: int, seed: int, folder: Path, keys: Keys) -> list[HttpFuzzed]:
    """Requests of a stranger, then of somebody who may do everything."""
    asked = []
    for name, held in (("stranger", None), ("known", keys)):
        own = folder / name
        own.mkdir()
        asked.append(await fuzz_http(f"http://127.0.0.1:{port}", requests, seed, own, held))
    return asked


async def _site(settings: Settings, port: int) -> tuple[Site, Keys]:
    engine = await open_database(settings)
    password = secrets.token_urlsafe(16)
    try:
        accounts = make_accounts(engine, settings)
        # A supervisor, who may do all that an agent's frames can ask for.
        user, _ = await accounts.add_user("Fuzz", "supervisor", password)
        agent_token, _ = await accounts.add_token(user.name, "fuzz")
    finally:
        await engine.dispose()
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=30.0, trust_env=False) as http:
        opened = []
        for _ in range(CONVERSATIONS + 1):
            answer = await http.post("/api/v1/conversations", json={"client_id": secrets.token_urlsafe(16)})
            opened.append((answer.json()["conversation_id"], answer.json()["token"]))
        sessions = [await log_in(http, user.name, password) for _ in range(2)]
    keys = Keys(*opened[1], agent_token, *sessions)
    return Site(f"ws://127.0.0.1:{port}", dict(opened[1:]), agent_token, opened[0]), keys


async def _wrong_states(home: Path) -> list[str]:
    """Conversations whose stored state is not what their events amount to."""
    settings = Settings(home=home)
    engine = await open_database(settings)
    wrong = []
    try:
        log = SqlEventLog(engine, "fuzz", 4000)
        for conversation_id in await read_log(home / "baton.db"):
            head = await log.head(conversation_id)
            events = await log.read(conversation_id, 0, 10_000_000)
            if head is None or fold(conversation_id, events) != head.state:
                wrong.append(f"{conversation_id} is not the fold of its {len(events)} events")
    finally:
        await engine.dispose()
    return wrong
