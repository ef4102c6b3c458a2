"""Which agents are there. An agent may have many sockets; the best of their states counts."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import structlog

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Clock, Cursors, Presence, PubSub, Signal

AGENTS_TOPIC: Final = "agents"
RANK: Final[Mapping[str, int]] = {"offline": 0, "away": 1, "online": 2}
log = structlog.get_logger(__name__)


class AgentPresence:
    """Presence of this process's agents, and the leases their conversations hang on."""

    def __init__(self, cursors: Cursors, pubsub: PubSub, clock: Clock, lease_ms: int) -> None:
        self._cursors = cursors
        self._pubsub = pubsub
        self._clock = clock
        self._lease_ms = lease_ms
        self._sockets: dict[str, dict[int, Presence]] = {}
        self._names: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to renew leases."""
        self._task = asyncio.create_task(self._renew_forever(), name="agent-leases")

    async def stop(self) -> None:
        """End."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task

    async def arrive(self, agent_id: str, name: str, socket: int) -> None:
        """A socket of this agent has said hello."""
        self._names[agent_id] = name
        await self.set(agent_id, socket, "online")
        await self._renew([agent_id])

    async def set(self, agent_id: str, socket: int, status: Presence) -> None:
        """The agent chose a status on one of their sockets."""
        before = self.status(agent_id)
        self._sockets.setdefault(agent_id, {})[socket] = status
        await self._tell(agent_id, before)

    async def leave(self, agent_id: str, socket: int) -> None:
        """A socket is gone. The lease runs on from here for its whole length."""
        before = self.status(agent_id)
        sockets = self._sockets.get(agent_id, {})
        sockets.pop(socket, None)
        if not sockets:
            self._sockets.pop(agent_id, None)
            await self._renew([agent_id])
        await self._tell(agent_id, before)

    def status(self, agent_id: str) -> Presence:
        """The best of the agent's sockets."""
        sockets = self._sockets.get(agent_id)
        return max(sockets.values(), key=lambda s: RANK[s]) if sockets else "offline"

    def online(self) -> int:
        """How many agents could take a conversation now."""
        return sum(self.status(agent_id) == "online" for agent_id in self._sockets)

    def present(self) -> list[dict[str, Any]]:
        """All agents with a socket here, as `presence` frames show them."""
        return [self._shown(agent_id) for agent_id in sorted(self._sockets)]

    def _shown(self, agent_id: str) -> dict[str, Any]:
        agent = {"id": agent_id, "name": self._names.get(agent_id, "")}
        return {"type": "presence", "agent": agent, "status": self.status(agent_id)}

    async def _tell(self, agent_id: str, before: Presence) -> None:
        if self.status(agent_id) != before:
            await self._pubsub.publish(Signal(AGENTS_TOPIC, self._shown(agent_id)))

    async def _renew(self, agent_ids: list[str]) -> None:
        try:
            await self._cursors.renew_agents(agent_ids, self._clock.now_ms() + self._lease_ms)
        except StorageUnavailable:
            log.warning("agent_leases_not_renewed", agents=len(agent_ids))

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            await self._renew(list(self._sockets))
