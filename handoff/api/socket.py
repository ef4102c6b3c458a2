"""The shell around a session: receives, runs commands in order, sends, and ends cleanly in every case.

`/ws/customer` and `/ws/agent` differ in what they greet with and in what their actions mean; both are
subclasses that fill in `greet` and `act`.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections.abc import Callable
from contextlib import suppress
from typing import Any, ClassVar, Final

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect, WebSocketState
from structlog.contextvars import bind_contextvars

from handoff.api.outbox import Outbox
from handoff.domain.errors import (
    HandoffError,
    HelloTimeout,
    Idle,
    RateLimited,
    ShuttingDown,
    StorageUnavailable,
    TooManySockets,
    TooSlow,
)
from handoff.domain.events import Actor
from handoff.relay.parts import Relay
from handoff.relay.session import Action, Answer, Dismiss, Greet, Run, Session, ack, nack
from handoff.service.metrics import SocketKind
from handoff.wire.encoding import error_body, frame

SUBPROTOCOL: Final = "baton.v1"
RETRY_MS: Final = 1000
CLOSE_GRACE_S: Final = 2.0
FINISH_S: Final = 2.0
"""How long a shutdown waits for the commands that a client has under way."""
POLICY_VIOLATION, GOING_AWAY, TRY_LATER = 1008, 1012, 1013
log = structlog.get_logger(__name__)


class Socket(ABC):
    """One client's connection, from accept to close."""

    kind: ClassVar[SocketKind]

    def __init__(self, socket: WebSocket, relay: Relay, session: Session[Any]) -> None:
        self.socket = socket
        self.relay = relay
        self.session = session
        self.outbox = Outbox(
            socket,
            relay.feed,
            bound=relay.limits.send_buffer,
            send_timeout_s=relay.limits.send_s,
            on_live=lambda at: relay.metrics.delivered(relay.clock.now_ms() - at),
        )
        self._on_end: list[Callable[[], None]] = []
        self._commands: set[asyncio.Task[None]] = set()

    # --- what the two kinds fill in ---------------------------------------------------------------------

    @abstractmethod
    async def greet(self, hello: Greet) -> None:
        """Authenticate and send the welcome. Raises HandoffError to refuse."""

    @abstractmethod
    async def act(self, action: Action) -> None:
        """Carry out an action other than a command or an answer."""

    @abstractmethod
    def actor(self) -> Actor:
        """Who speaks on this socket."""

    @abstractmethod
    def target(self, run: Run) -> str:
        """The conversation a command is for. Raises HandoffError when it is not allowed."""

    @abstractmethod
    async def on_gone(self) -> None:
        """The client is gone; tell those who would wait for it."""

    # --- the life of a socket -----------------------------------------------------------------------------

    async def serve(self) -> None:
        """Run the connection to its end. Never raises what the client caused."""
        bind_contextvars(socket=f"{self.kind}-{secrets.token_hex(6)}")
        await self._accept()
        self.relay.metrics.socket_opened(self.kind)
        try:
            hello = await self._first_frame()
            if hello is None:
                return
            await self.greet(hello)
            await self._converse()
        except WebSocketDisconnect:
            pass
        except HandoffError as refused:
            await self._dismiss(refused)
        except asyncio.CancelledError:
            await self._finish_commands()
            await self._dismiss(ShuttingDown("This server is going down. Reconnect.", retry_ms=RETRY_MS))
        except Exception:
            log.exception("socket_failed", path=self.socket.url.path)
            await self._dismiss(StorageUnavailable("Something failed here. Reconnect with your cursor."))
        finally:
            self.relay.metrics.socket_closed(self.kind)
            for end in self._on_end:
                end()
            await self.on_gone()

    async def refuse(self, error: HandoffError) -> None:
        """Accept the connection only to say why it cannot stay."""
        with suppress(RuntimeError, OSError, WebSocketDisconnect):
            await self._accept()
            await self._dismiss(error)

    def until_end(self, end: Callable[[], None]) -> None:
        """Call `end` when the socket is gone."""
        self._on_end.append(end)

    async def _accept(self) -> None:
        offered = self.socket.scope.get("subprotocols", [])
        await self.socket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)

    async def _finish_commands(self) -> None:
        """Wait for what was taken, and send the answers: the client need not ask again after it reconnects."""
        with suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            async with asyncio.timeout(FINISH_S):
                if self._commands:
                    await asyncio.wait(self._commands)
                await self.outbox.flush()

    async def _first_frame(self) -> Greet | None:
        try:
            async with asyncio.timeout(self.relay.limits.hello_s):
                while True:
                    action = self.session.receive(await self._receive(), self._now_s())
                    if isinstance(action, Greet):
                        return action
                    if isinstance(action, Answer):
                        self._count(action)
                        await self.socket.send_text(action.text)
                    elif isinstance(action, Dismiss):
                        await self._dismiss(action.error)
                        return None
        except TimeoutError:
            raise HelloTimeout("Say hello within ten seconds of connecting.") from None

    async def _converse(self) -> None:
        receiving = asyncio.create_task(self._receive_forever())
        sending = asyncio.create_task(self.outbox.run())
        watching = asyncio.create_task(self.watch_over())
        tasks = (receiving, sending, watching)
        try:
            done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in done:
                task.result()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def watch_over(self) -> None:
        """Runs beside the conversation; raising ends the socket."""
        await asyncio.Event().wait()

    async def _receive_forever(self) -> None:
        while True:
            try:
                async with asyncio.timeout(self.relay.limits.idle_s):
                    data = await self._receive()
            except TimeoutError:
                raise Idle("Nothing was heard for too long. Reconnect with your cursor.") from None
            action = self.session.receive(data, self._now_s())
            match action:
                case Answer(text=text):
                    self._count(action)
                    self.outbox.put(text)
                case Dismiss(error=error):
                    raise error
                case Run():
                    self._begin(action)
                case _:
                    try:
                        await self.act(action)
                    except HandoffError as refused:
                        self.relay.metrics.refused(refused.code)
                        self.outbox.put(frame("error", **error_body(refused)))

    def _begin(self, run: Run) -> None:
        """Start a command. Tasks begin in the order they were made, so commands reach the log in order."""
        try:
            if len(self._commands) >= self.relay.limits.commands_at_once:
                raise RateLimited(
                    "Too many commands are still under way. Send this again.", retry_ms=RETRY_MS
                )
            conversation_id = self.target(run)
        except HandoffError as refused:
            self._nack(run.client_id, refused)
            return
        task = asyncio.create_task(self._execute(run, conversation_id))
        self._commands.add(task)
        task.add_done_callback(self._commands.discard)

    async def _execute(self, run: Run, conversation_id: str) -> None:
        try:
            outcome = await self.relay.conversations.execute(
                conversation_id, self.actor(), run.command, run.client_id
            )
        except HandoffError as refused:
            self._nack(run.client_id, refused)
        else:
            # P1: this line runs only after the commit has returned.
            self.outbox.put(ack(run.client_id, outcome.seq, outcome.events, run.conversation_id))

    def _nack(self, client_id: str, refused: HandoffError) -> None:
        self.relay.metrics.refused(refused.code)
        self.outbox.put(nack(client_id, refused))

    def _count(self, answer: Answer) -> None:
        if answer.refused is not None:
            self.relay.metrics.refused(answer.refused)

    async def _receive(self) -> str | bytes:
        message = await self.socket.receive()
        if message["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(message.get("code", 1005))
        text: str | None = message.get("text")
        if text is not None:
            return text
        data: bytes = message.get("bytes") or b""
        return data

    async def _dismiss(self, error: HandoffError) -> None:
        """Say why, say goodbye, close. A client that is gone or does not read is not waited for."""
        self.relay.metrics.dropped(error.code)
        log.info("socket_dismissed", code=error.code)
        if self.socket.application_state is not WebSocketState.CONNECTED:
            return
        code = POLICY_VIOLATION
        retry_ms: int | None = None
        if isinstance(error, ShuttingDown):
            code, retry_ms = GOING_AWAY, RETRY_MS
        elif isinstance(error, TooSlow | Idle | StorageUnavailable | RateLimited | TooManySockets):
            code, retry_ms = TRY_LATER, int(error.data.get("retry_ms", RETRY_MS))
        with suppress(TimeoutError, RuntimeError, OSError, WebSocketDisconnect):
            async with asyncio.timeout(CLOSE_GRACE_S):
                if not isinstance(error, ShuttingDown):
                    await self.socket.send_text(frame("error", **error_body(error)))
                await self.socket.send_text(frame("bye", code=error.code, retry_ms=retry_ms))
                await self.socket.close(code, reason=error.code)

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()
