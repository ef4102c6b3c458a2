"""One reader's place in one conversation: what to send next, so that nothing is missing or twice (P3)."""

from __future__ import annotations

from collections.abc import Sequence

from handoff.domain.events import Event
from handoff.wire.encoding import EventEncoder


class Cursor:
    """Reads past `seq`. `agent_id` None is the customer, who is not shown every event."""

    __slots__ = ("_agent_id", "_encoder", "seq")

    def __init__(self, seq: int, agent_id: str | None, encoder: EventEncoder) -> None:
        self.seq = seq
        self._agent_id = agent_id
        self._encoder = encoder

    def frames_for(self, events: Sequence[Event]) -> list[bytes]:
        """Frames of the events past the cursor that this reader may see; moves the cursor.

        Raises:
            ValueError: the events leave a hole after the cursor. Sending them would hide it from the client.
        """
        frames = []
        for event in events:
            if event.seq <= self.seq:
                continue
            if event.seq != self.seq + 1:
                raise ValueError(f"event {event.seq} does not follow cursor {self.seq}")
            self.seq = event.seq
            if self._agent_id is not None or event.visible_to_customer:
                frames.append(self._encoder.frame(event, self._agent_id))
        return frames
