"""Reading the log for many readers: what is at hand is not asked of the database again.

The feed keeps the newest events of the conversations this process has appended to or read. It is a cache of
an append-only log, so an entry never goes stale; it can only be too short, and then the log is asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

from handoff.domain.events import Event
from handoff.ports import EventLog, Head

CONVERSATIONS_AT_HAND = 4096
EVENTS_AT_HAND = 64
"""Of one conversation."""
EVENTS_IN_ALL = 16_384
"""Of all conversations: at 4,000 characters each 70 MB, whatever is said in how many of them."""
PAGE = 500


class Feed:
    """Events of conversations, from memory where it reaches, from the log elsewhere."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._tails: OrderedDict[str, list[Event]] = OrderedDict()
        self._heads: OrderedDict[str, Head] = OrderedDict()
        self._events = 0
        """How many events all tails have."""

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
        tail = self._tails.pop(conversation_id, [])
        self._events -= len(tail)
        if tail and tail[-1].seq + 1 != appended[0].seq:
            tail = []
        tail = self._tails[conversation_id] = [*tail, *appended][-EVENTS_AT_HAND:]
        self._events += len(tail)
        while self._events > EVENTS_IN_ALL or len(self._tails) > CONVERSATIONS_AT_HAND:
            self._events -= len(self._tails.popitem(last=False)[1])

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
        if tail and tail[0].seq <= after + 1 and tail[-1].seq >= upto:
            return tail[after + 1 - tail[0].seq :]
        return None
