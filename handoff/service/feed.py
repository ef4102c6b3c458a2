"""Reading the log for many readers: what is at hand is not asked of the database again.

The feed keeps the newest events of the conversations this process has appended to or read. It is a cache of
an append-only log, so an entry never goes stale; it can only be too short, and then the log is asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass

from handoff.domain.events import AgentNoted, AgentSaid, BotReplied, CustomerSaid, Event
from handoff.ports import EventLog, Head

CONVERSATIONS_AT_HAND = 4096
EVENTS_AT_HAND = 64
"""Of one conversation."""
BYTES_AT_HAND = 32 * 1024 * 1024
"""Of all conversations' events: some 45,000 usual ones. Counted in bytes, because the same 4,000 characters take up to
eight times as much in one script as in another."""
BYTES_OF_AN_EVENT = 600
"""Besides its text: the objects that an event is made of."""
PAGE = 500
_WORDS = (CustomerSaid, AgentSaid, AgentNoted, BotReplied)


@dataclass(slots=True)
class _Tail:
    """The newest events of a conversation, in order, and about how many bytes they take."""

    events: list[Event]
    bytes_: int

    def grow(self, appended: Sequence[Event]) -> None:
        """Add events, and forget the oldest over `EVENTS_AT_HAND`."""
        self.events += appended
        self.bytes_ += sum(map(_bytes_of, appended))
        over = len(self.events) - EVENTS_AT_HAND
        if over > 0:
            self.bytes_ -= sum(map(_bytes_of, self.events[:over]))
            del self.events[:over]


class Feed:
    """Events of conversations, from memory where it reaches, from the log elsewhere."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._tails: OrderedDict[str, _Tail] = OrderedDict()
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._bytes = 0
        """What all tails take."""

    def remember(self, head: Head, appended: Sequence[Event]) -> None:
        """Events that were just committed, and what they made of the conversation."""
        conversation_id = head.state.id
        known = self._heads.get(conversation_id)
        if known is not None and known.state.seq > head.state.seq:
            return
        self._heads[conversation_id] = head
        self._heads.move_to_end(conversation_id)
        if len(self._heads) > CONVERSATIONS_AT_HAND:
            self._heads.popitem(last=False)
        if not appended:
            return
        tail = self._tails.pop(conversation_id, None)
        if tail is not None:
            self._bytes -= tail.bytes_
        if tail is None or tail.events[-1].seq + 1 != appended[0].seq:
            tail = _Tail([], 0)
        tail.grow(appended)
        self._tails[conversation_id] = tail
        self._bytes += tail.bytes_
        while self._bytes > BYTES_AT_HAND or len(self._tails) > CONVERSATIONS_AT_HAND:
            self._bytes -= self._tails.popitem(last=False)[1].bytes_

    async def head(self, conversation_id: str, at_least: int = 0) -> Head | None:
        """The newest state known here that has reached `at_least`, else the log's."""
        known = self._heads.get(conversation_id)
        if at_least and known is not None and known.state.seq >= at_least:
            return known
        fresh = await self._log.head(conversation_id)
        if fresh is not None:
            self.remember(fresh, ())
        return fresh

    def known(self, conversation_id: str) -> Head | None:
        """The newest state known here, which may be old."""
        return self._heads.get(conversation_id)

    def may_have_open_turns(self, conversation_id: str) -> bool:
        """Whether what is known here leaves it possible that the bot owes another answer."""
        known = self._heads.get(conversation_id)
        return known is None or bool(known.state.open_turns)

    async def read(self, conversation_id: str, after: int, upto: int) -> list[Event]:
        """Events over `after`, in order, at most `PAGE` of them; `upto` is a `seq` known to exist."""
        at_hand = self.at_hand(conversation_id, after, upto)
        return await self._log.read(conversation_id, after, PAGE) if at_hand is None else at_hand

    def at_hand(self, conversation_id: str, after: int, upto: int) -> list[Event] | None:
        """What `read` answers without asking the log; None where the log must be asked."""
        tail = self._tails.get(conversation_id)
        if tail is None:
            return None
        first = tail.events[0].seq
        if first <= after + 1 and tail.events[-1].seq >= upto:
            return tail.events[after + 1 - first :]
        return None


def _bytes_of(event: Event) -> int:
    payload = event.payload
    # Words are what takes memory; what a handoff or a reply holds besides is bounded and rare beside them.
    text = payload.text if isinstance(payload, _WORDS) else ""
    # Four bytes a character beyond ASCII, and as many again for its UTF-8, which Python keeps once it was asked for.
    return BYTES_OF_AN_EVENT + len(text) * (1 if text.isascii() else 8)
