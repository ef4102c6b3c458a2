"""The agents' inbox: conversations that wait for a person or are held by one, kept in memory from the log.

Longest waiting first, those put back at the front before all others. Every change is told to the listeners:
the items that changed, the ids that left, and each waiting customer's place in the queue.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from handoff.domain.conversation import Conversation, State
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Customer, EventLog, Head, Hint, PubSub, Signal
from handoff.service.feed import Feed
from handoff.wire.times import rfc3339

STATES: Final[tuple[State, ...]] = ("waiting", "agent")
AT_START: Final = 10_000
ASK_S: Final = 2.0
PAUSE_S: Final = 0.05
"""Changes within this time are told together: a claim moves every place behind it."""
PICKUPS_KEPT: Final = 50
PICKUPS_TOLD_FROM: Final = 3
FIRST_GUESS_S: Final = (30, 300)
"""Seconds to a pick-up that are told until this process has seen enough of them."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Place:
    """A waiting customer's place: 1 is next. The wait is a range in seconds."""

    position: int
    low_s: int
    high_s: int


@dataclass(frozen=True, slots=True)
class Change:
    """What became different: `items` as the wire has them, `removed` ids, `places` by conversation.

    `previews` are items of which only the customer's last words are new, in conversations that somebody holds: of
    interest to the holder alone, where all the others would get a frame for every message there is.
    """

    items: tuple[dict[str, Any], ...]
    removed: tuple[str, ...]
    places: dict[str, Place]
    previews: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    head: Head
    position: int | None


class Inbox:
    """The projection and its listeners."""

    def __init__(self, log_: EventLog, feed: Feed, pubsub: PubSub) -> None:
        self._log = log_
        self._feed = feed
        self._entries: dict[str, _Entry] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._dirty: dict[str, int] = {}
        self._touched = asyncio.Event()
        self._listeners: set[Callable[[Change], None]] = set()
        self._pickups: deque[int] = deque(maxlen=PICKUPS_KEPT)
        self._unsubscribe = pubsub.subscribe(self._on_message)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read who waits and who is held, then follow the hints."""
        for head in await self._log.in_states(STATES, AT_START):
            # A hint that came meanwhile is newer than what was just read.
            self._dirty.setdefault(head.state.id, head.state.seq)
            self._feed.remember(head, ())
        await self._refresh()
        self._tasks = [
            asyncio.create_task(self._follow_forever(), name="inbox"),
            asyncio.create_task(self._ask_forever(), name="inbox-heads"),
        ]

    async def stop(self) -> None:
        """End."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Tell `listener` each change; returns what ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def items(self) -> list[dict[str, Any]]:
        """All items, the longest waiting first, then those held."""
        ordered = sorted(self._entries.values(), key=lambda e: (e.position or 1_000_000, e.head.state.at))
        return [_item(entry) for entry in ordered]

    def waiting(self) -> tuple[int, int | None]:
        """How many conversations wait for a person, and since when the longest of them has."""
        since = [
            e.head.state.waiting_since or 0 for e in self._entries.values() if e.head.state.state == "waiting"
        ]
        return len(since), min(since, default=None)

    def place(self, conversation_id: str) -> Place | None:
        """The place of a waiting conversation."""
        entry = self._entries.get(conversation_id)
        return None if entry is None or entry.position is None else self._place(entry.position)

    def _on_message(self, message: Hint | Signal) -> None:
        if isinstance(message, Hint):
            self._dirty[message.conversation_id] = max(
                message.seq, self._dirty.get(message.conversation_id, 0)
            )
            self._touched.set()

    async def _ask_forever(self) -> None:
        """A hint that got lost only delays: what this process shows is held against the log again and again."""
        while True:
            await asyncio.sleep(ASK_S)
            try:
                seqs = await self._log.seqs_in_states(STATES)
            except StorageUnavailable:
                log.warning("inbox_unreadable")
                continue
            for conversation_id in self._entries.keys() - seqs.keys():
                # It has left, at a seq that is not known here.
                self._dirty.setdefault(conversation_id, 0)
            for conversation_id, seq in seqs.items():
                entry = self._entries.get(conversation_id)
                if entry is None or entry.head.state.seq < seq:
                    self._dirty[conversation_id] = max(seq, self._dirty.get(conversation_id, 0))
            if self._dirty:
                self._touched.set()

    async def _follow_forever(self) -> None:
        while True:
            await self._touched.wait()
            self._touched.clear()
            try:
                await self._refresh()
            except StorageUnavailable:
                log.warning("inbox_delayed", conversations=len(self._dirty))
                self._touched.set()
            await asyncio.sleep(PAUSE_S)

    async def _refresh(self) -> None:
        changed: set[str] = set()
        removed: list[str] = []
        try:
            for conversation_id, seq in tuple(self._dirty.items()):
                head = await self._feed.head(conversation_id, at_least=seq)
                if self._dirty.get(conversation_id) == seq:
                    del self._dirty[conversation_id]
                before = self._entries.get(conversation_id)
                if head is not None and head.state.state in STATES:
                    self._note_pickup(before, head)
                    self._entries[conversation_id] = _Entry(head, before.position if before else None)
                    changed.add(conversation_id)
                elif before is not None:
                    del self._entries[conversation_id]
                    removed.append(conversation_id)
        finally:
            # What was found is told even when the storage fails before the rest: nothing finds it a second time.
            if changed or removed:
                self._tell(changed, removed)

    def _tell(self, changed: set[str], removed: list[str]) -> None:
        places = self._renumber(changed)
        items: list[dict[str, Any]] = []
        previews: list[dict[str, Any]] = []
        for conversation_id in changed:
            item, before = _item(self._entries[conversation_id]), self._told.get(conversation_id, {})
            self._told[conversation_id] = item
            if item == before:
                continue
            only_words = item["state"] == "agent" and item == {**before, "preview": item["preview"]}
            (previews if only_words else items).append(item)
        for conversation_id in removed:
            self._told.pop(conversation_id, None)
        if not (items or previews or removed or places):
            return
        change = Change(tuple(items), tuple(removed), places, tuple(previews))
        for listener in tuple(self._listeners):
            listener(change)

    def _renumber(self, changed: set[str]) -> dict[str, Place]:
        waiting = sorted(
            (e.head.state.queue_rank, e.head.state.waiting_since or 0, conversation_id)
            for conversation_id, e in self._entries.items()
            if e.head.state.state == "waiting"
        )
        positions = {conversation_id: n for n, (_, _, conversation_id) in enumerate(waiting, start=1)}
        places = {}
        for conversation_id, entry in self._entries.items():
            position = positions.get(conversation_id)
            if position == entry.position:
                continue
            self._entries[conversation_id] = replace(entry, position=position)
            changed.add(conversation_id)
            if position is not None:
                places[conversation_id] = self._place(position)
        return places

    def _note_pickup(self, before: _Entry | None, head: Head) -> None:
        if before is None or before.head.state.state != "waiting" or head.state.state != "agent":
            return
        waited_ms = head.state.at - (before.head.state.waiting_since or head.state.at)
        self._pickups.append(max(waited_ms // 1000, 1))

    def _place(self, position: int) -> Place:
        """Low and high quartile of recent pick-ups; they were waits from the end of a queue like this one."""
        low, high = FIRST_GUESS_S
        if len(self._pickups) >= PICKUPS_TOLD_FROM:
            seen = sorted(self._pickups)
            low, high = seen[len(seen) // 4], seen[(3 * len(seen)) // 4]
        return Place(position, low, max(high, low + 1))


def _item(entry: _Entry) -> dict[str, Any]:
    state = entry.head.state
    holder = {"id": state.holder_id, "name": state.holder_name} if state.holder_id else None
    return {
        "conversation_id": state.id,
        "state": state.state,
        "position": entry.position,
        "waiting_since": rfc3339(state.waiting_since) if state.waiting_since is not None else None,
        "reason": state.reason,
        "priority": _priority(state),
        "customer": _customer(entry.head.customer),
        "preview": state.preview,
        "holder": holder,
        "offered_to": state.offered_to,
        # An outage does not flood agents: what waits only because the bot was gone is shown as one group (P9).
        "group": "bot_error" if _waits_for_the_bot(state) else None,
        "due": {},
    }


def _waits_for_the_bot(state: Conversation) -> bool:
    # Put back at the front, it was with a person already and waits for one.
    return state.state == "waiting" and state.reason == "bot_error" and not state.at_front


def _priority(state: Conversation) -> str:
    if _waits_for_the_bot(state):
        return "low"
    return "high" if state.reason == "frustration" else "normal"


def _customer(customer: Customer) -> dict[str, Any]:
    about = {"id": customer.id, "name": customer.name, "email": customer.email, "verified": customer.verified}
    return {key: value for key, value in about.items() if value is not None}
