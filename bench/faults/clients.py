"""Clients that survive everything and record what they were told: what a widget and a console do, and no more.

A client reconnects for ever, each time with the `seq` it holds, through whichever address the seed draws. A command
that was not answered is sent again under its `client_id` after each reconnection, in an order the seed draws; a
refusal that says "later" is tried again later, every other refusal is the command's end.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Any, Final

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from bench.faults.history import Ack, History, Reader, Received, Send

LATER: Final = frozenset({"storage_unavailable", "rate_limited", "shutting_down"})
"""Refusals that ask for the same command again."""

ASK_AFTER_S: Final = 5.0
GIVE_UP_AFTER_S: Final = 12.0
"""A socket on which nothing came for so long, in spite of a ping, is taken for dead."""


@dataclass(slots=True)
class View:
    """One conversation as a client sees it, from its events alone."""

    reader: Reader
    state: str = "none"
    holder: str | None = None
    last: int = 0
    answered: set[int] = field(default_factory=set)
    """Turns that the bot has answered."""
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def take(self, event: dict[str, Any]) -> None:
        """One more event."""
        self.reader.events.append(Received(event["seq"], event["prev"], event["id"]))
        self.last = max(self.last, event["seq"])
        match event["kind"]:
            case "conversation.started" | "episode.started" | "handoff.cancelled" | "handoff.expired":
                self.state = "bot"
            case "conversation.returned_to_bot":
                self.state, self.holder = "bot", None
            case "handoff.requested" | "agent.left" | "conversation.transferred":
                self.state, self.holder = "waiting", None
            case "agent.joined":
                self.state, self.holder = "agent", event["actor"]["id"]
            case "conversation.closed":
                self.state, self.holder = "closed", None
            case "bot.replied":
                self.answered.add(event["data"]["turn"])
        self.changed.set()


@dataclass(slots=True)
class _Command:
    conversation_id: str
    frame: str
    answer: asyncio.Future[dict[str, Any]]


def _answer(command: _Command, frame: dict[str, Any]) -> None:
    # Whoever waited may have given up; what was told is in the history all the same.
    if not command.answer.done():
        command.answer.set_result(frame)


class RecordedClient(ABC):
    """One person's program. `run` keeps it connected until `stop`."""

    path = ""

    def __init__(self, sites: Sequence[str], actor: str, rng: Random, history: History) -> None:
        self.actor = actor
        self.troubles: Counter[str] = Counter()
        """Codes of `error` and `bye` frames, `reset` of welcomes, and reconnections."""
        self._sites = sites
        self._rng = rng
        self._history = history
        self._waiting: dict[str, _Command] = {}
        self.socket: ClientConnection | None = None
        self._task: asyncio.Task[None] | None = None
        self._heard_at = 0.0
        self._later: set[asyncio.Task[None]] = set()

    @abstractmethod
    async def greet(self, socket: ClientConnection) -> None:
        """Say hello and whatever has to be said again on a new socket."""

    @abstractmethod
    def view_of(self, conversation_id: str) -> View:
        """The view of the conversation of an event or a command."""

    def start(self) -> None:
        """Connect, and stay connected."""
        self._task = asyncio.create_task(self._stay_connected())

    async def stop(self) -> None:
        """Hang up."""
        for task in self._later:
            task.cancel()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def command(self, conversation_id: str, type_: str, /, **fields: Any) -> dict[str, Any]:
        """The `ack` or the final `nack` of one command, however many sockets it takes."""
        client_id = f"{self._rng.getrandbits(128):032x}"
        body = {"type": type_, "client_id": client_id, **fields}
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        command = _Command(conversation_id, orjson.dumps(body).decode(), answer)
        self._history.sends.append(Send(conversation_id, self.actor, client_id, type_))
        self._waiting[client_id] = command
        await self._send(command)
        return await answer

    # --- the socket ---------------------------------------------------------------------------------------

    async def _stay_connected(self) -> None:
        while True:
            site = self._rng.choice(self._sites)
            with suppress(OSError, WebSocketException, TimeoutError, EOFError):
                socket = await connect(
                    site + self.path,
                    subprotocols=["baton.v1"],  # type: ignore[list-item]
                    compression=None,
                    ping_interval=None,
                    proxy=None,
                    open_timeout=GIVE_UP_AFTER_S,
                    max_size=2**22,
                )
                try:
                    await self._use(socket)
                finally:
                    self.socket = None
                    # The other side may be dead or stalled: no goodbye is waited for.
                    socket.transport.abort()
            self.troubles["reconnections"] += 1
            await asyncio.sleep(self._rng.uniform(0.05, 0.4))

    async def _use(self, socket: ClientConnection) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        watching = asyncio.create_task(self._watch(socket))
        try:
            await self.greet(socket)
            async for message in socket:
                self._heard_at = asyncio.get_running_loop().time()
                frame = orjson.loads(message)
                if frame["type"] == "welcome":
                    await self._resend(socket)
                self.take(frame)
        finally:
            watching.cancel()

    async def _resend(self, socket: ClientConnection) -> None:
        self.socket = socket
        unanswered = list(self._waiting.values())
        self._rng.shuffle(unanswered)
        for command in unanswered:
            await socket.send(command.frame)

    async def _send(self, command: _Command) -> None:
        if self.socket is not None and not command.answer.done():
            with suppress(WebSocketException):
                await self.socket.send(command.frame)

    async def _watch(self, socket: ClientConnection) -> None:
        while True:
            await asyncio.sleep(ASK_AFTER_S / 2)
            silent_s = asyncio.get_running_loop().time() - self._heard_at
            if silent_s > GIVE_UP_AFTER_S:
                self.troubles["given_up"] += 1
                socket.transport.abort()
                return
            if silent_s > ASK_AFTER_S:
                with suppress(WebSocketException):
                    await socket.send('{"type":"ping"}')

    # --- what comes in ------------------------------------------------------------------------------------

    def take(self, frame: dict[str, Any]) -> None:
        """What a frame from the relay changes."""
        match frame["type"]:
            case "event":
                self.view_of(frame.get("conversation_id", "")).take(frame["event"])
            case "ack":
                self._acked(frame)
            case "nack":
                self._refused(frame)
            case "error":
                self.troubles[f"error {frame['error']['code']}"] += 1
            case "bye":
                self.troubles[f"bye {frame['code']}"] += 1
            case "welcome" | "subscribed" if frame.get("reset"):
                self.troubles["resets"] += 1

    def _acked(self, frame: dict[str, Any]) -> None:
        client_id = frame["client_id"]
        conversation_id = frame.get("conversation_id") or self.view_of("").reader.conversation_id
        self._history.acks.append(Ack(conversation_id, self.actor, client_id, frame["seq"], frame["events"]))
        command = self._waiting.pop(client_id, None)
        if command is not None:
            _answer(command, frame)

    def _refused(self, frame: dict[str, Any]) -> None:
        command = self._waiting.get(frame["client_id"])
        if command is None:
            return
        error = frame["error"]
        self.troubles[f"nack {error['code']}"] += 1
        if error["code"] not in LATER:
            del self._waiting[frame["client_id"]]
            _answer(command, frame)
            return
        wait_s = error.get("data", {}).get("retry_ms", 500) / 1000 + self._rng.uniform(0.0, 0.2)
        self.do_later(wait_s, lambda: self._send(command))

    def do_later(self, wait_s: float, what: Callable[[], Awaitable[None]]) -> None:
        """Do it after a while, unless this client has stopped by then."""

        async def wait_and_do() -> None:
            await asyncio.sleep(wait_s)
            with suppress(WebSocketException):
                await what()

        task = asyncio.create_task(wait_and_do())
        self._later.add(task)
        task.add_done_callback(self._later.discard)


class Customer(RecordedClient):
    """A customer with one conversation."""

    path = "/ws/customer"

    def __init__(
        self, sites: Sequence[str], conversation_id: str, token: str, rng: Random, history: History
    ) -> None:
        super().__init__(sites, "customer", rng, history)
        self.view = View(Reader(conversation_id, self.actor))
        history.readers.append(self.view.reader)
        self._token = token

    async def greet(self, socket: ClientConnection) -> None:
        hello = {"type": "hello", "token": self._token, "after": self.view.last}
        await socket.send(orjson.dumps(hello).decode())

    def view_of(self, conversation_id: str) -> View:
        del conversation_id
        return self.view


class Agent(RecordedClient):
    """An agent who follows some conversations from their beginning."""

    path = "/ws/agent"

    def __init__(self, sites: Sequence[str], user_id: str, token: str, rng: Random, history: History) -> None:
        super().__init__(sites, f"agent:{user_id}", rng, history)
        self.id = user_id
        self.views: dict[str, View] = {}
        self._token = token

    def follow(self, conversation_id: str) -> None:
        """Follow a conversation; to be said before `start`."""
        reader = Reader(conversation_id, self.actor)
        self._history.readers.append(reader)
        self.views[conversation_id] = View(reader)

    async def greet(self, socket: ClientConnection) -> None:
        await socket.send(orjson.dumps({"type": "hello", "token": self._token}).decode())
        for conversation_id, view in self.views.items():
            subscribe = {"type": "subscribe", "conversation_id": conversation_id, "after": view.last}
            await socket.send(orjson.dumps(subscribe).decode())

    def take(self, frame: dict[str, Any]) -> None:
        super().take(frame)
        if frame["type"] == "error" and frame["error"]["code"] in LATER and self.socket is not None:
            # A subscription was refused, and the error does not say which: begin anew, each where it stands.
            self.socket.transport.abort()

    def view_of(self, conversation_id: str) -> View:
        return self.views[conversation_id]
