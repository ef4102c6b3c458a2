"""Which agents are there. An agent may have many sockets, on any relay; the best of their states counts.

Every relay tells the others its own table, at each change and every few seconds; a table that has not been heard for
a while is forgotten. Presence is for show and for waking people up: what an agent holds hangs on the lease in the
database, not on this.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import structlog

from handoff.domain.errors import StorageUnavailable
from handoff.ports import Clock, Cursors, Hint, Presence, PubSub, Signal

TABLE_TOPIC: Final = "presence-table"
TELL_S: Final = 5.0
FORGET_MS: Final = 15_000
RANK: Final[Mapping[str, int]] = {"offline": 0, "away": 1, "online": 2}
log = structlog.get_logger(__name__)

Table = Mapping[str, tuple[str, Presence]]
"""Agent id to name and status."""


@dataclass(frozen=True, slots=True)
class _Elsewhere:
    heard_at: int
    agents: Table


class AgentPresence:
    """Presence of all agents as far as this process knows, and the leases that its own agents' chats hang on."""

    def __init__(self, relay_id: str, cursors: Cursors, pubsub: PubSub, clock: Clock, lease_ms: int) -> None:
        self._relay_id = relay_id
        self._cursors = cursors
        self._pubsub = pubsub
        self._clock = clock
        self._lease_ms = lease_ms
        self._sockets: dict[str, dict[int, Presence]] = {}
        self._names: dict[str, str] = {}
        self._elsewhere: dict[str, _Elsewhere] = {}
        self._told: Table = {}
        self._listeners: set[Callable[[dict[str, Any]], None]] = set()
        self._unsubscribe = pubsub.subscribe(self._on_message)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin to renew leases and to tell the other relays."""
        self._tasks = [
            asyncio.create_task(self._renew_forever(), name="agent-leases"),
            asyncio.create_task(self._tell_forever(), name="agent-presence"),
        ]

    async def stop(self) -> None:
        """End; the other relays learn that nobody is here any more."""
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._sockets.clear()
        await self._tell_relays()

    async def arrive(self, agent_id: str, name: str, socket: int) -> None:
        """A socket of this agent has said hello."""
        self._names[agent_id] = name
        await self.set(agent_id, socket, "online")
        await self._renew([agent_id])

    async def set(self, agent_id: str, socket: int, status: Presence) -> None:
        """The agent chose a status on one of their sockets."""
        self._sockets.setdefault(agent_id, {})[socket] = status
        await self._changed()

    async def leave(self, agent_id: str, socket: int) -> None:
        """A socket is gone. The lease runs on from here for its whole length."""
        sockets = self._sockets.get(agent_id, {})
        sockets.pop(socket, None)
        if not sockets:
            self._sockets.pop(agent_id, None)
            await self._renew([agent_id])
        await self._changed()

    def status(self, agent_id: str) -> Presence:
        """The best of the agent's sockets."""
        return self._all().get(agent_id, ("", "offline"))[1]

    def online(self) -> int:
        """How many agents could take a conversation now."""
        return sum(status == "online" for _, status in self._all().values())

    def present(self) -> list[dict[str, Any]]:
        """All agents with a socket, as `presence` frames show them."""
        return [_shown(agent_id, *known) for agent_id, known in sorted(self._all().items())]

    def listen(self, listener: Callable[[dict[str, Any]], None]) -> Callable[[], None]:
        """Call `listener` with a `presence` frame at each change, wherever it happened; returns what ends it."""
        self._listeners.add(listener)
        return lambda: self._listeners.discard(listener)

    # --- between relays -----------------------------------------------------------------------------------

    def _here(self) -> Table:
        return {
            agent_id: (self._names[agent_id], _best(sockets.values()))
            for agent_id, sockets in self._sockets.items()
        }

    def _all(self) -> Table:
        agents = dict(self._here())
        for elsewhere in self._elsewhere.values():
            for agent_id, (name, status) in elsewhere.agents.items():
                known = agents.get(agent_id)
                agents[agent_id] = (name, status if known is None else _best([known[1], status]))
        return agents

    async def _changed(self) -> None:
        self._tell_agents()
        await self._tell_relays()

    def _tell_agents(self) -> None:
        """Tell this relay's agents what is different from what they were told last."""
        before, after = self._told, self._all()
        self._told = after
        for agent_id in before.keys() | after.keys():
            name, status = after.get(agent_id, (before.get(agent_id, ("", "offline"))[0], "offline"))
            if status != before.get(agent_id, ("", "offline"))[1]:
                for listener in tuple(self._listeners):
                    listener(_shown(agent_id, name, status))

    async def _tell_relays(self) -> None:
        body = {"relay": self._relay_id, "agents": {a: list(known) for a, known in self._here().items()}}
        await self._pubsub.publish(Signal(TABLE_TOPIC, body))

    def _on_message(self, message: Hint | Signal) -> None:
        if not isinstance(message, Signal) or message.topic != TABLE_TOPIC:
            return
        relay_id = str(message.body.get("relay"))
        if relay_id == self._relay_id:
            return
        agents = _table(message.body.get("agents"))
        if agents:
            self._elsewhere[relay_id] = _Elsewhere(self._clock.now_ms(), agents)
        else:
            self._elsewhere.pop(relay_id, None)
        self._tell_agents()

    async def _tell_forever(self) -> None:
        while True:
            await asyncio.sleep(TELL_S)
            forgotten = self._clock.now_ms() - FORGET_MS
            self._elsewhere = {r: e for r, e in self._elsewhere.items() if e.heard_at > forgotten}
            await self._changed()

    # --- leases -------------------------------------------------------------------------------------------

    async def _renew(self, agent_ids: list[str]) -> None:
        try:
            await self._cursors.renew_agents(agent_ids, self._clock.now_ms() + self._lease_ms)
        except StorageUnavailable:
            log.warning("agent_leases_not_renewed", agents=len(agent_ids))

    async def _renew_forever(self) -> None:
        while True:
            await asyncio.sleep(self._lease_ms / 3000)
            await self._renew(list(self._sockets))


def _best(statuses: Iterable[Presence]) -> Presence:
    return max(statuses, key=lambda status: RANK[status])


def _shown(agent_id: str, name: str, status: Presence) -> dict[str, Any]:
    return {"type": "presence", "agent": {"id": agent_id, "name": name}, "status": status}


def _table(raw: object) -> Table:
    """What another relay told of its agents; without what cannot be understood."""
    agents: dict[str, tuple[str, Presence]] = {}
    for agent_id, known in raw.items() if isinstance(raw, dict) else ():
        match known:
            case [str(name), ("online" | "away" | "offline") as status]:
                agents[str(agent_id)] = (name, status)
    return agents
