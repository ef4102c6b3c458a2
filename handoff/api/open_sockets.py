"""The sockets of this process: admitted, counted, and told goodbye at a shutdown."""

from __future__ import annotations

import asyncio
from typing import Final

from handoff.api.admission import Admission, address_of
from handoff.api.socket import RETRY_MS, Socket
from handoff.domain.errors import HandoffError, ShuttingDown

GOODBYE_S: Final = 4.0
"""How long all sockets together have to finish their commands and to hear that they are to come back."""


class OpenSockets:
    """Every socket is served through here."""

    def __init__(self, admission: Admission) -> None:
        self._admission = admission
        self._tasks: set[asyncio.Task[None]] = set()
        self.is_closing = False

    async def serve(self, socket: Socket) -> None:
        """Serve one socket to its end."""
        task = asyncio.ensure_future(self._admitted(socket))
        self._tasks.add(task)
        try:
            await task
        finally:
            self._tasks.discard(task)

    async def dismiss_all(self) -> None:
        """Let every client's commands finish, tell it to come back, and wait a little for it to hear so."""
        self.is_closing = True
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=GOODBYE_S)

    async def _admitted(self, socket: Socket) -> None:
        try:
            if self.is_closing:
                raise ShuttingDown("This server is going down. Reconnect.", retry_ms=RETRY_MS)
            leave = self._admission.enter_address(address_of(socket.socket))
        except HandoffError as refusal:
            await socket.refuse(refusal)
            return
        try:
            await socket.serve()
        finally:
            leave()
