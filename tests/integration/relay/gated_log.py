"""A log whose commits wait or fail as a test says."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Append, EventLog, LogTransaction


class GatedLog:
    """A log whose commits wait at a gate, or fail, as the test says. Everything else is the real log's."""

    def __init__(self, log: EventLog) -> None:
        self._log = log
        self.gate = asyncio.Event()
        self.gate.set()
        self.fails = False
        self.at_gate = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._log, name)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        async with self._log.transaction() as transaction:
            yield transaction
            await self._pass_gate()

    async def append(self, appends: Sequence[Append], seqs: Mapping[str, int]) -> bool:
        await self._pass_gate()
        return await self._log.append(appends, seqs)

    async def _pass_gate(self) -> None:
        self.at_gate += 1
        await self.gate.wait()
        if self.fails:
            raise StorageUnavailable("told to fail by the test")


def gated(made: list[GatedLog]) -> Callable[[EventLog], GatedLog]:
    """What wraps a relay's log in a gate; the gated log is added to `made`."""

    def wrap(log: EventLog) -> GatedLog:
        made.append(GatedLog(log))
        return made[0]

    return wrap
