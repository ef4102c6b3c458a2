"""Customers as a load generator needs them: Baton's socket and Rasa's REST channel, both as lean as they can be.

The client's own work counts against the system it talks to, so Rasa's has the least there is: one kept connection
and a request written by hand.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Iterable
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

import orjson
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

_T = TypeVar("_T")


class TurnFailedError(RuntimeError):
    """A question got no answer. The message says what came instead."""


class Line:
    """A kept HTTP connection that posts JSON and reads JSON."""

    def __init__(self, host: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._host = host
        self._reader = reader
        self._writer = writer
        self.broken = False
        """An answer is still on its way, or something else than one came: the next would be read wrong."""

    @classmethod
    async def connect(cls, url: str) -> Self:
        """Connect to the site at `url`, of which only host and port matter."""
        parts = urlsplit(url)
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        return cls(parts.netloc, reader, writer)

    async def post(self, path: str, body: dict[str, Any]) -> Any:
        """The answer's JSON. Raises `TurnFailedError` for another status than 2xx."""
        content = orjson.dumps(body)
        self.broken = True
        self._writer.write(
            f"POST {path} HTTP/1.1\r\nHost: {self._host}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n".encode()
            + content
        )
        try:
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1")
            status, *fields = head.split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (f.partition(":") for f in fields)}
            answer = await self._reader.readexactly(int(headers["content-length"]))
        except (asyncio.IncompleteReadError, KeyError, ValueError) as failure:
            raise TurnFailedError(f"not an answer: {failure!r}") from failure
        self.broken = False
        if not status.split()[1].startswith("2"):
            raise TurnFailedError(f"{status}: {answer[:200]!r}")
        return orjson.loads(answer)

    @property
    def gone(self) -> bool:
        """Whether the other side has hung up."""
        return self._reader.at_eof()

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


class Conversation(ABC):
    """One customer's conversation. `over`: nothing further can be asked in it."""

    over = False

    @abstractmethod
    async def ask(self, text: str) -> tuple[str, str]:
        """The answer to `text` and its kind. Raises `TurnFailedError`."""

    async def back_to_bot(self) -> None:
        """Take back the handoff that made the conversation `over`. Raises `TurnFailedError`."""
        raise TurnFailedError("this system hands nothing over")

    @abstractmethod
    async def close(self) -> None:
        """End the conversation and hang up."""


class RasaConversation(Conversation):
    """A new sender of the REST channel. The answer is its text."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._sender = secrets.token_urlsafe(16)

    @staticmethod
    async def connect(url: str) -> Line:
        """A connection that any number of conversations use one after the other."""
        return await Line.connect(url)

    async def ask(self, text: str) -> tuple[str, str]:
        replies = await self._line.post("/webhooks/rest/webhook", {"sender": self._sender, "message": text})
        # Where its fallback applies, Rasa has nothing to say; that is a turn too.
        return "\n".join(reply.get("text", "") for reply in replies), "answer" if replies else "none"

    async def close(self) -> None:
        self._line.close()


class BatonConversation(Conversation):
    """A conversation of the relay with its socket. The answer is its article's id."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self.release_id = ""
        """The release that gave the last answer."""

    @classmethod
    async def open(cls, url: str) -> Self:
        """Open a conversation, connect and read past the welcome."""
        line = await Line.connect(url)
        try:
            opened = await line.post("/api/v1/conversations", {"client_id": secrets.token_urlsafe(16)})
        finally:
            line.close()
        parts = urlsplit(url)
        socket = await connect(
            f"ws://{parts.netloc}/ws/customer",
            subprotocols=["baton.v1"],  # type: ignore[list-item]
            compression=None,
            ping_interval=None,
            proxy=None,
        )
        conversation = cls(socket)
        await conversation.send("hello", token=opened["token"], after=0)
        seen = 0
        while seen < opened["seq"]:
            frame = await conversation.receive()
            if frame["type"] == "event":
                seen = frame["event"]["seq"]
        return conversation

    async def ask(self, text: str) -> tuple[str, str]:
        client_id = secrets.token_urlsafe(16)
        await self.send("say", client_id=client_id, text=text)
        turn = 0
        while True:
            frame = await self.receive()
            if frame["type"] == "ack" and frame["client_id"] == client_id:
                turn = frame["seq"]
            elif frame["type"] in {"nack", "error", "bye"}:
                raise TurnFailedError(orjson.dumps(frame).decode())
            elif frame["type"] == "event":
                event = frame["event"]
                if event["kind"] == "handoff.requested":
                    raise TurnFailedError(f"handed over without a word: {event['data']['reason']}")
                if event["kind"] == "system.notice":
                    raise TurnFailedError(f"{event['data']['code']} instead of an answer")
                if event["kind"] == "bot.replied" and turn in {0, event["data"]["turn"]}:
                    kind = event["data"]["kind"]
                    self.release_id = event["data"]["release_id"]
                    self.over = kind == "escalate"
                    return event["data"].get("article_id") or "", kind

    async def back_to_bot(self) -> None:
        await self.send("cancel_handoff", client_id=secrets.token_urlsafe(16))
        while (frame := await self.receive())["type"] != "ack":
            if frame["type"] in {"nack", "error", "bye"}:
                raise TurnFailedError(orjson.dumps(frame).decode())
        self.over = False

    async def close(self) -> None:
        try:
            if self.over:
                await self.send("end", client_id=secrets.token_urlsafe(16))
            await self._socket.close()
        except ConnectionClosed:
            return

    async def send(self, kind: str, **fields: Any) -> None:
        """Send one frame."""
        await self._socket.send(orjson.dumps({"type": kind, **fields}).decode())

    async def receive(self) -> dict[str, Any]:
        """The next frame. Raises `TurnFailedError` where the socket is closed."""
        try:
            frame: dict[str, Any] = orjson.loads(await self._socket.recv())
        except ConnectionClosed as closed:
            raise TurnFailedError(f"the socket was closed: {closed}") from closed
        return frame


async def in_order(waiting: Iterable[Awaitable[_T]], at_once: int) -> list[_T]:
    """Results in the order of `waiting`, `at_once` of them under way at a time."""
    results: dict[int, _T] = {}
    rest = iter(enumerate(waiting))

    async def work() -> None:
        for number, one in rest:
            results[number] = await one

    async with asyncio.TaskGroup() as group:
        for _ in range(at_once):
            group.create_task(work())
    return [results[number] for number in range(len(results))]
