"""Who reads which conversation in this process, woken by hints.

A hint that got lost only delays: once a second the heads of all conversations that have a reader here are
asked of the log (P4).
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog

from handoff.domain.errors import StorageUnavailable
from handoff.ports import EventLog, Hint, PubSub, Signal

ASK_HEADS_S = 1.0
log = structlog.get_logger(__name__)

Wake = Callable[[int], None]
Hear = Callable[[Mapping[str, Any]], None]


class Readers:
    """Wakes readers when their conversation has grown and passes signals on to those who listen."""

    def __init__(self, log_: EventLog, pubsub: PubSub) -> None:
        self._log = log_
        self._wakes: defaultdict[str, set[Wake]] = defaultdict(set)
        self._hears: defaultdict[str, set[Hear]] = defaultdict(set)
        self._heads: dict[str, int] = {}
        self._unsubscribe = pubsub.subscribe(self._on_message)
        self._task: asyncio.Task[None] | None = None

    def follow(self, conversation_id: str, wake: Wake) -> Callable[[], None]:
        """Call `wake` with the newest `seq` whenever the conversation may have grown; returns what ends it."""
        self._wakes[conversation_id].add(wake)
        return lambda: self._drop(self._wakes, conversation_id, wake)

    def listen(self, topic: str, hear: Hear) -> Callable[[], None]:
        """Call `hear` with each signal on `topic`; returns what ends it."""
        self._hears[topic].add(hear)
        return lambda: self._drop(self._hears, topic, hear)

    def start(self) -> None:
        """Begin to ask for heads."""
        self._task = asyncio.create_task(self._ask_forever(), name="readers-heads")

    async def stop(self) -> None:
        """End."""
        self._unsubscribe()
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    def _drop(self, table: defaultdict[str, set[Any]], key: str, member: Any) -> None:
        table[key].discard(member)
        if not table[key]:
            del table[key]
            if table is self._wakes:
                self._heads.pop(key, None)

    def _on_message(self, message: Hint | Signal) -> None:
        if isinstance(message, Signal):
            for hear in tuple(self._hears.get(message.topic, ())):
                hear(message.body)
            return
        if message.conversation_id in self._wakes:
            self._wake(message.conversation_id, message.seq)

    def _wake(self, conversation_id: str, seq: int) -> None:
        self._heads[conversation_id] = max(seq, self._heads.get(conversation_id, 0))
        for wake in tuple(self._wakes[conversation_id]):
            wake(seq)

    async def _ask_forever(self) -> None:
        while True:
            await asyncio.sleep(ASK_HEADS_S)
            if not self._wakes:
                continue
            try:
                heads = await self._log.heads(tuple(self._wakes))
            except StorageUnavailable:
                log.warning("heads_unreadable", conversations=len(self._wakes))
                continue
            for conversation_id, seq in heads.items():
                if conversation_id in self._wakes and seq > self._heads.get(conversation_id, 0):
                    self._wake(conversation_id, seq)
