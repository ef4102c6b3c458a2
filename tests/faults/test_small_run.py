"""The driver of `bench faults` in small, on every machine: nothing is lost, doubled or out of order under fire.

And the proof that this says something: the same run over a relay with a bug planted from outside is not clean.
"""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import asyncpg  # type: ignore[import-untyped]
import pytest

from bench.faults.checker import Verdict, check
from bench.faults.processes import RELAY, Server, relay
from bench.faults.proxy import Mischief
from bench.faults.run import Parts, Plan, Run, run
from bench.programs import lasting_port
from handoff.settings import Settings

PLANTED: Final = (sys.executable, "-P", "-m", "tests.faults.planted_relay")
SECRET: Final = "a-secret-of-the-tests"
ROUGH: Final = Mischief(
    frames_between_cuts=40.0, stall=0.005, stall_s=(0.01, 0.2), repeat=0.05, overtake=0.05
)


def parts_on_sqlite(folder: Path, argv: tuple[str, ...] = RELAY) -> Parts:
    """One relay on SQLite and one bot that costs nothing."""
    home = folder / "home"
    home.mkdir()
    bot = stand_in_bot(folder)
    return Parts(
        Settings(home=home), home / "baton.db", [relay(0, folder, relay_settings(home, bot), argv)], [bot]
    )


def stand_in_bot(folder: Path) -> Server:
    port = lasting_port()
    argv = [sys.executable, "-P", "-m", "bench.faults.standin_bot", str(port), SECRET]
    return Server("bot", argv, port, log=folder / "bot.log")


def relay_settings(home: Path, bot: Server) -> dict[str, str]:
    return {
        "BATON_HOME": str(home),
        "BATON_BOT_URL": f"http://127.0.0.1:{bot.port}",
        "BATON_BOT_SECRET": SECRET,
        "BATON_MESSAGE_RATE": "2000",
        "BATON_MESSAGE_BURST": "2000",
    }


async def verdict_over(parts: Parts, plan: Plan) -> tuple[Run, Verdict]:
    try:
        await parts.start()
        done = await run(parts, plan)
    finally:
        await parts.stop()
    return done, check(done.history, done.log)


def plan(words: int, customers: int, **changes: object) -> Plan:
    settings = {
        "words": words,
        "customers": customers,
        "agents": 3,
        "seed": 7,
        "mischief": ROUGH,
        "questions": ["Where is my parcel?", "Can I return this?"],
        "limit_s": 90.0,
        "drain_s": 15.0,
    }
    return Plan(**{**settings, **changes})  # type: ignore[arg-type]


def assert_clean(done: Run, verdict: Verdict) -> None:
    assert verdict.is_clean, verdict.examples
    assert done.given_up == []
    assert done.troubles["resets"] == 0


async def test_nothing_is_lost_doubled_or_out_of_order_on_sqlite(tmp_path: Path) -> None:
    parts = parts_on_sqlite(tmp_path)
    done, verdict = await verdict_over(parts, plan(300, 6))
    assert_clean(done, verdict)
    words = {(s.conversation_id, s.actor, s.client_id) for s in done.history.sends if s.type == "say"}
    assert len(words) == 300
    assert words <= {(a.conversation_id, a.actor, a.client_id) for a in done.history.acks}
    # A run in which nothing went wrong would have shown nothing.
    assert {"kill_relay", "kill_relay_unheard", "kill_bot", "cut_all"} <= set(done.done)
    assert parts.kills >= 3
    assert done.counts["cuts"] > 2
    assert done.counts["repeats"] > 2
    assert any(event.kind == "bot.replied" for events in done.log.values() for event in events)


@asynccontextmanager
async def own_database(server_url: str) -> AsyncIterator[str]:
    """A database of its own on the tests' server, gone afterwards."""
    name = f"faults_{os.getpid()}"
    admin = await asyncpg.connect(server_url)
    try:
        await admin.execute(f"CREATE DATABASE {name}")
        try:
            yield f"{server_url.rpartition('/')[0]}/{name}"
        finally:
            await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest.mark.needs_postgres
async def test_two_relays_on_postgresql_lose_nothing_either(tmp_path: Path) -> None:
    async with own_database(os.environ["BATON_TEST_DATABASE_URL"]) as url:
        home = tmp_path / "home"
        home.mkdir()
        bot = stand_in_bot(tmp_path)
        database = url.replace("postgresql://", "postgresql+asyncpg://", 1)
        env = {**relay_settings(home, bot), "BATON_DATABASE_URL": database}
        relays = [relay(number, tmp_path, env) for number in range(2)]
        parts = Parts(Settings(home=home, database_url=database), url, relays, [bot])
        done, verdict = await verdict_over(parts, plan(300, 6))
        assert_clean(done, verdict)
        assert parts.kills >= 3


# --- planted bugs -------------------------------------------------------------------------------------------


async def verdict_with(bug: str, folder: Path, **changes: object) -> Verdict:
    parts = parts_on_sqlite(folder, (*PLANTED, bug))
    # A relay with a bug may leave people waiting for what never comes; they need not wait long to show it.
    settings = {"drain_s": 3.0, "limit_s": 12.0, **changes}
    _, verdict = await verdict_over(parts, plan(240, 6, **settings))
    return verdict


async def test_an_ack_before_the_commit_is_caught(tmp_path: Path) -> None:
    verdict = await verdict_with("ack_before_commit", tmp_path, often=60.0, limit_s=30.0)
    assert verdict.lost > 0, verdict.figures()


async def test_a_lost_hint_that_nothing_makes_up_for_is_caught(tmp_path: Path) -> None:
    verdict = await verdict_with("lost_hint", tmp_path)
    assert verdict.lost > 0, verdict.figures()
    assert any("was not sent" in example for example in verdict.examples)


async def test_a_doubled_append_is_caught(tmp_path: Path) -> None:
    verdict = await verdict_with("doubled_append", tmp_path)
    assert verdict.duplicated > 0, verdict.figures()
    assert any("twice in the log" in example for example in verdict.examples)
