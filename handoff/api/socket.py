"""The shell around a session: receives, runs commands in order, sends, and ends cleanly in every case.

`/ws/customer` and `/ws/agent` differ in what they greet with and in what their actions mean; both are
subclasses that fill in `greet` and `act`. A socket has no task while nothing happens on it: messages are handled in
the pass of the loop that read them, commands are handed to the log's writer, which calls back, and only what has to
wait for the storage runs as a task, with the messages behind it waiting in order.
"""

from __future__ import annotations

import asyncio
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Mapping
from enum import Enum, auto
from functools import partial
from typing import Any, ClassVar, Final

import structlog
from structlog.contextvars import bind_contextvars

from handoff.api.connection import Connection
from handoff.api.outbox import STORAGE_PAUSE_S, Outbox
from handoff.api.passes import Passes
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
from handoff.service.conversations import Outcome
from handoff.service.metrics import SocketKind
from handoff.service.waits import Place
from handoff.wire.encoding import error_body, frame

RETRY_MS: Final = 1000
FINISH_S: Final = 2.0
"""How long a shutdown waits for the commands that a client has under way."""
BACKLOG: Final = 64
"""Messages that wait for one before them; with more, the client is not read from."""
POLICY_VIOLATION, GOING_AWAY, TRY_LATER = 1008, 1012, 1013
log = structlog.get_logger(__name__)


class Phase(Enum):
    """A socket's life."""

    NEW = auto()
    """Nobody has said hello."""
    GREETED = auto()
    ENDED = auto()
    """Dismissed or gone: nothing more is heard and nothing said."""


class Socket(ABC):
    """One client's connection, from its handshake to its end."""

    __slots__ = (
        "_about",
        "_acting",
        "_backlog",
        "_commands",
        "_finished",
        "_hello_timer",
        "_is_lost",
        "_leave",
        "_on_end",
        "_phase",
        "_spoke_at",
        "connection",
        "outbox",
        "relay",
        "session",
    )

    kind: ClassVar[SocketKind]

    def __init__(self, connection: Connection, relay: Relay, session: Session[Any], passes: Passes) -> None:
        self.connection = connection
        self.relay = relay
        self.session = session
        self.outbox = Outbox(connection, relay, passes, self.dismiss)
        self._phase = Phase.NEW
        self._acting: asyncio.Task[None] | None = None
        self._backlog: deque[str | bytes] | None = None
        self._commands = 0
        self._finished: asyncio.Future[None] | None = None
        self._on_end: tuple[Callable[[], None], ...] = ()
        self._leave: Callable[[Socket], None] = _nobody
        self._is_lost = False
        self._spoke_at = self._now_s()
        self._hello_timer: asyncio.TimerHandle | None = None
        self._about = {"socket": f"{self.kind}-{secrets.token_hex(6)}"}

    # --- what the two kinds fill in ---------------------------------------------------------------------

    @abstractmethod
    async def greet(self, hello: Greet) -> None:
        """Authenticate and send the welcome. Raises HandoffError to refuse.

        It is called again, after what `until_end` was told has been ended, when the storage could not be read.
        """

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

    def grown(self, conversation_id: str, seq: int) -> None:
        """A conversation that this socket follows has reached `seq`."""
        self.outbox.grown(conversation_id, seq)

    @abstractmethod
    def hear(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        """Somebody types or has read in a conversation that this socket follows."""

    @abstractmethod
    def placed(self, conversation_id: str, place: Place) -> None:
        """A conversation that this socket follows has a new place in the queue."""

    # --- the life of a socket -----------------------------------------------------------------------------

    def open(self, leave: Callable[[Socket], None]) -> None:
        """Accept the connection and listen. `leave` is called when it is gone."""
        self._leave = leave
        self.connection.take(self)
        self.relay.metrics.socket_opened(self.kind)
        self._hello_timer = asyncio.get_running_loop().call_later(self.relay.limits.hello_s, self._no_hello)

    def dismiss(self, error: HandoffError) -> None:
        """Say why, say goodbye, close. A client that is gone or does not read is not waited for."""
        if self._is_over:
            return
        self._phase = Phase.ENDED
        self.relay.metrics.dropped(error.code)
        log.info("socket_dismissed", code=error.code, **self._about)
        code, retry_ms = POLICY_VIOLATION, None
        if isinstance(error, ShuttingDown):
            code, retry_ms = GOING_AWAY, RETRY_MS
        else:
            if isinstance(error, TooSlow | Idle | StorageUnavailable | RateLimited | TooManySockets):
                code, retry_ms = TRY_LATER, int(error.data.get("retry_ms", RETRY_MS))
            self.connection.send([frame("error", **error_body(error))])
        self.outbox.flush()
        self.connection.send([frame("bye", code=error.code, retry_ms=retry_ms)])
        self.connection.close(code, error.code)

    async def shut_down(self) -> None:
        """Wait for what was taken, send the answers, and say goodbye: the client need not ask again."""
        if self._commands and not self._is_over:
            self._finished = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._finished], timeout=FINISH_S)
        self.dismiss(ShuttingDown("This server is going down. Reconnect.", retry_ms=RETRY_MS))

    def look(self, now: float) -> None:
        """Called again and again: end a socket whose client has stopped to read or to speak."""
        if self._is_over:
            return
        paused_at = self.connection.paused_at
        if paused_at is not None and now - paused_at > self.relay.limits.send_s:
            self.dismiss(TooSlow("You have stopped reading. Reconnect with your cursor."))
        elif now - self._spoke_at > self.relay.limits.idle_s:
            self.dismiss(Idle("Nothing was heard for too long. Reconnect with your cursor."))
        else:
            self.connection.keep_alive(now)

    def is_about(self, **names: str) -> None:
        """What this socket's log lines say from now on, in whichever task they are written."""
        self._about.update(names)
        bind_contextvars(**names)

    def until_end(self, end: Callable[[], None]) -> None:
        """Call `end` when the socket is gone."""
        self._on_end = (*self._on_end, end)

    # --- what the connection tells ------------------------------------------------------------------------

    def received(self, data: str | bytes) -> None:
        """See `Receiver.received`."""
        if self._is_over:
            return
        self._spoke_at = self.connection.heard_at
        if self._acting is None:
            self._handle(data)
            return
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append(data)
        if len(self._backlog) >= BACKLOG:
            self.connection.pause_reading()

    def writable(self) -> None:
        """See `Receiver.writable`."""
        self.outbox.wake()

    def lost(self) -> None:
        """See `Receiver.lost`."""
        self._is_lost = True
        self._stop_hello_timer()
        if self._acting is None:
            self._end()
        elif self._is_over:
            self._acting.cancel()
        # Else what was said before is heard to its end first, and then `_acted` ends this.

    def _end(self) -> None:
        self._phase = Phase.ENDED
        self.outbox.end()
        self._end_all()
        self.relay.metrics.socket_closed(self.kind)
        self._leave(self)

    @property
    def _is_acting(self) -> bool:
        return self._acting is not None

    @property
    def _is_over(self) -> bool:
        return self._phase is Phase.ENDED

    # --- messages -----------------------------------------------------------------------------------------

    def _handle(self, data: str | bytes) -> None:
        action = self.session.receive(data, self._spoke_at)
        if isinstance(action, Run):
            self._begin(action)
        elif isinstance(action, Answer):
            if action.refused is not None:
                self.relay.metrics.refused(action.refused)
            self.outbox.put(action.text)
        elif isinstance(action, Dismiss):
            self.dismiss(action.error)
        elif isinstance(action, Greet):
            self._phase = Phase.GREETED
            self._stop_hello_timer()
            self._wait_for(self._greet(action))
        else:
            self._wait_for(self._act(action))

    def _stop_hello_timer(self) -> None:
        if self._hello_timer is not None:
            self._hello_timer.cancel()
            self._hello_timer = None

    def _no_hello(self) -> None:
        self._hello_timer = None
        if self._phase is Phase.NEW:
            self.dismiss(HelloTimeout("Say hello within ten seconds of connecting."))

    def _wait_for(self, waiting: Coroutine[Any, Any, None]) -> None:
        """Run what takes a while; the messages that come meanwhile wait for it."""
        self._acting = asyncio.get_running_loop().create_task(self._under_its_name(waiting))
        self._acting.add_done_callback(self._acted)

    async def _under_its_name(self, waiting: Coroutine[Any, Any, None]) -> None:
        bind_contextvars(**self._about)
        await waiting

    def _acted(self, task: asyncio.Task[None]) -> None:
        self._acting = None
        failure = None if task.cancelled() else task.exception()
        if failure is not None:
            log.error("socket_failed", kind=self.kind, exc_info=failure, **self._about)
            self.dismiss(StorageUnavailable("Something failed here. Reconnect with your cursor."))
        while self._backlog and not self._is_acting and not self._is_over:
            self._handle(self._backlog.popleft())
        if self._is_acting:
            return
        if self._backlog is not None:
            self._backlog = None
            self.connection.resume_reading()
        if self._is_lost:
            self._end()

    async def _greet(self, hello: Greet) -> None:
        while True:
            try:
                await self.greet(hello)
            except StorageUnavailable:
                # Like those who came before: whoever comes while the storage is away keeps the socket.
                self._end_all()
                if self._is_lost:
                    return
                await asyncio.sleep(STORAGE_PAUSE_S)
            except HandoffError as refused:
                self.dismiss(refused)
                return
            else:
                return

    async def _act(self, action: Action) -> None:
        try:
            await self.act(action)
        except HandoffError as refused:
            self.relay.metrics.refused(refused.code)
            self.outbox.put(frame("error", **error_body(refused)))

    # --- commands -----------------------------------------------------------------------------------------

    def _begin(self, run: Run) -> None:
        """Hand a command over. The writer takes commands in the order in which they are handed over."""
        try:
            if self._commands >= self.relay.limits.commands_at_once:
                raise RateLimited(
                    "Too many commands are still under way. Send this again.", retry_ms=RETRY_MS
                )
            conversation_id = self.target(run)
        except HandoffError as refused:
            self._nack(run.client_id, refused)
            return
        self._commands += 1
        self.relay.conversations.submit(
            conversation_id, self.actor(), run.command, run.client_id, partial(self._settle, run)
        )

    def _settle(self, run: Run, outcome: Outcome | HandoffError) -> None:
        self._commands -= 1
        if isinstance(outcome, HandoffError):
            self._nack(run.client_id, outcome)
        else:
            # P1: this line runs only after the commit has returned.
            self.outbox.put(ack(run.client_id, outcome.seq, outcome.events, run.conversation_id))
        if self._finished is not None and not self._commands and not self._finished.done():
            self._finished.set_result(None)

    def _nack(self, client_id: str, refused: HandoffError) -> None:
        self.relay.metrics.refused(refused.code)
        self.outbox.put(nack(client_id, refused))

    def _end_all(self) -> None:
        ends, self._on_end = self._on_end, ()
        for end in ends:
            end()

    @staticmethod
    def _now_s() -> float:
        return asyncio.get_running_loop().time()


def _nobody(_socket: Socket) -> None:
    """Whom a socket that was not opened tells that it is gone."""
