"""A relay with a bug planted from outside, to prove that the checker finds it: `python -m tests.faults.planted_relay BUG`.

The bugs go in at the ports - the log and the hint bus - so that they do not depend on how the relay is written inside.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final

from handoff import bootstrap
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.cli.__main__ import main
from handoff.ports import Append, CommandKey, CommandResult, Hint, LogTransaction, Signal
from handoff.service import readers

COMMIT_LATER_S: Final = 0.1
NEVER_S: Final = 1e6


class WithoutShortWay(SqlEventLog):
    """A log whose every append takes a transaction, where the bugs are."""

    async def append(self, _appends: Sequence[Append], _seqs: Mapping[str, int]) -> bool:
        """Never done here."""
        return False


class AckBeforeCommit(WithoutShortWay):
    """Says that it is committed when it is not: the commit follows a moment later, if the process is still there."""

    _before: asyncio.Task[None] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        if self._before is not None:
            await asyncio.wait([self._before])
        written = asyncio.get_running_loop().create_future()
        ready: asyncio.Future[LogTransaction] = asyncio.get_running_loop().create_future()
        self._before = asyncio.create_task(self._commit_later(ready, written))
        await asyncio.wait([self._before, ready], return_when=asyncio.FIRST_COMPLETED)
        if not ready.done():
            self._before.result()
        try:
            yield ready.result()
        except BaseException as failure:
            written.set_exception(failure)
            raise
        written.set_result(None)

    async def _commit_later(
        self, ready: asyncio.Future[LogTransaction], written: asyncio.Future[None]
    ) -> None:
        async with super().transaction() as transaction:
            ready.set_result(transaction)
            await written
            await asyncio.sleep(COMMIT_LATER_S)


class Forgetful:
    """A transaction that neither keeps nor finds the results of commands: each repeat is a new command."""

    def __init__(self, inner: LogTransaction) -> None:
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def results(self, keys: Collection[CommandKey]) -> dict[CommandKey, CommandResult]:
        """None is known."""
        return {}

    async def write(self, appends: Sequence[Append]) -> None:
        """Everything but the results."""
        await self._inner.write([append._replace(result=None) for append in appends])


class DoubledAppend(WithoutShortWay):
    """Forgets what was run before."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[LogTransaction]:
        async with super().transaction() as transaction:
            yield Forgetful(transaction)


class LossyPubSub(MemoryPubSub):
    """Loses every second hint."""

    _told = 0

    async def publish(self, message: Hint | Signal) -> None:
        if isinstance(message, Hint):
            self._told += 1
            if self._told % 2:
                return
        await super().publish(message)


def _ack_before_commit() -> None:
    bootstrap.SqlEventLog = AckBeforeCommit  # type: ignore[misc]


def _lost_hint() -> None:
    bootstrap.MemoryPubSub = LossyPubSub  # type: ignore[misc]
    # Nothing makes up for it: the heads are never asked for.
    readers.ASK_HEADS_S = NEVER_S  # type: ignore[misc]


def _doubled_append() -> None:
    bootstrap.SqlEventLog = DoubledAppend  # type: ignore[misc]


BUGS: Final[dict[str, Callable[[], None]]] = {
    "ack_before_commit": _ack_before_commit,
    "lost_hint": _lost_hint,
    "doubled_append": _doubled_append,
}

if __name__ == "__main__":
    BUGS[sys.argv[1]]()
    sys.argv[1:] = ["relay"]
    main()
