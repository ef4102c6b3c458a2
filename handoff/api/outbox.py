"""Sending on one socket: bounded memory, no task, events straight from the log past each cursor.

Events are never queued: a reader that does not read keeps its cursor, and the log keeps the events. Only
acks and other small frames wait here, and a socket that lets too many of them wait is dropped (P8).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from handoff.api.connection import Connection
from handoff.api.passes import Passes
from handoff.domain.errors import HandoffError, StorageUnavailable, TooSlow
from handoff.domain.events import Event
from handoff.relay.cursor import Cursor
from handoff.relay.parts import Relay

STORAGE_PAUSE_S: Final = 0.5
"""Between two tries to read a log that cannot be read."""


@dataclass(slots=True)
class _Stream:
    cursor: Cursor
    head: int
    is_live: bool = False
    """The reader has once had everything: what comes from then on is new, not history."""
    is_due: bool = False
    """It stands in the list of those that have something to send."""
    reading: asyncio.Task[None] | None = None


class Outbox:
    """Frames and events on their way to one socket."""

    __slots__ = (
        "_behind",
        "_connection",
        "_dismiss",
        "_frames",
        "_is_enlisted",
        "_passes",
        "_relay",
        "_streams",
    )

    def __init__(
        self, connection: Connection, relay: Relay, passes: Passes, dismiss: Callable[[HandoffError], None]
    ) -> None:
        """`dismiss` ends a socket whose client does not read."""
        self._connection = connection
        self._relay = relay
        self._passes = passes
        self._dismiss = dismiss
        self._frames: list[bytes] = []
        self._streams: dict[str, _Stream] = {}
        self._behind: list[str] = []
        """Conversations of which there is something to send."""
        self._is_enlisted = False

    def put(self, frame: bytes) -> None:
        """Send this frame as soon as possible."""
        if len(self._frames) >= self._relay.limits.send_buffer and not self._make_room():
            self._dismiss(TooSlow("Too many answers wait for you to read them. Reconnect with your cursor."))
            return
        self._frames.append(frame)
        self.wake()

    def put_if_room(self, frame: bytes) -> None:
        """Send this frame unless the reader is behind; for what may be lost."""
        if len(self._frames) < self._relay.limits.send_buffer // 2 or self._make_room():
            self.put(frame)

    def stream(self, conversation_id: str, cursor: Cursor, head: int) -> None:
        """Send the events of a conversation past `cursor`, up to `head` and on from there."""
        stream = self._streams[conversation_id] = _Stream(cursor, head)
        self._due(conversation_id, stream)

    def end_stream(self, conversation_id: str) -> None:
        """Send no more of this conversation."""
        stream = self._streams.pop(conversation_id, None)
        if stream is not None and stream.reading is not None:
            stream.reading.cancel()

    def grown(self, conversation_id: str, head: int) -> None:
        """The conversation has reached `head`."""
        stream = self._streams.get(conversation_id)
        if stream is not None and head > stream.head:
            stream.head = head
            self._due(conversation_id, stream)

    def wake(self) -> None:
        """Send in the next pass."""
        if not self._is_enlisted:
            self._is_enlisted = True
            self._passes.enlist(self._send)

    def flush(self) -> None:
        """Send the frames that wait, now; events stay in the log."""
        frames, self._frames = self._frames, []
        self._connection.send(frames)

    def end(self) -> None:
        """The socket is gone; its objects let go of each other, so that none of them waits for the collector."""
        self._dismiss = _nobody
        for conversation_id in tuple(self._streams):
            self.end_stream(conversation_id)

    # --- the pass -----------------------------------------------------------------------------------------

    def _due(self, conversation_id: str, stream: _Stream) -> None:
        if not stream.is_due:
            stream.is_due = True
            self._behind.append(conversation_id)
            self.wake()

    def _make_room(self) -> bool:
        """Whether the client reads; then what waited is on its way."""
        if self._connection.paused_at is not None:
            return False
        self.flush()
        return True

    def _send(self) -> None:
        self._is_enlisted = False
        # While the client does not read, frames wait here and events in the log; it wakes us when it reads on.
        if self._connection.paused_at is not None:
            return
        frames, self._frames = self._frames, []
        behind, self._behind = self._behind, []
        for conversation_id in behind:
            stream = self._streams.get(conversation_id)
            if stream is not None:
                stream.is_due = False
                frames += self._next_of(conversation_id, stream)
        if frames:
            self._connection.send(frames)

    def _next_of(self, conversation_id: str, stream: _Stream) -> Sequence[bytes]:
        """What is at hand past the stream's cursor; the rest is asked of the log, to come in a later pass."""
        if stream.cursor.seq >= stream.head:
            stream.is_live = True
            return ()
        if stream.reading is not None:
            return ()
        events = self._relay.feed.at_hand(conversation_id, stream.cursor.seq, stream.head)
        if events is None:
            stream.reading = asyncio.create_task(self._read(conversation_id, stream))
            return ()
        return self._frames_for(conversation_id, stream, events)

    async def _read(self, conversation_id: str, stream: _Stream) -> None:
        try:
            events = await self._relay.feed.read(conversation_id, stream.cursor.seq, stream.head)
            if events:
                self.flush()
                self._connection.send(self._frames_for(conversation_id, stream, events))
            else:
                # The head was told by a hint for a commit that this reader's snapshot does not show yet.
                stream.head = stream.cursor.seq
        except StorageUnavailable:
            # The client keeps its socket and what it wrote; the events wait in the log.
            await asyncio.sleep(STORAGE_PAUSE_S)
        finally:
            stream.reading = None
        self._due(conversation_id, stream)

    def _frames_for(self, conversation_id: str, stream: _Stream, events: Sequence[Event]) -> list[bytes]:
        try:
            frames = stream.cursor.frames_for(events)
        except ValueError:
            self._streams.pop(conversation_id)
            self._dismiss(StorageUnavailable("Something failed here. Reconnect with your cursor."))
            raise
        if stream.is_live:
            self._relay.metrics.delivered(self._relay.clock.now_ms() - events[-1].at)
        elif stream.cursor.seq >= stream.head:
            stream.is_live = True
        return frames


def _nobody(_error: HandoffError) -> None:
    """Whom an outbox without a socket could dismiss."""
