"""The load generator of relays, a process of its own: `python -m bench.relay_load`, a plan on standard input, what
happened on standard output, both one JSON object.

A plan's pairs are a customer and an agent each, in a conversation that the agent has claimed. Without a rate every
customer keeps `in_flight` messages under way. With one, messages leave at times that were fixed before, whatever has
come back by then, and a latency runs from that time: a relay that stalls is charged for all who would have spoken.
"""

from __future__ import annotations

import asyncio
import gc
import json
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from random import Random
from typing import Any, Final

import orjson
import uvloop

from bench.clients import Line
from bench.programs import busy_seconds, cpu_seconds
from bench.wire import Wire, text_frame

WARM_S: Final = 1.5
OPEN_LIMIT_S: Final = 60.0
DRAIN_LIMIT_S: Final = 20.0
DRAIN_LOOK_S: Final = 0.1
OPENED_AT_ONCE: Final = 10
WORDS: Final = "Could you look at my order, please? It should have come on Tuesday."


@dataclass(frozen=True)
class Plan:
    """What to send. `url` is the site's root; `agent_tokens` one for each pair, none for the bare relay.

    `rate`: messages a second over all pairs, None for as many as `in_flight` allows; `pids`: the relay's processes.
    """

    url: str
    pairs: int
    in_flight: int
    seconds: float
    rate: float | None = None
    agent_tokens: list[str] = field(default_factory=list)
    pids: list[int] = field(default_factory=list)
    seed: int = 0


@dataclass(frozen=True)
class Outcome:
    """What the measured seconds came to.

    `messages` were both acknowledged and received by the agent; the latencies, in ms, are theirs. `late_ms`: how long
    after its time the generator sent each, where it had one. `frames` were received, by customers and agents, of every
    type. `cpu_s` is the relay's, `own_cpu_s` the generator's, `busy_s` the whole machine's.
    """

    messages: int
    seconds: float
    ack_ms: list[float]
    event_ms: list[float]
    late_ms: list[float]
    failures: list[str]
    frames: int
    cpu_s: float
    own_cpu_s: float
    busy_s: float

    @property
    def per_s(self) -> float:
        """Messages a second."""
        return self.messages / self.seconds if self.seconds else 0.0


def schedule(rate: float, seconds: float, pairs: int, seed: int) -> list[tuple[float, int]]:
    """When which pair's customer speaks: seconds from the start and the pair's number, in order of time.

    Each customer speaks by itself, so that all of them together are a Poisson process of `rate` a second.
    """
    chance = Random(seed)
    found = []
    at = chance.expovariate(rate)
    while at < seconds:
        found.append((at, chance.randrange(pairs)))
        at += chance.expovariate(rate)
    return found


class Pair:
    """A customer and an agent in one conversation."""

    def __init__(self, customer: Wire, agent: Wire, on_done: Callable[[Pair], None]) -> None:
        self.customer = customer
        self.agent = agent
        self.failures: list[str] = []
        self.frames = 0
        self.sent: list[float] = []
        """When each message left or should have left, in seconds of the clock; its place is its number."""
        self.acked: dict[int, float] = {}
        self.heard: dict[int, float] = {}
        self._on_done = on_done
        self._name = secrets.token_hex(8)
        customer.on_text = self._customer_reads
        agent.on_text = self._agent_reads

    def say(self, at: float) -> None:
        """Send the next message; its time counts from `at`."""
        number = len(self.sent)
        self.sent.append(at)
        say = {"type": "say", "client_id": f"{self._name}-{number}", "text": f"{number} {WORDS}"}
        self.customer.write(text_frame(orjson.dumps(say)))

    @property
    def under_way(self) -> int:
        """Messages that are not both acknowledged and received."""
        return len(self.sent) - len(self.acked.keys() & self.heard.keys())

    def _customer_reads(self, text: bytes) -> None:
        self.frames += 1
        frame = orjson.loads(text)
        kind = frame["type"]
        if kind == "ack":
            number = int(frame["client_id"].rpartition("-")[2])
            self.acked[number] = time.perf_counter()
            if number in self.heard:
                self._on_done(self)
        elif kind in {"nack", "error", "bye"}:
            self.failures.append(text.decode())

    def _agent_reads(self, text: bytes) -> None:
        self.frames += 1
        frame = orjson.loads(text)
        kind = frame["type"]
        if kind == "event":
            event = frame["event"]
            if event["kind"] == "customer.said":
                number = int(event["data"]["text"].partition(" ")[0])
                if number in self.heard:
                    self.failures.append(f"message {number} came twice")
                self.heard[number] = time.perf_counter()
                if number in self.acked:
                    self._on_done(self)
        elif kind in {"nack", "error", "bye"}:
            self.failures.append(text.decode())


class Generator:
    """Carries out a plan."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._pairs: list[Pair] = []
        self._stopping = False

    async def run(self) -> Outcome:
        """The whole plan. Raises `WireError`, `OSError`, `TimeoutError` where the conversations could not be made."""
        async with asyncio.timeout(OPEN_LIMIT_S):
            for first in range(0, self._plan.pairs, OPENED_AT_ONCE):
                numbers = range(first, min(first + OPENED_AT_ONCE, self._plan.pairs))
                self._pairs += await asyncio.gather(*(self._open(number) for number in numbers))
        sending = asyncio.create_task(self._send(time.perf_counter()))
        await asyncio.sleep(WARM_S)
        before = self._look()
        await asyncio.sleep(self._plan.seconds)
        after = self._look()
        self._stopping = True
        late = await sending
        await drain(self._pairs)
        hang_up(self._pairs, ends=bool(self._plan.agent_tokens))
        return self._outcome(before, after, late)

    async def _open(self, number: int) -> Pair:
        tokens = self._plan.agent_tokens
        done = self._refill if self._plan.rate is None else ignore
        if not tokens:
            return Pair(*await bare_pair(self._plan.url, number), done)
        return Pair(*await claimed_pair(self._plan.url, tokens[number]), done)

    def _refill(self, pair: Pair) -> None:
        if not self._stopping:
            pair.say(time.perf_counter())

    async def _send(self, start: float) -> list[tuple[float, float]]:
        """Send everything that does not wait for an answer; when each was due, and how many ms late it left."""
        if self._plan.rate is None:
            for pair in self._pairs:
                for _ in range(self._plan.in_flight):
                    pair.say(time.perf_counter())
            return []
        times = schedule(self._plan.rate, WARM_S + self._plan.seconds, len(self._pairs), self._plan.seed)
        return await speak(self._pairs, times, start)

    def _look(self) -> _Look:
        return _Look(
            time.perf_counter(),
            cpu_seconds(self._plan.pids),
            time.process_time(),
            busy_seconds(),
            sum(pair.frames for pair in self._pairs),
        )

    def _outcome(self, before: _Look, after: _Look, late: list[tuple[float, float]]) -> Outcome:
        measured = Measured(before.at, after.at)
        for pair in self._pairs:
            measured.add(pair)
        return Outcome(
            messages=measured.messages,
            seconds=after.at - before.at,
            ack_ms=measured.ack_ms,
            event_ms=measured.event_ms,
            late_ms=[ms for at, ms in late if before.at <= at < after.at],
            failures=[failure for pair in self._pairs for failure in pair.failures],
            frames=after.frames - before.frames,
            cpu_s=after.cpu_s - before.cpu_s,
            own_cpu_s=after.own_cpu_s - before.own_cpu_s,
            busy_s=after.busy_s - before.busy_s,
        )


@dataclass(frozen=True)
class _Look:
    """The clock, CPU seconds of the relay, the generator and the machine, and frames received, at one moment."""

    at: float
    cpu_s: float
    own_cpu_s: float
    busy_s: float
    frames: int


class Measured:
    """Messages that were completed between two moments, and latencies of those sent between them."""

    def __init__(self, begin: float, end: float) -> None:
        self._begin = begin
        self._end = end
        self.messages = 0
        self.ack_ms: list[float] = []
        self.event_ms: list[float] = []

    def add(self, pair: Pair) -> None:
        """Count a pair's messages; what never arrived becomes a failure of the pair."""
        if pair.under_way:
            pair.failures.append(f"{pair.under_way} of {len(pair.sent)} messages were lost")
        for number, at in enumerate(pair.sent):
            if number not in pair.acked or number not in pair.heard:
                continue
            acked, heard = pair.acked[number], pair.heard[number]
            self.messages += self._begin <= max(acked, heard) < self._end
            if self._begin <= at < self._end:
                self.ack_ms.append((acked - at) * 1000)
                self.event_ms.append((heard - at) * 1000)


def ignore(_pair: Pair) -> None:
    """In an open loop nothing follows from an answer."""


async def speak(
    pairs: Sequence[Pair], times: Sequence[tuple[float, int]], start: float
) -> list[tuple[float, float]]:
    """Have pairs speak at the times of a `schedule` that begins at `start`; when each was due, how many ms late it left."""
    late = []
    for after, number in times:
        at = start + after
        if at > time.perf_counter():
            # uvloop's timers know whole milliseconds.
            await asyncio.sleep(max(at - time.perf_counter(), 0.001))
        pairs[number].say(at)
        late.append((at, (time.perf_counter() - at) * 1000))
    return late


async def drain(pairs: Sequence[Pair]) -> None:
    """Wait until everything under way has arrived, or for `DRAIN_LIMIT_S`."""
    for _ in range(round(DRAIN_LIMIT_S / DRAIN_LOOK_S)):
        if not any(pair.under_way for pair in pairs):
            return
        await asyncio.sleep(DRAIN_LOOK_S)


def hang_up(pairs: Sequence[Pair], *, ends: bool) -> None:
    """Close every socket; with `ends` the conversations are ended first. One that was closed before is a failure."""
    for pair in pairs:
        for wire in (pair.customer, pair.agent):
            if wire.closed is not None:
                pair.failures.append(wire.closed)
        if ends:
            pair.customer.send("end", client_id=secrets.token_urlsafe(16))
        pair.customer.close()
        pair.agent.close()


async def claimed_pair(url: str, agent_token: str, *, source: str | None = None) -> tuple[Wire, Wire]:
    """A customer's and an agent's socket of a new conversation that the agent holds and follows.

    Raises:
        WireError, TurnFailedError, OSError
    """
    opened = await open_conversation(url)
    conversation = opened["conversation_id"]
    customer = await Wire.connect(url, "/ws/customer", source=source)
    customer.send("hello", token=opened["token"], after=0)
    await customer.receive_one("welcome")
    customer.send("request_human", client_id=secrets.token_urlsafe(16))
    await customer.receive_one("ack")
    agent = await Wire.connect(url, "/ws/agent", source=source)
    agent.send("hello", token=agent_token)
    await agent.receive_one("welcome")
    agent.send("claim", conversation_id=conversation, client_id=secrets.token_urlsafe(16))
    claimed = await agent.receive_one("ack")
    agent.send("subscribe", conversation_id=conversation, after=claimed["seq"])
    await agent.receive_one("subscribed")
    return customer, agent


async def open_conversation(url: str) -> Any:
    """A new conversation's id, token and seq. Raises `TurnFailedError`, `OSError`."""
    line = await Line.connect(url)
    try:
        return await line.post("/api/v1/conversations", {"client_id": secrets.token_urlsafe(16)})
    finally:
        line.close()


async def bare_pair(url: str, number: int, *, source: str | None = None) -> tuple[Wire, Wire]:
    """The same of the bare relay, which takes everybody's word. Raises `WireError`, `OSError`."""
    name = f"pair-{number}"
    customer = await Wire.connect(url, "/ws/customer", source=source)
    customer.send("hello", token=name, after=0)
    await customer.receive_one("welcome")
    agent = await Wire.connect(url, "/ws/agent", source=source)
    agent.send("hello", token=name)
    await agent.receive_one("welcome")
    agent.send("subscribe", conversation_id=name, after=0)
    await agent.receive_one("subscribed")
    return customer, agent


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
    sys.stdout.write(as_json(uvloop.run(Generator(plan).run())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
