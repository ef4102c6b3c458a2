"""The sockets of this process: admitted, counted, looked after, and told goodbye at a shutdown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import structlog

from handoff.api.admission import Admission
from handoff.api.socket import RETRY_MS, Socket
from handoff.domain.errors import HandoffError, ShuttingDown

GOODBYE_S: Final = 4.0
"""How long all sockets together have to finish their commands and to hear that they are to come back."""
LOOK_S: Final = 1.0
"""Between two looks at every socket: one clock for all of them, since one for each costs more than all they do."""
log = structlog.get_logger(__name__)


class OpenSockets:
    """Every socket is served through here."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._sockets: set[Socket] = set()
        self._leaving: set[asyncio.Task[None]] = set()
        self._none_left = asyncio.Event()
        self._clock: asyncio.TimerHandle | None = None
        self.is_closing = False

    def start(self) -> None:
        """Begin to look after the sockets."""
        self._clock = asyncio.get_running_loop().call_later(LOOK_S, self._look)

    def stop(self) -> None:
        """End."""
        if self._clock is not None:
            self._clock.cancel()

    def __len__(self) -> int:
        """How many are open."""
        return len(self._sockets)

    def __iter__(self) -> Iterator[Socket]:
        """Those that are open."""
        return iter(self._sockets)

    def serve(self, socket: Socket, address: str) -> None:
        """Serve one socket, which comes from `address`, to its end."""
        try:
            if self.is_closing:
                raise ShuttingDown("This server is going down. Reconnect.", retry_ms=RETRY_MS)
            leave = self._admission.enter_address(address)
        except HandoffError as refusal:
            # Accepted only to say why it cannot stay.
            self._open(socket, _nothing)
            socket.dismiss(refusal)
            return
        self._open(socket, leave)

    async def dismiss_all(self) -> None:
        """Let every client's commands finish, tell it to come back, and wait a little for it to hear so."""
        self.is_closing = True
        if not self._sockets and not self._leaving:
            return
        try:
            async with asyncio.timeout(GOODBYE_S):
                await asyncio.gather(*(socket.shut_down() for socket in self._sockets))
                while self._sockets or self._leaving:
                    self._none_left.clear()
                    await self._none_left.wait()
        except TimeoutError:
            log.info("sockets_left", sockets=len(self._sockets))

    def _open(self, socket: Socket, leave: Callable[[], None]) -> None:
        self._sockets.add(socket)
        socket.open(partial(self._gone, leave))

    def _gone(self, leave: Callable[[], None], socket: Socket) -> None:
        leave()
        self._sockets.discard(socket)
        task = asyncio.get_running_loop().create_task(socket.on_gone())
        self._leaving.add(task)
        task.add_done_callback(self._left)

    def _left(self, task: asyncio.Task[None]) -> None:
        self._leaving.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("farewell_failed", exc_info=task.exception())
        if not self._sockets and not self._leaving:
            self._none_left.set()

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        now = loop.time()
        for socket in tuple(self._sockets):
            socket.look(now)
        self._clock = loop.call_later(LOOK_S, self._look)


def _nothing() -> None:
    """What ends the place of a socket that was not given one."""
