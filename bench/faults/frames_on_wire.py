"""Finding the frames in what a WebSocket client sends, enough to repeat or reorder whole ones."""

from __future__ import annotations

END_OF_HEAD = b"\r\n\r\n"
FIRST_CONTROL_OPCODE = 0x8
MASK_BYTES = 4


class FrameSplitter:
    """Cuts a client's byte stream into the HTTP request that opens the socket and then whole frames (RFC 6455, 5.2)."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_open = False

    def feed(self, data: bytes) -> list[bytes]:
        """The parts that `data` completes, in order; put together they are what was fed."""
        self._buffer += data
        parts = []
        while (length := self._next_length()) is not None:
            parts.append(bytes(self._buffer[:length]))
            del self._buffer[:length]
            self._is_open = True
        return parts

    def _next_length(self) -> int | None:
        if not self._is_open:
            end = self._buffer.find(END_OF_HEAD)
            return None if end < 0 else end + len(END_OF_HEAD)
        found = _measure(self._buffer)
        if found is None:
            return None
        start, length = found
        return start + length if len(self._buffer) >= start + length else None


def _measure(frame: bytes | bytearray) -> tuple[int, int] | None:
    """Where a frame's payload starts and how long it is; None while its header is incomplete."""
    if len(frame) < 2:
        return None
    length = frame[1] & 0x7F
    extended = {126: 2, 127: 8}.get(length, 0)
    if len(frame) < 2 + extended:
        return None
    if extended:
        length = int.from_bytes(frame[2 : 2 + extended], "big")
    return 2 + extended + (MASK_BYTES if frame[1] & 0x80 else 0), length


def payload_of(frame: bytes) -> bytes:
    """The payload of a whole, masked frame as its sender wrote it."""
    found = _measure(frame)
    assert found is not None
    start, length = found
    mask = (frame[start - MASK_BYTES : start] * (length // MASK_BYTES + 1))[:length]
    return (int.from_bytes(frame[start:]) ^ int.from_bytes(mask)).to_bytes(length)


def is_control(frame: bytes) -> bool:
    """Whether this is a close, ping or pong: those belong to the connection, not to the conversation."""
    return frame[0] & 0x0F >= FIRST_CONTROL_OPCODE
