"""Reading the log for many readers: what is at hand is not asked of the database again.

The feed keeps the newest events of the conversations this process has appended to or read. It is a cache of
an append-only log, so an entry never goes stale; it can only be too short, and then the log is asked.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from typing import TypeVar

from handoff.domain.events import Event
from handoff.ports import EventLog, Head

CONVERSATIONS_AT_HAND = 4096
EVENTS_AT_HAND = 64
PAGE = 500

_V = TypeVar("_V")


class Feed:
    """Events of conversations, from memory where it reaches, from the log elsewhere."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self._tails: OrderedDict[str, list[Event]] = OrderedDict()
        self._heads: OrderedDict[str, Head] = OrderedDict()

    def remember(self, head: Head, appended: Sequence[Event]) -> None:
        """Events that were just committed, and what they made of the conversation."""
        conversation_id = head.state.id
        known = self._heads.get(conversation_id)
        if known is not None and known.state.seq > head.state.seq:
            return
        _put(self._heads, conversation_id, head)
        if not appended:
            return
        tail = self._tails.get(conversation_id, [])
        if tail and tail[-1].seq + 1 != appended[0].seq:
            tail = []
        _put(self._tails, conversation_id, [*tail, *appended][-EVENTS_AT_HAND:])

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


def _put(cache: OrderedDict[str, _V], key: str, value: _V) -> None:
    cache[key] = value
    cache.move_to_end(key)
    if len(cache) > CONVERSATIONS_AT_HAND:
        cache.popitem(last=False)
