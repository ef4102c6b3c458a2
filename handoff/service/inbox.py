"""The agents' inbox: who waits for a person, is held by one or is to be written to, kept in memory from the log.

Longest waiting first, those put back at the front before all others. Every change is told to the listeners:
the items that changed, the ids that left, the alerts that were raised, and each waiting customer's place.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import structlog

from handoff.domain.conversation import Conversation, State
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Customer, EventLog, Head, Hint, PubSub, Signal
from handoff.service.feed import Feed
from handoff.service.waits import Place, Waits
from handoff.wire.times import rfc3339

STATES: Final[tuple[State, ...]] = ("waiting", "agent")
AT_START: Final = 10_000
ASK_S: Final = 2.0
PAUSE_S: Final = 0.05
"""Changes within this time are told together: a claim moves every place behind it."""
TALK_S: Final = 0.25
"""Between two previews of what a customer says to the agent who holds the conversation, and reads it there."""

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Change:
    """What became different: `items` as the wire has them, `removed` ids, `places` by conversation.

    `previews` are items of which only the customer's last words are new, in conversations that somebody holds: of
    interest to the holder alone, where all the others would get a frame for every message there is. `alerts` are
    those of the items whose alert was raised just now.
    """

    items: tuple[dict[str, Any], ...]
    removed: tuple[str, ...]
    places: dict[str, Place]
    previews: tuple[dict[str, Any], ...] = ()
    alerts: tuple[dict[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class _Entry:
    head: Head
    position: int | None


class Inbox:
    """The projection and its listeners."""

    def __init__(self, log_: EventLog, feed: Feed, pubsub: PubSub, waits: Waits) -> None:
        self._log = log_
        self._feed = feed
        self._waits = waits
        self._anybody_there = False
        self._entries: dict[str, _Entry] = {}
        self._told: dict[str, dict[str, Any]] = {}
        self._dirty: dict[str, int] = {}
        self._talking: dict[str, int] = {}
        self._talk_timer: asyncio.TimerHandle | None = None
        self._touched = asyncio.Event()
        self._listeners: set[Callable[[Change], None]] = set()
        self._unsubscribe = pubsub.subscribe(self._on_message)
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Read who waits, who is held and who is to be written to, then follow the hints."""
        for head in (*await self._log.in_states(STATES, AT_START), *await self._log.follow_ups(AT_START)):
            # A hint that came meanwhile is newer than what was just read.
            self._dirty.setdefault(head.state.id, head.state.seq)
            self._feed.remember(head, ())
        self._anybody_there = self._waits.agents_online() > 0
        await self._refresh()
        self._tasks = [
            asyncio.create_task(self._follow_forever(), name="inbox"),
            asyncio.create_task(self._ask_forever(), name="inbox-heads"),
        ]

    async def stop(self) -> None:
        """End."""
        self._unsubscribe()
        if self._talk_timer is not None:
            self._talk_timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listen(self, listener: Callable[[Change], None]) -> Callable[[], None]:
        """Tell `listener` each change; returns what ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    def items(self) -> list[dict[str, Any]]:
        """All items, the longest waiting first, then those held, then those to be written to."""
        ordered = sorted(self._entries.values(), key=_order)
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
        return None if entry is None or entry.position is None else self._waits.place(entry.position)

    def agents_changed(self) -> None:
        """Agents have come or gone: should none be left, or one be there again, those who wait are told."""
        self._touched.set()

    def _on_message(self, message: Hint | Signal) -> None:
        if not isinstance(message, Hint):
            return
        entry, known = self._entries.get(message.conversation_id), self._feed.known(message.conversation_id)
        if known is not None and known.state.seq >= message.seq:
            if entry is None and not _belongs(known.state):
                return
            if entry is not None and _is_only_talk(entry.head.state, known.state):
                self._talk(message)
                return
        self._mark(message.conversation_id, message.seq)
        self._touched.set()

    def _mark(self, conversation_id: str, seq: int) -> None:
        self._dirty[conversation_id] = max(seq, self._dirty.get(conversation_id, 0))

    def _talk(self, hint: Hint) -> None:
        """Words in a conversation that somebody holds: told of at leisure, since most of all hints are these."""
        if not self._talking:
            self._talk_timer = asyncio.get_running_loop().call_later(TALK_S, self._talked)
        self._talking[hint.conversation_id] = hint.seq

    def _talked(self) -> None:
        talking, self._talking = self._talking, {}
        for conversation_id, seq in talking.items():
            self._mark(conversation_id, seq)
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
                    self._mark(conversation_id, seq)
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
        alerted: list[str] = []
        somebody_was_taken = False
        try:
            for conversation_id, seq in tuple(self._dirty.items()):
                head = await self._feed.head(conversation_id, at_least=seq)
                if self._dirty.get(conversation_id) == seq:
                    del self._dirty[conversation_id]
                before = self._entries.get(conversation_id)
                if head is not None and _belongs(head.state):
                    somebody_was_taken |= _is_taken(before, head)
                    if _is_louder(before, head):
                        alerted.append(conversation_id)
                    self._entries[conversation_id] = _Entry(head, before.position if before else None)
                    changed.add(conversation_id)
                elif before is not None:
                    del self._entries[conversation_id]
                    removed.append(conversation_id)
        finally:
            # What was found is told even when the storage fails before the rest: nothing finds it a second time.
            moved = self._renumber(changed)
            if changed or removed:
                await self._renew_waits(somebody_was_taken)
            anybody_there = self._waits.agents_online() > 0
            if anybody_there != self._anybody_there:
                moved = {c for c, e in self._entries.items() if e.position is not None}
            self._anybody_there = anybody_there
            if changed or removed or moved:
                self._tell(changed, removed, moved, alerted)

    async def _renew_waits(self, somebody_was_taken: bool) -> None:
        try:
            await self._waits.renew(somebody_was_taken=somebody_was_taken)
        except StorageUnavailable:
            # Places are worth telling with the waits as they were known.
            log.warning("waits_not_renewed")

    def _tell(self, changed: set[str], removed: list[str], moved: set[str], alerted: list[str]) -> None:
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
        places = {c: place for c in moved if (place := self.place(c)) is not None}
        if not (items or previews or removed or places):
            return
        alerts = tuple(_item(self._entries[c]) for c in alerted)
        change = Change(tuple(items), tuple(removed), places, tuple(previews), alerts)
        for listener in tuple(self._listeners):
            listener(change)

    def _renumber(self, changed: set[str]) -> set[str]:
        """Give everybody their place. The ids of those whose place is another; they are added to `changed`."""
        waiting = sorted(
            (e.head.state.queue_rank, e.head.state.waiting_since or 0, conversation_id)
            for conversation_id, e in self._entries.items()
            if e.head.state.state == "waiting"
        )
        positions = {conversation_id: n for n, (_, _, conversation_id) in enumerate(waiting, start=1)}
        moved = set()
        for conversation_id, entry in self._entries.items():
            position = positions.get(conversation_id)
            if position != entry.position:
                self._entries[conversation_id] = replace(entry, position=position)
                moved.add(conversation_id)
        changed |= moved
        return moved


def _belongs(state: Conversation) -> bool:
    return state.state in ("waiting", "agent") or state.follow_up is not None


def _is_only_talk(before: Conversation, now: Conversation) -> bool:
    """Whether the same agent holds it as before, so that nothing but its last words can be new."""
    return now.state == "agent" == before.state and now.holder_id == before.holder_id


def _is_taken(before: _Entry | None, head: Head) -> bool:
    # Not known before: the wait was over before it was seen here.
    return head.state.state == "agent" and (before is None or before.head.state.state == "waiting")


def _is_louder(before: _Entry | None, head: Head) -> bool:
    # Unknown before, as at a start: its item says so, and nobody is called again for it.
    return before is not None and head.state.alert not in (None, before.head.state.alert)


def _order(entry: _Entry) -> tuple[bool, int, int]:
    state = entry.head.state
    return entry.position is None and state.state != "agent", entry.position or 1_000_000, state.at


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
        "alert": state.alert,
        "follow_up": _follow_up(state),
        "due": {},
    }


def _follow_up(state: Conversation) -> dict[str, Any] | None:
    left = state.follow_up
    return None if left is None else {"since": rfc3339(left.at), "email": left.email, "text": left.text}


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
