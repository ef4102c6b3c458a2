"""A worker on rows that come due: takes them by lease, so that of several relays one does each."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from handoff.domain.errors import HandoffError
from handoff.ports import Clock, Reaction, ReactionQueue

LOOK_S = 1.0
AT_ONCE = 32
log = structlog.get_logger(__name__)


class DueRows:
    """Looks once a second and hands what is due to `handle`, which finishes it or gives it back.

    A row whose handler failed, or whose process died, is taken again when its lease has run out. `lease_ms` is longer
    than a handler takes: nothing is renewed here.
    """

    def __init__(
        self,
        name: str,
        *,
        worker: str,
        queue: ReactionQueue,
        clock: Clock,
        lease_ms: int,
        handle: Callable[[Reaction], Awaitable[None]],
    ) -> None:
        self._name = name
        self._worker = worker
        self._queue = queue
        self._clock = clock
        self._lease_ms = lease_ms
        self._handle = handle
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._look_forever(), name=self._name)

    async def stop(self) -> None:
        """End; what is under way is left to whoever finds its lease run out."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> int:
        """Do what is due now; says how many rows that were."""
        taken = await self._queue.take(self._worker, self._clock.now_ms(), self._lease_ms, AT_ONCE)
        await asyncio.gather(*(self._do(reaction) for reaction in taken))
        return len(taken)

    async def _do(self, reaction: Reaction) -> None:
        about = {"kind": reaction.kind, "conversation": reaction.conversation_id}
        try:
            await self._handle(reaction)
        except HandoffError as failure:
            log.warning("timer_delayed", error=failure.code, **about)
        except Exception:
            log.exception("timer_failed", **about)

    async def _look_forever(self) -> None:
        while True:
            taken = 0
            try:
                taken = await self.look()
            except HandoffError as failure:
                log.warning("timers_unreadable", worker=self._name, error=failure.code)
            except Exception:
                log.exception("timers_failed", worker=self._name)
            if taken < AT_ONCE:
                await asyncio.sleep(LOOK_S)
