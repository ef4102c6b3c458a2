"""Sending on one socket: one task, bounded memory, events straight from the log past each cursor.

Events are never queued: a reader that does not read keeps its cursor, and the log keeps the events. Only
acks and other small frames wait here, and a socket that lets too many of them wait is dropped (P8).
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from starlette.websockets import WebSocket

from handoff.domain.errors import StorageUnavailable, TooSlow
from handoff.relay.cursor import Cursor
from handoff.service.feed import Feed

STORAGE_PAUSE_S: Final = 0.5
"""Between two tries to read a log that cannot be read."""


@dataclass(slots=True)
class _Stream:
    cursor: Cursor
    head: int
    is_live: bool = False
    """The reader has once had everything: what comes from then on is new, not history."""


class Outbox:
    """Frames and events on their way to one socket."""

    def __init__(
        self,
        socket: WebSocket,
        feed: Feed,
        *,
        bound: int,
        send_timeout_s: float,
        on_live: Callable[[int], None],
    ) -> None:
        """`on_live` is told the time of the newest event whenever a reader who was up to date is sent some."""
        self._socket = socket
        self._feed = feed
        self._bound = bound
        self._send_timeout_s = send_timeout_s
        self._on_live = on_live
        self._frames: deque[str] = deque()
        self._streams: dict[str, _Stream] = {}
        self._wake = asyncio.Event()
        self._overflowed = False

    def put(self, frame: str) -> None:
        """Send this frame as soon as possible."""
        if len(self._frames) >= self._bound:
            self._overflowed = True
        else:
            self._frames.append(frame)
        self._wake.set()

    def put_if_room(self, frame: str) -> None:
        """Send this frame unless the reader is behind; for what may be lost."""
        if len(self._frames) < self._bound // 2:
            self.put(frame)

    def stream(self, conversation_id: str, cursor: Cursor, head: int) -> None:
        """Send the events of a conversation past `cursor`, up to `head` and on from there."""
        self._streams[conversation_id] = _Stream(cursor, head)
        self._wake.set()

    def end_stream(self, conversation_id: str) -> None:
        """Send no more of this conversation."""
        self._streams.pop(conversation_id, None)

    def grown(self, conversation_id: str, head: int) -> None:
        """The conversation has reached `head`."""
        stream = self._streams.get(conversation_id)
        if stream is not None and head > stream.head:
            stream.head = head
            self._wake.set()

    async def run(self) -> None:
        """Send until cancelled.

        Raises:
            TooSlow: the client does not read; it can resume from its cursor.
        """
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                while await self._send_in_time():
                    pass
            except StorageUnavailable:
                # The client keeps its socket and what it wrote; the events wait in the log. Nobody wakes us for them.
                asyncio.get_running_loop().call_later(STORAGE_PAUSE_S, self._wake.set)

    async def flush(self) -> None:
        """Send the frames that wait, after `run` has ended; events stay in the log. The caller says how long it may take."""
        while self._frames:
            await self._socket.send_text(self._frames.popleft())

    async def _send_in_time(self) -> bool:
        # One clock for a pass, set anew as it goes: one for each frame cost as much as sending it.
        try:
            async with asyncio.timeout(self._send_timeout_s) as patience:
                return await self._send_some(patience)
        except TimeoutError:
            raise TooSlow("You have stopped reading. Reconnect with your cursor.") from None

    async def _send_some(self, patience: asyncio.Timeout) -> bool:
        sent = False
        while self._frames:
            await self._socket.send_text(self._frames.popleft())
            sent = True
        if self._overflowed:
            raise TooSlow("Too many answers wait for you to read them. Reconnect with your cursor.")
        for conversation_id, stream in list(self._streams.items()):
            if stream.cursor.seq >= stream.head:
                stream.is_live = True
                continue
            events = await self._feed.read(conversation_id, stream.cursor.seq, stream.head)
            for frame in stream.cursor.frames_for(events):
                await self._socket.send_text(frame)
            if events and stream.is_live:
                self._on_live(events[-1].at)
            patience.reschedule(asyncio.get_running_loop().time() + self._send_timeout_s)
            if not events:
                # The head was told by a hint for a commit that this reader's snapshot does not show yet.
                stream.head = stream.cursor.seq
            sent = True
        return sent
