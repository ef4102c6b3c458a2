"""The load generator of many sockets, a process of its own: `python -m bench.sockets_load`, a plan on standard input,
what happened on standard output, both one JSON object.

A few pairs talk at a fixed rate, first alone, then while idle customers are held, each in a conversation of its own.
"""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final

import orjson
import uvloop

from bench.clients import Line, in_order
from bench.programs import resident_bytes
from bench.relay_load import Measured, Pair, bare_pair, claimed_pair, drain, hang_up, ignore, schedule, speak
from bench.wire import Wire

AT_ONCE: Final = 64
PER_ADDRESS: Final = 20_000
"""Sockets from one address of the loopback; Linux gives an address about 28,000 ports to connect from."""

SETTLE_S: Final = 3.0


@dataclass(frozen=True)
class Plan:
    """`sockets` idle customers; `pairs` talk, together `rate` messages a second for `seconds`.

    `url` is the site's root; `agent_tokens` one for each pair, none for the bare server; `pids` the server's processes.
    """

    url: str
    sockets: int
    pairs: int
    rate: float
    seconds: float
    agent_tokens: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """Resident bytes of the server before, with the conversations opened, and with the sockets held.

    `opening_s` is how long the conversations took, None where there are none to open. `held`: how many were still open at the end. Latencies to the agent, in ms, from the time a message was due.
    """

    rss_before: int
    rss_opened: int
    rss_held: int
    held: int
    opening_s: float | None
    connecting_s: float
    alone_ms: list[float]
    held_ms: list[float]
    failures: list[str]


async def run(plan: Plan) -> Outcome:
    """Carry out the plan. Raises `WireError`, `TurnFailedError`, `OSError` where a socket could not be had."""
    pairs = await in_order((_pair(plan, number) for number in range(plan.pairs)), AT_ONCE)
    alone = await _talk(pairs, plan)
    await asyncio.sleep(SETTLE_S)
    before = resident_bytes(plan.pids)
    began = time.perf_counter()
    tokens = await _tokens(plan)
    opening_s = time.perf_counter() - began if plan.agent_tokens else None
    opened = resident_bytes(plan.pids)
    began = time.perf_counter()
    connecting = (
        _idle(plan.url, token, address(number), events=bool(plan.agent_tokens))
        for number, token in enumerate(tokens)
    )
    idle = await in_order(connecting, AT_ONCE)
    connecting_s = time.perf_counter() - began
    await asyncio.sleep(SETTLE_S)
    with_all = resident_bytes(plan.pids)
    held_ms = await _talk(pairs, plan)
    held = sum(wire.closed is None for wire in idle)
    hang_up(pairs, ends=bool(plan.agent_tokens))
    failures = [failure for pair in pairs for failure in pair.failures]
    failures += sorted({f"an idle socket was closed: {wire.closed}" for wire in idle if wire.closed})
    return Outcome(before, opened, with_all, held, opening_s, connecting_s, alone, held_ms, failures)


def address(number: int) -> str:
    """The loopback's address from which the idle customer `number` connects."""
    return f"127.0.0.{2 + number // PER_ADDRESS}"


async def _pair(plan: Plan, number: int) -> Pair:
    if plan.agent_tokens:
        return Pair(*await claimed_pair(plan.url, plan.agent_tokens[number]), ignore)
    return Pair(*await bare_pair(plan.url, number), ignore)


async def _talk(pairs: Sequence[Pair], plan: Plan) -> list[float]:
    start = time.perf_counter()
    await speak(pairs, schedule(plan.rate, plan.seconds, len(pairs), plan.seed), start)
    await drain(pairs)
    measured = Measured(start, time.perf_counter())
    for pair in pairs:
        measured.add(pair)
    return measured.event_ms


async def _tokens(plan: Plan) -> list[str]:
    """What each idle customer says hello with; Baton's have their conversation opened."""
    if not plan.agent_tokens:
        return [f"idle-{number}" for number in range(plan.sockets)]
    lines = await asyncio.gather(*(Line.connect(plan.url) for _ in range(AT_ONCE)))
    try:
        free = list(lines)

        async def opened() -> str:
            line = free.pop()
            made: dict[str, Any] = await line.post(
                "/api/v1/conversations", {"client_id": secrets.token_urlsafe(16)}
            )
            free.append(line)
            return str(made["token"])

        return await in_order((opened() for _ in range(plan.sockets)), AT_ONCE)
    finally:
        for line in lines:
            line.close()


async def _idle(url: str, token: str, source: str, *, events: bool) -> Wire:
    wire = await Wire.connect(url, "/ws/customer", source=source)
    wire.send("hello", token=token, after=0)
    await wire.receive_one("welcome")
    if events:
        await wire.receive_one("event")
    return wire


def as_json(outcome: Outcome) -> str:
    """An outcome as one line."""
    return orjson.dumps(asdict(outcome)).decode()


def from_json(line: str) -> Outcome:
    """The outcome that `as_json` wrote."""
    return Outcome(**json.loads(line))


def main() -> int:
    """Carry out the plan on standard input."""
    # The generator's own pauses would be charged to what it measures.
    gc.disable()
    plan = Plan(**json.loads(sys.stdin.read()))
    sys.stdout.write(as_json(uvloop.run(run(plan))) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
