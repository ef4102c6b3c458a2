"""Who reads which conversation in this process, woken by hints.

A hint that got lost only delays: once a second the heads of all conversations that have a reader here are
asked of the log (P4).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Protocol

import structlog

from handoff.domain.errors import StorageUnavailable
from handoff.ports import EventLog, Hint, PubSub, Signal
from handoff.service.waits import Place

ASK_HEADS_S = 1.0
HEADS_AT_ONCE = 500
log = structlog.get_logger(__name__)

TOPIC = "conversation:"
"""What the topics of a conversation's signals begin with; its id follows."""


class Reader(Protocol):
    """Somebody who follows conversations. Called from the event loop; no method may block."""

    def grown(self, conversation_id: str, seq: int) -> None:
        """The conversation may have reached `seq`."""
        ...

    def hear(self, conversation_id: str, body: Mapping[str, Any]) -> None:
        """Somebody types, or has read."""
        ...

    def placed(self, conversation_id: str, place: Place) -> None:
        """The conversation waits, and its place or what is known of its wait is another."""
        ...


class Readers:
    """Wakes readers when their conversation has grown, and passes on to them what is told of it."""

    def __init__(self, log_: EventLog, pubsub: PubSub) -> None:
        self._log = log_
        # A tuple each: most conversations have one reader here, and there are many conversations.
        self._readers: dict[str, tuple[Reader, ...]] = {}
        self._heads: dict[str, int] = {}
        self._unsubscribe = pubsub.subscribe(self._on_message)
        self._task: asyncio.Task[None] | None = None

    def follow(self, conversation_id: str, reader: Reader) -> Callable[[], None]:
        """Tell `reader` of a conversation from now on; returns what ends it."""
        self._readers[conversation_id] = (*self._readers.get(conversation_id, ()), reader)
        return partial(self._drop, conversation_id, reader)

    def tell_places(self, places: Mapping[str, Place]) -> None:
        """Conversations that wait have these places now."""
        for conversation_id, place in places.items():
            for reader in self._readers.get(conversation_id, ()):
                reader.placed(conversation_id, place)

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

    def _drop(self, conversation_id: str, reader: Reader) -> None:
        left = tuple(r for r in self._readers.get(conversation_id, ()) if r is not reader)
        if left:
            self._readers[conversation_id] = left
        else:
            self._readers.pop(conversation_id, None)
            self._heads.pop(conversation_id, None)

    def _on_message(self, message: Hint | Signal) -> None:
        if isinstance(message, Hint):
            if message.conversation_id in self._readers:
                self._wake(message.conversation_id, message.seq)
        elif message.topic.startswith(TOPIC):
            conversation_id = message.topic.removeprefix(TOPIC)
            for reader in self._readers.get(conversation_id, ()):
                reader.hear(conversation_id, message.body)

    def _wake(self, conversation_id: str, seq: int) -> None:
        self._heads[conversation_id] = max(seq, self._heads.get(conversation_id, 0))
        for reader in self._readers[conversation_id]:
            reader.grown(conversation_id, seq)

    async def _ask_forever(self) -> None:
        while True:
            asked = tuple(self._readers)
            rounds = max(1, math.ceil(len(asked) / HEADS_AT_ONCE))
            for number in range(rounds):
                # In parts over the whole time: asking for ten thousand at once would keep everybody waiting.
                await asyncio.sleep(ASK_HEADS_S / rounds)
                await self._ask(asked[number * HEADS_AT_ONCE : (number + 1) * HEADS_AT_ONCE])

    async def _ask(self, conversation_ids: Sequence[str]) -> None:
        if not conversation_ids:
            return
        try:
            heads = await self._log.heads(conversation_ids)
        except StorageUnavailable:
            log.warning("heads_unreadable", conversations=len(conversation_ids))
            return
        for conversation_id, seq in heads.items():
            if conversation_id in self._readers and seq > self._heads.get(conversation_id, 0):
                self._wake(conversation_id, seq)
