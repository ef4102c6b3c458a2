"""A real relay on a real port with a real database, and clients that record what they are told."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import websockets
from websockets.asyncio.client import ClientConnection

from bot.contract import Choice, Decision, Passage, Reply, TurnOutcome, TurnRequest
from handoff.adapters.clock import SystemClock
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.webhook_http import HttpWebhook
from handoff.api.open_sockets import OpenSockets
from handoff.api.running import Running
from handoff.api.server import make_server
from handoff.api.tokens import ConversationTokens
from handoff.bootstrap import make_accounts, make_relay, make_studio, open_database
from handoff.ports import BotFailedError, BotNotReadyError, BotReleaseRefusedError, Clock, EventLog
from handoff.settings import Settings

SIGNING = "a-signing-secret-of-the-tests"
IDENTITY = "an-identity-secret-of-the-tests"
PATIENCE_S = 10.0
_numbers = itertools.count()


class ScriptedBot:
    """A bot in the relay's process that says what the test tells it to; the real one has tests of its own."""

    def __init__(self) -> None:
        self.is_ready = True
        self.requests: list[TurnRequest] = []
        self.loaded: set[str] = set()
        self.unusable: set[str] = set()
        self.takes_up = True
        self.followed: list[tuple[str, int]] = []
        self.answer: Callable[[TurnRequest], Awaitable[TurnOutcome]] = self.echo

    async def echo(self, request: TurnRequest) -> TurnOutcome:
        """Answer with the question."""
        return outcome(request, f"You said: {request.text}")

    async def turn(self, request: TurnRequest, timeout_s: float) -> TurnOutcome:
        """One turn, cut off at its limit as over HTTP."""
        if not self.is_ready:
            raise BotNotReadyError("told so by the test")
        self.requests.append(request)
        if request.release_id in self.unusable:
            raise BotReleaseRefusedError("told so by the test")
        try:
            async with asyncio.timeout(timeout_s):
                return await self.answer(request)
        except TimeoutError:
            raise BotFailedError("too late") from None

    async def ready(self) -> bool:
        """Whether the test says so."""
        return self.is_ready

    async def search(self, query: str, locale: str, limit: int) -> list[dict[str, Any]]:
        """Nothing; searching is the real bot's test."""
        del query, locale, limit
        return []

    async def try_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Nobody tries anything here; what the real bot says has tests of its own."""
        del asked
        raise BotNotReadyError("told so by the test")

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        """As `try_turn`."""
        del article, draft
        raise BotNotReadyError("told so by the test")

    async def embed(self, texts: Sequence[str]) -> tuple[str, list[list[float]]]:
        """As `try_turn`."""
        del texts
        raise BotNotReadyError("told so by the test")

    async def has_loaded(self, release_id: str) -> bool:
        """Whether the test has had it loaded."""
        return release_id in self.loaded

    async def load(self, release_id: str) -> None:
        """Any release but those that the test says cannot be used."""
        if release_id in self.unusable:
            raise BotReleaseRefusedError("told so by the test")
        self.loaded.add(release_id)

    async def follow(self, release_id: str, revision: int) -> bool:
        """As the test says, of what is live."""
        self.followed.append((release_id, revision))
        return self.takes_up


def outcome(request: TurnRequest, text: str, **changes: Any) -> TurnOutcome:
    """A turn's outcome; `changes` replace fields of its decision."""
    decision = Decision(
        kind="answer",
        reason="confident",
        confidence=0.93,
        threshold=0.7,
        passages=(Passage("returns", "How do I return something?", 0.93),),
    )
    choices = (Choice("human", "Talk to a person"),)
    return TurnOutcome(
        request.turn,
        request.release_id or "r1",
        replace(decision, **changes),
        (Reply(text, choices, "returns"),),
    )


class RunningRelay:
    """A relay that serves on `port` until its context ends."""

    def __init__(
        self, settings: Settings, running: Running, bot: ScriptedBot, worker: str, sockets: OpenSockets
    ) -> None:
        self.settings = settings
        self.running = running
        self.relay = running.relay
        self.accounts = running.accounts
        self.bot = bot
        self.worker = worker
        self.sockets = sockets
        self.url = f"http://127.0.0.1:{settings.port}"
        self.ws = f"ws://127.0.0.1:{settings.port}"

    async def customer(self, **opening: Any) -> Customer:
        """A new conversation with its customer connected."""
        customer = Customer(self)
        await customer.open(**opening)
        await customer.connect()
        return customer

    async def agent(self, name: str = "Ada", role: str = "agent") -> Agent:
        """A connected agent with an API token."""
        user, _ = await self.accounts.add_user(name, role, "a-long-enough-password")
        token, _ = await self.accounts.add_token(name, "tests")
        agent = Agent(self, token, user.id)
        await agent.connect()
        return agent


@asynccontextmanager
async def running_relay(
    home: Path,
    *,
    wrap_log: Callable[[EventLog], EventLog] = lambda log: log,
    bot: ScriptedBot | None = None,
    clock: Clock | None = None,
    **settings: Any,
) -> AsyncIterator[RunningRelay]:
    """A relay on a free port with its state in `home`; run it again on the same home for a restart."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    configured = Settings(home=home, port=port, **settings)
    engine = await open_database(configured)
    scripted = bot or ScriptedBot()
    worker = f"relay-{next(_numbers)}"
    time = clock or SystemClock()
    webhook = (
        HttpWebhook(configured.webhook_url, configured.webhook_secret, time)
        if configured.webhook_url
        else None
    )
    relay = make_relay(
        configured,
        engine=engine,
        log=wrap_log(SqlEventLog(engine, worker, 4000)),
        bot=scripted,
        clock=time,
        worker=worker,
        webhook=webhook,
    )
    tokens = ConversationTokens(SIGNING, configured.token_hours * 3600, configured.token_renew_days * 86400)
    accounts = make_accounts(engine, configured)

    async def close() -> None:
        await engine.dispose()
        if webhook is not None:
            await webhook.close()

    running = Running(
        relay, accounts, tokens, IDENTITY, make_studio(engine, configured, relay, scripted), close
    )
    server = make_server(configured, running, home / "no-pages")
    serving = asyncio.create_task(server._serve())
    try:
        await until(lambda: server.started or serving.done())
        await until(lambda: relay.watch.is_ready or not scripted.is_ready)
        yield RunningRelay(configured, running, scripted, worker, server.open_sockets)
    finally:
        server.should_exit = True
        await asyncio.wait_for(serving, 30)


class Client:
    """A socket's client: everything it was sent, in order, and helpers to wait for what should come."""

    path = ""

    def __init__(self, at: RunningRelay) -> None:
        self.at = at
        self.frames: list[dict[str, Any]] = []
        self.connection: ClientConnection | None = None
        self._reading: asyncio.Task[None] | None = None

    async def dial(self, **options: Any) -> None:
        """Open the socket and begin to record."""
        self.connection = await websockets.connect(
            self.at.ws + self.path, subprotocols=[websockets.Subprotocol("baton.v1")], **options
        )
        self._reading = asyncio.create_task(self._read(self.connection))

    async def send(self, type_: str, **fields: Any) -> None:
        """One frame."""
        assert self.connection is not None
        await self.connection.send(json.dumps({"type": type_, **fields}))

    async def raw(self, data: str | bytes) -> None:
        """Anything at all."""
        assert self.connection is not None
        await self.connection.send(data)

    async def close(self) -> None:
        """Hang up."""
        if self.connection is not None:
            await self.connection.close()
        if self._reading is not None:
            await self._reading

    async def closed(self) -> None:
        """Wait until the server has hung up."""
        assert self._reading is not None
        await asyncio.wait_for(asyncio.shield(self._reading), PATIENCE_S)

    async def frame(self, type_: str, **fields: Any) -> dict[str, Any]:
        """The first frame of this type with these fields, which may still have to come."""
        return await until(
            lambda: next(
                (
                    f
                    for f in self.frames
                    if f["type"] == type_ and all(f.get(key) == value for key, value in fields.items())
                ),
                None,
            )
        )

    async def command(self, type_: str, **fields: Any) -> dict[str, Any]:
        """Send a command and return its `ack` or `nack`."""
        client_id = fields.pop("client_id", None) or secrets.token_urlsafe(18)
        seen = len(self.frames)
        await self.send(type_, client_id=client_id, **fields)
        return await until(
            lambda: next(
                (
                    f
                    for f in self.frames[seen:]
                    if f["type"] in ("ack", "nack") and f["client_id"] == client_id
                ),
                None,
            )
        )

    async def _read(self, connection: ClientConnection) -> None:
        with suppress(websockets.ConnectionClosed):
            async for message in connection:
                self.frames.append(json.loads(message))


class Customer(Client):
    """A customer with one conversation."""

    path = "/ws/customer"

    def __init__(self, at: RunningRelay) -> None:
        super().__init__(at)
        self.conversation_id = ""
        self.token = ""

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events it was sent, in the order they came."""
        return [f["event"] for f in self.frames if f["type"] == "event"]

    async def open(self, **opening: Any) -> None:
        """Make the conversation over HTTP."""
        body = {"client_id": secrets.token_urlsafe(18), **opening}
        async with httpx.AsyncClient(base_url=self.at.url) as http:
            answer = await http.post("/api/v1/conversations", json=body)
        answer.raise_for_status()
        self.conversation_id = answer.json()["conversation_id"]
        self.token = answer.json()["token"]

    async def connect(self, after: int = 0) -> dict[str, Any]:
        """Open the socket, say hello, and return the welcome."""
        await self.dial()
        seen = len(self.frames)
        await self.send("hello", token=self.token, after=after)
        return await until(
            lambda: next((f for f in self.frames[seen:] if f["type"] in ("welcome", "error")), None)
        )

    async def say(self, text: str, **fields: Any) -> dict[str, Any]:
        """Say something; its `ack` or `nack`."""
        return await self.command("say", text=text, **fields)

    async def event(self, kind: str, count: int = 1) -> dict[str, Any]:
        """The `count`-th event of this kind, which may still have to come."""
        return await until(
            lambda: next(iter([e for e in self.events if e["kind"] == kind][count - 1 :]), None)
        )


class Agent(Client):
    """An agent who works through an API token."""

    path = "/ws/agent"

    def __init__(self, at: RunningRelay, token: str, agent_id: str) -> None:
        super().__init__(at)
        self.token = token
        self.id = agent_id

    async def connect(self) -> dict[str, Any]:
        """Open the socket, say hello, and return the welcome."""
        await self.dial()
        await self.send("hello", token=self.token)
        return await self.frame("welcome")

    def events(self, conversation_id: str) -> list[dict[str, Any]]:
        """The events it was sent of a conversation, in the order they came."""
        return [
            f["event"]
            for f in self.frames
            if f["type"] == "event" and f["conversation_id"] == conversation_id
        ]

    async def item(self, conversation_id: str, **fields: Any) -> dict[str, Any]:
        """The newest inbox item of a conversation with these fields."""
        return await until(
            lambda: next(
                (
                    f["item"]
                    for f in reversed(self.frames)
                    if f["type"] == "inbox"
                    and f["item"]["conversation_id"] == conversation_id
                    and all(f["item"].get(key) == value for key, value in fields.items())
                ),
                None,
            )
        )

    async def take(self, conversation_id: str) -> dict[str, Any]:
        """Wait for the conversation in the inbox, follow it from its beginning and claim it."""
        await self.item(conversation_id, state="waiting")
        await self.send("subscribe", conversation_id=conversation_id, after=0)
        return await self.command("claim", conversation_id=conversation_id)


async def until(condition: Callable[[], Any], patience_s: float = PATIENCE_S) -> Any:
    """The first truthy value of `condition`. It is looked at often; a test never sleeps for a fixed time."""
    async with asyncio.timeout(patience_s):
        while True:
            value = condition()
            if value:
                return value
            await asyncio.sleep(0.005)
