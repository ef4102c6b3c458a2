"""The event log as plain dictionaries: one transaction at a time, all of it or nothing, and a commit that can fail."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from handoff.domain.conversation import Conversation, State
from handoff.domain.errors import StorageUnavailable
from handoff.domain.events import Event
from handoff.ports import (
    Append,
    CommandKey,
    CommandResult,
    Customer,
    Head,
    LogTransaction,
    Opened,
    Opening,
    RunBeforeError,
)


class MemoryLog:
    """`EventLog` in memory. While `fails` is set, commits are refused and leave nothing."""

    def __init__(self) -> None:
        self.heads_: dict[str, Head] = {}
        self.events: dict[str, list[Event]] = {}
        self.results: dict[CommandKey, CommandResult] = {}
        self.fails = False
        self._one = asyncio.Lock()

    def begin(self, conversation_id: str) -> None:
        """A conversation without any event."""
        self.heads_[conversation_id] = Head(Conversation(conversation_id), Customer())
        self.events[conversation_id] = []

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        """See `EventLog.transaction`."""
        async with self._one:
            transaction = _Transaction(self)
            yield transaction
            # A commit takes a moment, in which other commands arrive.
            await asyncio.sleep(0)
            if self.fails:
                raise StorageUnavailable("told so by the test")
            for append in transaction.written:
                self.events[append.conversation_id] += append.events
                before = self.heads_[append.conversation_id]
                self.heads_[append.conversation_id] = Head(append.after, before.customer)
                if append.result is not None:
                    key, result = append.result
                    self.results[key] = result

    async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
        """See `EventLog.append`."""
        try:
            async with self.transaction() as transaction:
                if await self.heads(seqs) != seqs:
                    return False
                await transaction.write(appends)
        except RunBeforeError:
            return False
        return True

    async def head(self, conversation_id: str) -> Head | None:
        """See `EventLog.head`."""
        return self.heads_.get(conversation_id)

    async def heads(self, conversation_ids: Collection[str]) -> dict[str, int]:
        """See `EventLog.heads`."""
        return {id_: self.heads_[id_].state.seq for id_ in conversation_ids if id_ in self.heads_}

    async def read(self, conversation_id: str, after: int, limit: int) -> list[Event]:
        """See `EventLog.read`."""
        return [event for event in self.events[conversation_id] if event.seq > after][:limit]

    async def in_states(self, states: Collection[State], limit: int) -> list[Head]:
        """See `EventLog.in_states`."""
        return [head for head in self.heads_.values() if head.state.state in states][:limit]

    async def held_by(self, agent_id: str) -> list[str]:
        """See `EventLog.held_by`."""
        return [id_ for id_, head in self.heads_.items() if head.state.holder_id == agent_id]

    async def due(self, now: int, limit: int) -> list[str]:
        """See `EventLog.due`."""
        del now, limit
        return []


class _Transaction:
    """`LogTransaction` on a `MemoryLog`."""

    def __init__(self, log: MemoryLog) -> None:
        self._log = log
        self.written: list[Append] = []

    async def lock(
        self, conversation_ids: Collection[str], known: Callable[[str], Head | None] = lambda _id: None
    ) -> dict[str, Head]:
        del known
        return {id_: self._log.heads_[id_] for id_ in conversation_ids if id_ in self._log.heads_}

    async def results(self, keys: Collection[CommandKey]) -> dict[CommandKey, CommandResult]:
        return {key: self._log.results[key] for key in keys if key in self._log.results}

    async def opened(self, client_ids: Collection[str]) -> dict[str, Opened]:
        del client_ids
        return {}

    async def open(self, opening: Opening, append: Append) -> None:
        raise AssertionError("a test begins its conversations itself")

    async def write(self, appends: Sequence[Append]) -> None:
        if any(append.result is not None and append.result[0] in self._log.results for append in appends):
            raise RunBeforeError
        self.written += appends
