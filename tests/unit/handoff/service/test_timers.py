"""What time alone brings about: idle episodes close, and the chats of vanished agents go back to the queue."""

from __future__ import annotations

import asyncio

import pytest

from handoff.domain.events import AgentLeft, ConversationClosed
from handoff.domain.rules import Rules
from handoff.service.timers import Timers
from tests.contract.until import until_stored
from tests.unit.handoff.service.stage import ANA, BEN, Process, Stage

IDLE_MS = 30 * 60_000
LEASE_MS = 60_000


def timers_of(process: Process) -> Timers:
    return Timers(
        log_=process.log,
        cursors=process.cursors,
        conversations=process.conversations,
        clock=process.clock,
        agent_lease_ms=LEASE_MS,
    )


async def test_an_idle_episode_is_closed_once_when_its_time_has_come(stage: Stage, relay: Process) -> None:
    c = await relay.open()
    timers = timers_of(relay)
    stage.clock.pass_ms(IDLE_MS - 1)
    await timers.look()
    assert await relay.kinds(c) == []
    stage.clock.pass_ms(1)
    await timers.look()
    await timers.look()
    [closed] = await relay.of(ConversationClosed, c)
    assert closed.by == "idle"
    assert await relay.log.due(stage.clock.now + IDLE_MS, 10) == []


async def test_words_put_the_close_off_and_an_open_turn_is_not_idleness(stage: Stage) -> None:
    process = stage.answering(stage.process())
    c, waiting = await process.open(), await stage.process("other").open()
    timers = timers_of(process)
    stage.clock.pass_ms(IDLE_MS - 1)
    await process.say(c, "still here")

    async def is_answered() -> bool:
        return await process.kinds(c) == ["customer.said", "bot.replied"]

    await until_stored(is_answered)
    other = stage.process("unanswered")
    await other.say(waiting, "nobody answers this one")
    stage.clock.pass_ms(IDLE_MS - 1)
    await timers.look()
    assert await process.of(ConversationClosed, c) == []
    stage.clock.pass_ms(1)
    await timers.look()
    assert len(await process.of(ConversationClosed, c)) == 1
    assert await process.of(ConversationClosed, waiting) == []


async def test_who_waits_or_is_served_is_not_closed(stage: Stage, relay: Process) -> None:
    waiting, served = await relay.open(), await relay.open()
    for c in (waiting, served):
        await relay.ask_for_a_person(c)
    await relay.claim(served)
    await relay.cursors.renew_agents([str(ANA.id)], stage.clock.now + 100 * IDLE_MS)
    stage.clock.pass_ms(10 * IDLE_MS)
    await timers_of(relay).look()
    assert await relay.kinds(waiting) == ["handoff.requested"]
    assert await relay.kinds(served) == ["handoff.requested", "agent.joined"]


async def test_deadlines_survive_a_restart_and_a_longer_limit_holds_for_them_too(stage: Stage) -> None:
    before = stage.process()
    c = await before.open()
    await before.conversations.stop()
    after = stage.process(rules=Rules(episode_idle_ms=2 * IDLE_MS))
    timers = timers_of(after)
    stage.clock.pass_ms(IDLE_MS)
    await timers.look()
    assert await after.kinds(c) == []
    # It is not looked at again each second until then.
    assert await after.log.due(stage.clock.now, 10) == []
    stage.clock.pass_ms(IDLE_MS)
    await timers.look()
    assert await after.kinds(c) == ["conversation.closed"]


async def test_a_limit_that_was_set_since_holds_for_those_who_wait_already(stage: Stage) -> None:
    before = stage.process()
    c = await before.open()
    await before.ask_for_a_person(c)
    after = stage.process(rules=Rules(handoff_limit_ms=IDLE_MS, handoff_expiry="bot"))
    stage.clock.pass_ms(IDLE_MS - 1)
    timers = timers_of(after)
    await timers.look()
    assert await after.kinds(c) == ["handoff.requested"]
    stage.clock.pass_ms(1)
    await timers.look()
    assert await after.kinds(c) == ["handoff.requested", "handoff.expired", "system.notice"]


async def test_several_relays_that_look_at_once_expire_a_wait_once(stage: Stage) -> None:
    rules = Rules(handoff_limit_ms=IDLE_MS, handoff_expiry="contact")
    relays = [stage.process(rules=rules) for _ in range(3)]
    c = await relays[0].open()
    await relays[0].ask_for_a_person(c)
    stage.clock.pass_ms(IDLE_MS)
    await asyncio.gather(*(timers_of(relay).look() for relay in relays))
    assert await relays[0].kinds(c) == ["handoff.requested", "system.notice"]
    assert await relays[0].log.due(stage.clock.now * 2, 10) == []


async def test_the_chats_of_an_agent_who_is_gone_go_back_to_the_front(stage: Stage, relay: Process) -> None:
    queued = await relay.open()
    await relay.ask_for_a_person(queued)
    mine, also_mine, others = [await relay.open() for _ in range(3)]
    for c, agent in ((mine, ANA), (also_mine, ANA), (others, BEN)):
        await relay.ask_for_a_person(c)
        await relay.claim(c, agent)
    timers = timers_of(relay)
    stage.clock.pass_ms(LEASE_MS)
    await relay.cursors.renew_agents([str(BEN.id)], stage.clock.now + LEASE_MS)
    await timers.look()
    await timers.look()
    for c in (mine, also_mine):
        assert await relay.kinds(c) == ["handoff.requested", "agent.joined", "agent.left"]
        assert [left.reason for left in await relay.of(AgentLeft, c)] == ["lease_expired"]
    assert await relay.kinds(others) == ["handoff.requested", "agent.joined"]
    waiting = [head.state.id for head in await relay.log.in_states(["waiting"], 10)]
    assert sorted(waiting[:2]) == sorted([mine, also_mine])
    assert waiting[2:] == [queued]


async def test_after_a_start_agents_have_the_time_of_a_lease_to_come_back(
    stage: Stage, relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.service.timers.LOOK_S", 0.01)
    c = await relay.open()
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    stage.clock.pass_ms(10 * LEASE_MS)
    timers = timers_of(relay)
    timers.start()
    stage.clock.pass_ms(LEASE_MS - 1)
    await timers.look()
    assert await relay.kinds(c) == ["handoff.requested", "agent.joined"]
    stage.clock.pass_ms(1)

    async def is_given_back() -> bool:
        return await relay.kinds(c) == ["handoff.requested", "agent.joined", "agent.left"]

    await until_stored(is_given_back)
    await timers.stop()


async def test_a_storage_that_fails_only_delays(
    stage: Stage, relay: Process, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("handoff.service.timers.LOOK_S", 0.01)
    c = await relay.open()
    stage.clock.pass_ms(IDLE_MS)
    relay.log.broken = True
    timers = timers_of(relay)
    tried: list[int] = []
    look = timers.look

    async def counted() -> None:
        tried.append(1)
        await look()

    monkeypatch.setattr(timers, "look", counted)
    timers.start()

    async def was_tried() -> bool:
        return len(tried) > 2

    await until_stored(was_tried)
    assert await relay.kinds(c) == []
    relay.log.broken = False

    async def is_closed() -> bool:
        return await relay.kinds(c) == ["conversation.closed"]

    await until_stored(is_closed)
    await timers.stop()
