"""Which agents are there, and how long their conversations stay theirs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from handoff.adapters.pubsub_memory import MemoryPubSub
from handoff.domain.errors import StorageUnavailable
from handoff.ports import Signal
from handoff.service import presence as presence_module
from handoff.service.presence import FORGET_MS, TABLE_TOPIC, AgentPresence
from tests.contract.held_clock import START, HeldClock
from tests.contract.until import until, until_stored
from tests.unit.handoff.service.stage import ANA, Process

LEASE_MS = 60_000


@pytest.fixture
async def presence(relay: Process, clock: HeldClock) -> AsyncIterator[AgentPresence]:
    presence = AgentPresence("here", relay.cursors, relay.pubsub, clock, LEASE_MS)
    yield presence
    await presence.stop()


async def held_by_ana(relay: Process) -> str:
    c = await relay.open()
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    return c


def heard_from(presence: AgentPresence) -> list[tuple[str, str]]:
    """What a listener is told from now on, as (name, status)."""
    heard: list[tuple[str, str]] = []

    def hear(body: dict[str, Any]) -> None:
        heard.append((body["agent"]["name"], body["status"]))

    presence.listen(hear)
    return heard


async def test_the_best_of_an_agent_s_sockets_counts_and_only_changes_are_told(
    presence: AgentPresence,
) -> None:
    told = heard_from(presence)
    assert presence.status("usr_ana") == "offline"
    await presence.arrive("usr_ana", "Ana", 1)
    await presence.arrive("usr_ana", "Ana", 2)
    await presence.set("usr_ana", 1, "away")
    assert presence.status("usr_ana") == "online"
    await presence.set("usr_ana", 2, "offline")
    assert presence.status("usr_ana") == "away"
    await presence.leave("usr_ana", 1)
    assert presence.status("usr_ana") == "offline"
    await presence.leave("usr_ana", 2)
    assert told == [("Ana", "online"), ("Ana", "away"), ("Ana", "offline")]


async def test_those_with_a_socket_are_listed(presence: AgentPresence) -> None:
    await presence.arrive("usr_ben", "Ben", 2)
    await presence.arrive("usr_ana", "Ana", 1)
    await presence.set("usr_ana", 1, "offline")
    assert presence.present() == [
        {"type": "presence", "agent": {"id": "usr_ana", "name": "Ana"}, "status": "offline"},
        {"type": "presence", "agent": {"id": "usr_ben", "name": "Ben"}, "status": "online"},
    ]
    await presence.leave("usr_ben", 2)
    assert [shown["agent"]["id"] for shown in presence.present()] == ["usr_ana"]


async def test_a_lease_runs_from_the_last_socket_s_end(
    relay: Process, presence: AgentPresence, clock: HeldClock
) -> None:
    await held_by_ana(relay)
    await presence.arrive(str(ANA.id), "Ana", 1)
    await presence.arrive(str(ANA.id), "Ana", 2)
    clock.pass_ms(50_000)
    await presence.leave(str(ANA.id), 1)
    assert await relay.cursors.lost_agents(START + LEASE_MS) == [ANA.id]
    await presence.leave(str(ANA.id), 2)
    assert await relay.cursors.lost_agents(START + 50_000 + LEASE_MS - 1) == []
    assert await relay.cursors.lost_agents(START + 50_000 + LEASE_MS) == [ANA.id]


async def test_the_lease_is_renewed_while_there_is_a_socket(relay: Process, clock: HeldClock) -> None:
    await held_by_ana(relay)
    presence = AgentPresence("here", relay.cursors, relay.pubsub, clock, lease_ms=60)
    await presence.arrive(str(ANA.id), "Ana", 1)
    presence.start()
    clock.pass_ms(1_000)

    async def is_renewed() -> bool:
        return await relay.cursors.lost_agents(clock.now) == []

    await until_stored(is_renewed)
    await presence.stop()


async def test_a_storage_that_fails_only_delays_the_lease(
    relay: Process, clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await held_by_ana(relay)
    presence = AgentPresence("here", relay.cursors, relay.pubsub, clock, lease_ms=60)
    renew = relay.cursors.renew_agents
    failures: list[int] = []

    async def failing(*_: object) -> None:
        failures.append(1)
        raise StorageUnavailable("broken by the test")

    monkeypatch.setattr(relay.cursors, "renew_agents", failing)
    await presence.arrive(str(ANA.id), "Ana", 1)
    presence.start()
    await until(lambda: len(failures) > 2)
    assert presence.status(str(ANA.id)) == "online"
    monkeypatch.setattr(relay.cursors, "renew_agents", renew)

    async def is_renewed() -> bool:
        return await relay.cursors.lost_agents(clock.now) == []

    await until_stored(is_renewed)
    await presence.stop()


# --- several relays -----------------------------------------------------------------------------------------


@pytest.fixture
async def two(relay: Process, clock: HeldClock) -> AsyncIterator[tuple[AgentPresence, AgentPresence]]:
    """The presence of two relays that hear each other."""
    between = MemoryPubSub()
    one = AgentPresence("one", relay.cursors, between, clock, LEASE_MS)
    other = AgentPresence("other", relay.cursors, between, clock, LEASE_MS)
    yield one, other
    await one.stop()
    await other.stop()


async def test_an_agent_on_another_relay_is_there_too(two: tuple[AgentPresence, AgentPresence]) -> None:
    one, other = two
    told = heard_from(other)
    await one.arrive("usr_ana", "Ana", 1)
    assert [shown["agent"]["id"] for shown in other.present()] == ["usr_ana"]
    await other.arrive("usr_ana", "Ana", 1)
    await one.set("usr_ana", 1, "away")
    assert one.status("usr_ana") == other.status("usr_ana") == "online"
    await other.leave("usr_ana", 1)
    assert one.status("usr_ana") == other.status("usr_ana") == "away"
    await one.leave("usr_ana", 1)
    assert one.present() == other.present() == []
    assert told == [("Ana", "online"), ("Ana", "away"), ("Ana", "offline")]


async def test_a_relay_that_goes_takes_its_agents_with_it(relay: Process, clock: HeldClock) -> None:
    between = MemoryPubSub()
    going, staying = (
        AgentPresence(name, relay.cursors, between, clock, LEASE_MS) for name in ("going", "staying")
    )
    await going.arrive("usr_ana", "Ana", 1)
    assert staying.status("usr_ana") == "online"
    await going.stop()
    assert staying.status("usr_ana") == "offline"


async def test_a_relay_that_is_not_heard_any_more_is_forgotten(
    two: tuple[AgentPresence, AgentPresence], clock: HeldClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence_module, "TELL_S", 0.01)
    one, other = two
    await one.arrive("usr_ana", "Ana", 1)
    told = heard_from(other)
    other.start()
    clock.pass_ms(FORGET_MS + 1)
    await until(lambda: other.status("usr_ana") == "offline")
    assert told == [("Ana", "offline")]


@pytest.mark.parametrize(
    "agents",
    [
        None,
        [],
        {"usr_ana": "online"},
        {"usr_ana": ["Ana", "busy"]},
        {"usr_ana": ["Ana", "online", "more"]},
        {"usr_ana": [1, "online"]},
    ],
)
async def test_a_table_that_cannot_be_understood_adds_nobody(
    relay: Process, clock: HeldClock, agents: object
) -> None:
    between = MemoryPubSub()
    presence = AgentPresence("one", relay.cursors, between, clock, LEASE_MS)
    await between.publish(Signal(TABLE_TOPIC, {"relay": "other", "agents": agents}))
    await between.publish(Signal(TABLE_TOPIC, {}))
    assert presence.present() == []
