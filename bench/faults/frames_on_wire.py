"""Finding the frames in what a WebSocket client sends, without decoding them: enough to repeat or reorder whole ones."""

from __future__ import annotations

END_OF_HEAD = b"\r\n\r\n"
FIRST_CONTROL_OPCODE = 0x8


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
        buffer = self._buffer
        if not self._is_open:
            end = buffer.find(END_OF_HEAD)
            return None if end < 0 else end + len(END_OF_HEAD)
        if len(buffer) < 2:
            return None
        payload = buffer[1] & 0x7F
        extended = {126: 2, 127: 8}.get(payload, 0)
        if len(buffer) < 2 + extended:
            return None
        if extended:
            payload = int.from_bytes(buffer[2 : 2 + extended], "big")
        masked = 4 if buffer[1] & 0x80 else 0
        length = 2 + extended + masked + payload
        return length if len(buffer) >= length else None


def is_control(frame: bytes) -> bool:
    """Whether this is a close, ping or pong: those belong to the connection, not to the conversation."""
    return frame[0] & 0x0F >= FIRST_CONTROL_OPCODE
