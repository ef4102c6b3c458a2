"""One WebSocket on one TCP connection, without a task of its own: `websockets` speaks the protocol, uvicorn's server
owns the port and the handshake's HTTP.

The handshake goes through the application like every request, so that routes, proxies and middleware are the same for
both; the endpoint then takes the connection over (`take`) and returns. From there on frames are passed to a receiver
in the pass of the loop that read them, and what is sent is one write, however many frames it has: tasks, queues and
locks for each socket cost more time and memory than all that a message needs besides.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, MutableMapping, Sequence
from http import HTTPStatus
from struct import Struct
from typing import Any, Final, Protocol, cast
from urllib.parse import unquote

import structlog
from starlette.websockets import WebSocket
from uvicorn.config import Config
from uvicorn.protocols.utils import get_local_addr, get_remote_addr, is_ssl
from uvicorn.server import ServerState
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import OPEN
from websockets.server import ServerProtocol
from websockets.speedups import apply_mask
from websockets.typing import Subprotocol

SUBPROTOCOL: Final = Subprotocol("baton.v1")
EXTENSION: Final = "baton.connection"
"""Where the endpoint of a WebSocket finds its connection among the scope's extensions."""

CLOSE_GRACE_S: Final = 2.0
"""How long a client has to close after it was told to go; then it is hung up on."""

PING_S: Final = 20.0
"""A client that has said nothing for so long is asked whether it is there; one that is not is hung up on after as
long again: a machine that was switched off tells nobody."""

_WHOLE_TEXT: Final = 0x80 | Opcode.TEXT
_SHORT: Final = 125
"""The longest payload whose size stands in the second byte; one more there says that two bytes follow, two that eight do."""
_MEDIUM: Final = 0xFFFF
_MEDIUM_HEAD: Final = Struct("!BBH")
_LONG_HEAD: Final = Struct("!BBQ")
_MASKED: Final = 0x80
_MASKED_HEAD: Final = 6
"""Bytes before the payload of a client's short frame: two, and the four of its mask."""
_CONTROL: Final = frozenset({Opcode.PING, Opcode.PONG, Opcode.CLOSE})
log = structlog.get_logger(__name__)


class _Protocol(ServerProtocol):
    """The library's, for a client that may or may not name our subprotocol."""

    def select_subprotocol(self, subprotocols: Sequence[Subprotocol]) -> Subprotocol | None:
        return SUBPROTOCOL if SUBPROTOCOL in subprotocols else None


class Receiver(Protocol):
    """What a connection tells whoever took it over, from the event loop. No method may raise."""

    def received(self, data: str | bytes) -> None:
        """A message: text as `str`, binary as `bytes`."""
        ...

    def writable(self) -> None:
        """The client reads again."""
        ...

    def lost(self) -> None:
        """The connection is gone. Called once, last."""
        ...


def text_message(payload: bytes) -> bytes:
    """A text message as one whole frame of a server: unmasked, uncompressed (RFC 6455, 5.2).

    The library makes the same of it, through nine calls; most of what a relay sends is this.
    """
    size = len(payload)
    if size <= _SHORT:
        return bytes((_WHOLE_TEXT, size)) + payload
    if size <= _MEDIUM:
        return _MEDIUM_HEAD.pack(_WHOLE_TEXT, _SHORT + 1, size) + payload
    return _LONG_HEAD.pack(_WHOLE_TEXT, _SHORT + 2, size) + payload


def connection_of(socket: WebSocket) -> Connection:
    """The connection behind a handshake.

    Raises:
        TypeError: the server is not set up with `Connection`.
    """
    connection = socket.scope.get("extensions", {}).get(EXTENSION)
    if not isinstance(connection, Connection):
        raise TypeError("the application's sockets need the server's `ws` to be Connection")
    return connection


class Connection(asyncio.Protocol):
    """Made by uvicorn for each request to upgrade."""

    __slots__ = (
        "_app",
        "_closing",
        "_config",
        "_fragments",
        "_is_text",
        "_protocol",
        "_receiver",
        "_response",
        "_server",
        "_transport",
        "heard_at",
        "paused_at",
        "pinged",
    )

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self._config: Config | None = config
        self._server = server_state
        self._app: dict[str, Any] | None = app_state
        # The server's own log, which is told to be quiet about what clients do.
        self._protocol = _Protocol(max_size=config.ws_max_size, logger=logging.getLogger("uvicorn.error"))
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._response: Response | None = None
        self._receiver: Receiver | None = None
        self._fragments: list[bytes] = []
        self._is_text = True
        self._closing: asyncio.TimerHandle | None = None
        self.heard_at = 0.0
        self.paused_at: float | None = None
        """Since when, in seconds of the loop's clock, the client does not take what is written; None: it does."""
        self.pinged = False

    # --- for the receiver ---------------------------------------------------------------------------------

    def take(self, receiver: Receiver) -> None:
        """Accept the handshake; messages go to `receiver` from now on."""
        assert self._response is not None
        self._receiver = receiver
        self._protocol.send_response(self._response)
        # What only the handshake needed; ten thousand sockets would hold it for nothing.
        self._response = self._config = self._app = None
        self._flush()

    def send(self, texts: Iterable[bytes]) -> None:
        """Send text messages in one write; nothing once the connection is closing."""
        if self._is_open:
            # What the protocol has to say of itself, a pong, goes first.
            self._flush()
            self._transport.write(b"".join(map(text_message, texts)))

    def close(self, code: int, reason: str) -> None:
        """Say goodbye. The client has `CLOSE_GRACE_S` to answer."""
        if self._is_open:
            self._protocol.send_close(code, reason)
            self._flush()
            self._hang_up_soon()

    def pause_reading(self) -> None:
        """Let the client's messages wait in the network."""
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def resume_reading(self) -> None:
        """Go on reading."""
        if not self._transport.is_closing():
            self._transport.resume_reading()

    def keep_alive(self, now: float) -> None:
        """Called again and again: ask a client that is silent whether it is there, hang up on one that is not."""
        silent_s = now - self.heard_at
        if silent_s < PING_S:
            self.pinged = False
        elif silent_s > 2 * PING_S and self.pinged:
            self._transport.abort()
        elif not self.pinged and self._is_open:
            self.pinged = True
            self._protocol.send_ping(b"")
            self._flush()

    # --- for the loop and uvicorn ---------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See `asyncio.Protocol`."""
        self._transport = cast("asyncio.Transport", transport)
        self._server.connections.add(self)  # type: ignore[arg-type]
        self.heard_at = asyncio.get_running_loop().time()

    def data_received(self, data: bytes) -> None:
        """See `asyncio.Protocol`."""
        self.heard_at = asyncio.get_running_loop().time()
        if self._receiver is not None:
            data = self._take_whole_texts(data)
        if data:
            self._protocol.receive_data(data)
            for event in self._protocol.events_received():
                if isinstance(event, Frame):
                    self._take_frame(event)
                else:
                    assert isinstance(event, Request)
                    self._ask(event)
        self._flush()

    def pause_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.paused_at = asyncio.get_running_loop().time()

    def resume_writing(self) -> None:
        """See `asyncio.Protocol`."""
        self.paused_at = None
        if self._receiver is not None:
            self._receiver.writable()

    def connection_lost(self, exc: Exception | None) -> None:
        """See `asyncio.Protocol`."""
        del exc
        self._server.connections.discard(self)
        if self._closing is not None:
            self._closing.cancel()
        # The library's parser holds its protocol, and this holds both: let go of by hand, thousands of sockets that are
        # gone need not wait for the collector.
        self._protocol.parser.close()
        receiver, self._receiver = self._receiver, None
        if receiver is not None:
            receiver.lost()

    def shutdown(self) -> None:
        """Uvicorn's last word, when every receiver has had its time to say goodbye."""
        self._transport.abort()

    # --- frames ---------------------------------------------------------------------------------------------

    def _take_whole_texts(self, data: bytes) -> bytes:
        """Pass on the whole, short text frames that `data` begins with; returns what is left for the library.

        Nearly all that clients send is this. The library is between two frames then, and is not told of them.
        """
        protocol = self._protocol
        if protocol.reader.buffer or protocol.current_size is not None:
            return data
        at, end = 0, len(data)
        while protocol.state is OPEN and at + _MASKED_HEAD <= end and data[at] == _WHOLE_TEXT:
            start = at + _MASKED_HEAD
            size = data[at + 1] - _MASKED
            if size == _SHORT + 1:
                size = int.from_bytes(data[at + 2 : at + 4])
                start += 2
            elif not 0 <= size <= _SHORT:
                break
            stop = start + size
            if stop > end:
                break
            at = stop
            self._is_text = True
            self._pass_on(apply_mask(data[start:stop], data[start - 4 : start]))
        return data[at:]

    def _take_frame(self, frame: Frame) -> None:
        """Pass a whole message on. Control frames were answered by the protocol itself."""
        # What was said before a goodbye counts, also when both came at once and the connection is closing by now.
        if self._receiver is None or frame.opcode in _CONTROL:
            return
        if frame.opcode is not Opcode.CONT:
            self._is_text = frame.opcode is Opcode.TEXT
        if frame.fin and not self._fragments:
            self._pass_on(bytes(frame.data))
            return
        self._fragments.append(bytes(frame.data))
        if frame.fin:
            whole, self._fragments = b"".join(self._fragments), []
            self._pass_on(whole)

    def _pass_on(self, data: bytes) -> None:
        assert self._receiver is not None
        if not self._is_text:
            self._receiver.received(data)
            return
        try:
            text = data.decode()
        except UnicodeDecodeError:
            self._protocol.fail(CloseCode.INVALID_DATA, "text must be UTF-8")
            return
        self._receiver.received(text)

    @property
    def _is_open(self) -> bool:
        # A client that is gone is so for the transport first: it tells us only in a later pass of the loop.
        return self._protocol.state is OPEN and not self._transport.is_closing()

    def _flush(self) -> None:
        chunks = self._protocol.data_to_send()
        if not chunks or self._transport.is_closing():
            return
        # An empty chunk is how the protocol says that the stream ends.
        ends = not chunks[-1]
        self._transport.write(b"".join(chunks))
        if ends:
            self._transport.close()
            self._hang_up_soon()

    def _hang_up_soon(self) -> None:
        if self._closing is None:
            loop = asyncio.get_running_loop()
            self._closing = loop.call_later(CLOSE_GRACE_S, self._transport.abort)

    # --- the handshake --------------------------------------------------------------------------------------

    def _ask(self, request: Request) -> None:
        """Have the application say who takes this connection."""
        self._response = self._protocol.accept(request)
        if self._response.status_code != HTTPStatus.SWITCHING_PROTOCOLS:
            self._protocol.send_response(self._response)
            return
        task = asyncio.get_running_loop().create_task(self._ask_application(request))
        self._server.tasks.add(task)
        task.add_done_callback(self._server.tasks.discard)

    async def _ask_application(self, request: Request) -> None:
        assert self._config is not None
        status = HTTPStatus.INTERNAL_SERVER_ERROR

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: MutableMapping[str, Any]) -> None:
            nonlocal status
            if message["type"] == "websocket.close":
                status = HTTPStatus.FORBIDDEN

        try:
            await self._config.loaded_app(self._scope(request), receive, send)
        except Exception:
            log.exception("handshake_failed")
        if self._receiver is None and not self._transport.is_closing():
            self._protocol.send_response(self._protocol.reject(status, f"{status.phrase}\n"))
            self._flush()

    def _scope(self, request: Request) -> dict[str, Any]:
        assert self._app is not None
        path, _, query = request.path.partition("?")
        return {
            "type": "websocket",
            "asgi": {"version": "3.0", "spec_version": "2.4"},
            "http_version": "1.1",
            "scheme": "wss" if is_ssl(self._transport) else "ws",
            "server": get_local_addr(self._transport),
            "client": get_remote_addr(self._transport),
            "root_path": "",
            "path": unquote(path),
            "raw_path": path.encode("latin-1"),
            "query_string": query.encode("latin-1"),
            "headers": [
                (name.lower().encode("latin-1"), value.encode("latin-1"))
                for name, value in request.headers.raw_items()
            ],
            "subprotocols": [],
            "state": self._app.copy(),
            "extensions": {EXTENSION: self},
        }
