"""Sending what frames.py makes at a running relay's sockets, while somebody who behaves goes on talking."""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import islice
from random import Random
from typing import Any, Final

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.fuzz.frames import Known, Side, draw_messages
from bench.programs import BenchError

AT_ONCE: Final = 12
"""Connections at once."""

PER_CONNECTION: Final = 40
"""Messages sent on one connection; a relay ends it after 20 that nobody can read."""

ANSWER_LIMIT_S: Final = 20.0
HEARD_KEPT: Final = 5
HEARD_CHARACTERS: Final = 200
"""What is told of a connection that nobody answered: its last frames, and how much of each."""

POOL: Final = 10_000
"""Messages drawn at a time of each kind."""

KINDS: Final[tuple[tuple[Side, bool], ...]] = (
    ("customer", True),
    ("agent", True),
    ("customer", False),
    ("agent", False),
)
"""Sides, and whether all messages of a connection are right: one that sends nonsense is soon told to go."""


@dataclass(slots=True)
class Site:
    """A relay with conversations to talk about. `tokens` are the customers', by conversation."""

    ws: str
    tokens: dict[str, str]
    agent_token: str
    control: tuple[str, str]
    """Conversation and token of the customer who behaves."""


@dataclass(slots=True)
class Fuzzed:
    """What came of it."""

    sent: int = 0
    connections: int = 0
    answers: Counter[str] = field(default_factory=Counter)
    """Types of frames and codes of errors that came back."""
    silent: list[str] = field(default_factory=list)
    """Of each connection on which neither the last answer nor a goodbye came in time: what was said on it."""
    probes_ms: list[float] = field(default_factory=list)
    """How long the customer who behaves waited for each `ack`."""


async def fuzz(site: Site, count: int, seed: int, at_quarter: asyncio.Event) -> Fuzzed:
    """Send `count` messages; sets `at_quarter` when a quarter of them are out. Raises `BenchError`."""
    done = Fuzzed()
    known = Known(list(site.tokens))
    stop = asyncio.Event()
    probing = asyncio.create_task(_behave(site, done, stop))
    try:
        number = 0
        while done.sent < count:
            number += 1
            for side, right in KINDS:
                size = min(POOL, max((count - done.sent) // len(KINDS), PER_CONNECTION))
                draw = partial(draw_messages, side, known, size, seed * 1_000_003 + number, right=right)
                messages = iter(await asyncio.to_thread(draw))
                await asyncio.gather(
                    *(
                        _work(site, side, messages, done, Random(f"{seed}:{number}:{w}"))
                        for w in range(AT_ONCE)
                    )
                )
                if probing.done():
                    probing.result()
            if done.sent * 4 >= count:
                at_quarter.set()
    finally:
        stop.set()
        await probing
    return done


async def _work(site: Site, side: Side, messages: Iterator[str | bytes], done: Fuzzed, rng: Random) -> None:
    while batch := list(islice(messages, PER_CONNECTION)):
        done.connections += 1
        said = _Said(side)
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                await _one_connection(site, said, batch, done, rng)
        except TimeoutError:
            done.silent.append(said.told())
        except (OSError, WebSocketException):
            continue


@dataclass(slots=True)
class _Said:
    """What one connection said and heard, for the one that nobody answers."""

    side: Side
    sent: list[str | bytes] = field(default_factory=list)
    heard: deque[str] = field(default_factory=lambda: deque(maxlen=HEARD_KEPT))

    def told(self) -> str:
        """In words: enough to say it again."""
        return f"no answer and no goodbye on a {self.side}'s socket: sent {self.sent!r}, heard last {list(self.heard)!r}"


async def _one_connection(
    site: Site, said: _Said, batch: Sequence[str | bytes], done: Fuzzed, rng: Random
) -> None:
    side = said.side
    socket = await _dial(site, f"/ws/{side}")
    try:
        if rng.random() < 0.95:
            token = rng.choice(list(site.tokens.values())) if side == "customer" else site.agent_token
            said.sent.append("hello")
            await socket.send(json.dumps({"type": "hello", "token": token}))
        # A command that is right in every state, under an id of its own: commands are answered in order, so that its
        # answer says that all before it were dealt with.
        last = secrets.token_urlsafe(16)
        listening = asyncio.create_task(_listen(socket, said, done, last))
        try:
            for message in (*batch, json.dumps(_last_command(site, side, last))):
                said.sent.append(message)
                await socket.send(message if isinstance(message, bytes) else _sendable(message))
                done.sent += 1
        except WebSocketException:
            pass
        # Until that answer, or the goodbye.
        await listening
    finally:
        socket.transport.abort()


def _last_command(site: Site, side: Side, client_id: str) -> dict[str, Any]:
    if side == "customer":
        return {"type": "rate", "client_id": client_id, "metric": "csat", "score": 5}
    return {
        "type": "note",
        "client_id": client_id,
        "conversation_id": next(iter(site.tokens)),
        "text": "the end",
    }


def _sendable(message: str) -> str:
    """Lone surrogates cannot go into a text frame; everything else can."""
    return message.encode(errors="replace").decode()


async def _listen(socket: ClientConnection, said: _Said, done: Fuzzed, last: str) -> None:
    with suppress(WebSocketException):
        async for text in socket:
            frame: dict[str, Any] = json.loads(text)
            said.heard.append(str(text)[:HEARD_CHARACTERS])
            error = frame.get("error")
            done.answers[error["code"] if error else frame["type"]] += 1
            if frame.get("client_id") == last:
                return


async def _dial(site: Site, path: str) -> ClientConnection:
    return await connect(
        site.ws + path,
        subprotocols=["baton.v1"],  # type: ignore[list-item]
        compression=None,
        ping_interval=None,
        proxy=None,
        max_size=2**24,
    )


async def _behave(site: Site, done: Fuzzed, stop: asyncio.Event) -> None:
    """Say something again and again, and be answered. Raises `BenchError` when it is not."""
    socket = await _dial(site, "/ws/customer")
    try:
        await socket.send(json.dumps({"type": "hello", "token": site.control[1], "after": 0}))
        while not stop.is_set():
            client_id = secrets.token_urlsafe(16)
            began = time.perf_counter()
            await socket.send(json.dumps({"type": "say", "client_id": client_id, "text": "Still there?"}))
            async with asyncio.timeout(ANSWER_LIMIT_S):
                while True:
                    frame = json.loads(await socket.recv())
                    if frame.get("client_id") == client_id:
                        break
            if frame["type"] != "ack":
                raise BenchError(f"somebody who behaves was refused: {frame}")
            done.probes_ms.append((time.perf_counter() - began) * 1000)
            with suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), 0.5)
    except (TimeoutError, OSError, WebSocketException) as failure:
        raise BenchError(f"somebody who behaves was let down: {failure!r}") from failure
    finally:
        socket.transport.abort()
