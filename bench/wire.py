"""A client's end of a WebSocket, as lean as it can be: what the load generator does itself, it takes from the system
that it measures.

Text frames only, in one piece each, as both Baton and `websockets` send them. Pings are answered.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
from collections.abc import Callable
from typing import Any, Final, Self, cast
from urllib.parse import urlsplit

import orjson

TEXT, CLOSE, PING, PONG = 0x1, 0x8, 0x9, 0xA
FINAL: Final = 0x80
MASKED: Final = 0x80
_NO_MASK: Final = bytes(4)
"""A key of zeros is as much work for the server as any other, and none for the client."""


class WireError(RuntimeError):
    """The other side did something that ends the connection, or ended it. The message says what."""


def text_frame(payload: bytes) -> bytes:
    """A text frame as a client sends it."""
    return _frame(TEXT, payload)


def _frame(opcode: int, payload: bytes) -> bytes:
    size = len(payload)
    if size < 126:
        head = bytes((FINAL | opcode, MASKED | size))
    elif size < 65_536:
        head = bytes((FINAL | opcode, MASKED | 126)) + size.to_bytes(2, "big")
    else:
        head = bytes((FINAL | opcode, MASKED | 127)) + size.to_bytes(8, "big")
    return head + _NO_MASK + payload


class Frames:
    """Bytes in, whole frames out."""

    def __init__(self) -> None:
        self._rest = b""

    def take(self, data: bytes) -> list[tuple[int, bytes]]:
        """The frames that `data` completes: opcode and payload. Raises `WireError` for a frame in pieces."""
        if self._rest:
            data = self._rest + data
        found = []
        at, end = 0, len(data)
        while end - at >= 2:
            first, size = data[at], data[at + 1]
            start = at + 2
            if size == 126:
                start = at + 4
                size = int.from_bytes(data[at + 2 : start], "big")
            elif size == 127:
                start = at + 10
                size = int.from_bytes(data[at + 2 : start], "big")
            if start > end or start + size > end:
                break
            if not first & FINAL:
                raise WireError("a frame in pieces")
            at = start + size
            found.append((first & 0x0F, data[start:at]))
        self._rest = data[at:]
        return found


class Wire(asyncio.Protocol):
    """A connection. Text frames go to `on_text`; until that is set they are kept for `receive`."""

    def __init__(self, request: bytes) -> None:
        self._request = request
        self._head: bytes | None = b""
        self._frames = Frames()
        self._kept: asyncio.Queue[bytes | None] = asyncio.Queue()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        """Done when the server has agreed to be a WebSocket; fails with `WireError` where it has not."""
        self._transport: asyncio.Transport | None = None
        self.on_text: Callable[[bytes], None] = self._kept.put_nowait
        self.closed: str | None = None
        """Why nothing comes any more."""

    @classmethod
    async def connect(cls, url: str, path: str, *, source: str | None = None) -> Self:
        """Connect to `path` of the site at `url`, from the address `source`. Raises `WireError`, `OSError`."""
        parts = urlsplit(url)
        key = base64.b64encode(secrets.token_bytes(16)).decode()
        request = (
            f"GET {path} HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            f"Sec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: baton.v1\r\n\r\n"
        ).encode()
        loop = asyncio.get_running_loop()
        _, wire = await loop.create_connection(
            lambda: cls(request),
            parts.hostname or "",
            parts.port or 80,
            local_addr=None if source is None else (source, 0),
        )
        await wire.opened
        return wire

    def send(self, type_: str, **fields: Any) -> None:
        """Send one frame of the protocol."""
        self.write(text_frame(orjson.dumps({"type": type_, **fields})))

    def write(self, frame: bytes) -> None:
        """Send what `text_frame` made. Does nothing where the connection is closed."""
        if self._transport is not None:
            self._transport.write(frame)

    async def receive(self) -> dict[str, Any]:
        """The next frame of the protocol. Raises `WireError` where none comes any more."""
        text = await self._kept.get()
        if text is None:
            raise WireError(f"the socket was closed: {self.closed}")
        frame: dict[str, Any] = orjson.loads(text)
        return frame

    async def receive_one(self, *types: str) -> dict[str, Any]:
        """The next frame of one of these types. Raises `WireError` for a refusal that was not asked for."""
        while True:
            frame = await self.receive()
            if frame["type"] in types:
                return frame
            if frame["type"] in {"nack", "error", "bye"}:
                raise WireError(orjson.dumps(frame).decode())

    def close(self) -> None:
        """Say goodbye and hang up."""
        if self._transport is not None:
            self.write(_frame(CLOSE, (1000).to_bytes(2, "big")))
            self._transport.close()

    # --- what the event loop calls --------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are written like asyncio's and do not inherit from them; both set TCP_NODELAY.
        self._transport = cast("asyncio.Transport", transport)
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        if self._head is not None:
            head, end, rest = (self._head + data).partition(b"\r\n\r\n")
            if not end:
                self._head = head
                return
            self._head = None
            if head.split(b" ", 2)[1] != b"101":
                self._end(f"refused: {head[:200]!r}")
                return
            self.opened.set_result(None)
            data = rest
        try:
            for opcode, payload in self._frames.take(data):
                if opcode == TEXT:
                    self.on_text(payload)
                elif opcode == PING:
                    self.write(_frame(PONG, payload))
                elif opcode == CLOSE:
                    self._end(f"closed with {int.from_bytes(payload[:2], 'big')}")
        except WireError as failure:
            self._end(str(failure))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(f"lost: {exc!r}" if exc else "the other side hung up")

    def _end(self, why: str) -> None:
        if self.closed is not None:
            return
        self.closed = why
        if self._transport is not None:
            self._transport.close()
            self._transport = None
        if not self.opened.done():
            self.opened.set_exception(WireError(why))
        self._kept.put_nowait(None)
