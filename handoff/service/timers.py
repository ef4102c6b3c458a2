"""What the clock alone makes happen. Deadlines are columns and rows, so they survive a restart."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from handoff.domain.commands import PassTime, ReleaseLease
from handoff.domain.errors import HandoffError
from handoff.domain.events import SYSTEM
from handoff.ports import Clock, Cursors, EventLog
from handoff.service.conversations import Conversations

LOOK_S = 1.0
AT_ONCE = 500
WAITING_AT_MOST = 10_000
log = structlog.get_logger(__name__)


class Timers:
    """Once a second: what a conversation's deadline brings, and the chats of vanished agents back to the queue."""

    def __init__(
        self,
        *,
        log_: EventLog,
        cursors: Cursors,
        conversations: Conversations,
        clock: Clock,
        agent_lease_ms: int,
    ) -> None:
        self._log = log_
        self._cursors = cursors
        self._conversations = conversations
        self._clock = clock
        self._agent_lease_ms = agent_lease_ms
        self._started_at = 0
        self._corrected = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look at the clock."""
        self._started_at = self._clock.now_ms()
        self._task = asyncio.create_task(self._look_forever(), name="timers")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def look(self) -> None:
        """Do what is due now."""
        now = self._clock.now_ms()
        if not self._corrected:
            # Stored by the settings of then: a limit that was set since holds for those who wait already, too.
            waiting = await self._log.in_states(["waiting"], WAITING_AT_MOST)
            passed = (self._conversations.execute(head.state.id, SYSTEM, PassTime()) for head in waiting)
            # At once, so that they are written in few transactions.
            await asyncio.gather(*passed)
            self._corrected = True
        for conversation_id in await self._log.due(now, AT_ONCE):
            await self._conversations.execute(conversation_id, SYSTEM, PassTime())
        # After a restart every agent's socket is gone: give them the time of a lease to come back.
        if now - self._started_at < self._agent_lease_ms:
            return
        for agent_id in await self._cursors.lost_agents(now):
            for conversation_id in await self._log.held_by(agent_id):
                await self._conversations.execute(conversation_id, SYSTEM, ReleaseLease(agent_id))

    async def _look_forever(self) -> None:
        while True:
            try:
                await self.look()
            except HandoffError as failure:
                log.warning("timers_delayed", error=failure.code)
            except Exception:
                log.exception("timers_failed")
            await asyncio.sleep(LOOK_S)
