"""What every event log finds without reading conversations: who waits, who holds what, what is due, what the queue keeps."""

from __future__ import annotations

import pytest

from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.reactions_sql import SqlReactions
from handoff.domain import events as e
from handoff.domain.conversation import FollowUp
from handoff.domain.events import SYSTEM, NewEvent
from handoff.domain.ladder import Timer
from handoff.domain.waits import Pickup
from tests.contract.appends import ANA, BEN, Script, opened, write
from tests.contract.databases import Database
from tests.contract.held_clock import START

# --- the lists ----------------------------------------------------------------------------------------------


async def test_the_longest_waiting_come_first_and_those_at_the_front_before_all(log: SqlEventLog) -> None:
    for name in ("late", "early", "middle", "back", "held", "bot"):
        await opened(log, name, at=START)

    async def script_of(name: str) -> Script:
        head = await log.head(name)
        assert head is not None
        script = Script(name, START)
        script.state = head.state
        return script

    for name, at in (("late", 30), ("early", 10), ("middle", 20)):
        await write(log, (await script_of(name)).asks_for_a_person(at=START + at))
    back = await script_of("back")
    await write(
        log,
        back.asks_for_a_person(at=START + 5),
        back.is_claimed(at=START + 6),
        back.append(NewEvent(SYSTEM, e.AgentLeft("lease_expired")), at=START + 90),
    )
    held = await script_of("held")
    await write(log, held.asks_for_a_person(at=START), held.is_claimed(at=START + 1))

    async def listed(*states: str, limit: int = 10) -> list[str]:
        return [head.state.id for head in await log.in_states(states, limit)]  # type: ignore[arg-type]

    assert await listed("waiting") == ["back", "early", "middle", "late"]
    assert await listed("waiting", limit=2) == ["back", "early"]
    assert await listed("agent") == ["held"]
    # A limit cuts off those who wait least, and those who do not wait before them.
    assert await listed("waiting", "agent") == ["back", "early", "middle", "late", "held"]
    assert await listed("waiting", "agent", limit=4) == ["back", "early", "middle", "late"]
    assert await listed("closed") == []


async def test_what_an_agent_holds_follows_the_events(log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    assert await log.held_by("usr_ana") == []
    await write(log, script.asks_for_a_person(), script.is_claimed(ANA))
    assert await log.held_by("usr_ana") == ["c1"]
    await write(
        log,
        script.append(NewEvent(ANA, e.ConversationTransferred({"agent": "usr_ben"}))),
        script.is_claimed(BEN),
    )
    assert await log.held_by("usr_ana") == []
    assert await log.held_by("usr_ben") == ["c1"]
    await write(log, script.append(NewEvent(BEN, e.ConversationClosed("agent", 1))))
    assert await log.held_by("usr_ben") == []


async def test_what_is_due_comes_when_its_time_has_come_the_oldest_first(log: SqlEventLog) -> None:
    for name, due_at in (("c1", START + 20), ("c2", START + 10), ("c3", None)):
        script = await opened(log, name)
        await write(log, script.says(due_at=due_at))
    assert await log.due(START + 9, 10) == []
    assert await log.due(START + 10, 10) == ["c2"]
    assert await log.due(START + 99, 10) == ["c2", "c1"]
    assert await log.due(START + 99, 1) == ["c2"]
    head = await log.head("c2")
    assert head is not None
    again = Script("c2")
    again.state = head.state
    await write(log, again.says(due_at=None))
    assert await log.due(START + 99, 10) == ["c1"]


# --- what the queue keeps ---------------------------------------------------------------------------------------


async def test_pick_ups_are_kept_and_the_latest_are_read(log: SqlEventLog, other_log: SqlEventLog) -> None:
    for n in range(4):
        script = await opened(log, f"c{n}")
        waited = Pickup(START + 100 * n, START)
        await write(log, script.asks_for_a_person(), script.is_claimed(at=START + 100 * n, pickup=waited))
    assert await other_log.pickups(START, 10) == [Pickup(START + 100 * n, START) for n in (3, 2, 1, 0)]
    assert await other_log.pickups(START + 100, 2) == [Pickup(START + 300, START), Pickup(START + 200, START)]
    assert await other_log.pickups(START + 301, 10) == []


async def test_pick_ups_of_a_rolled_back_append_are_not_kept(log: SqlEventLog) -> None:
    script = await opened(log, "c1")

    async def write_and_fail() -> None:
        async with log.transaction() as transaction:
            await transaction.write([script.is_claimed(pickup=Pickup(START, START))])
            raise LookupError("the caller's own trouble")

    with pytest.raises(LookupError):
        await write_and_fail()
    assert await log.pickups(0, 10) == []


async def test_addresses_to_write_to_are_found_oldest_first_until_it_is_done(log: SqlEventLog) -> None:
    scripts = {}
    for name, at in (("late", START + 50), ("early", START + 10), ("none", START)):
        scripts[name] = await opened(log, name)
        if name != "none":
            left = scripts[name].append(e.CustomerLeftContact(f"{name}@example.org", "Call me"), at=at)
            await write(log, left)
    found = await log.follow_ups(10)
    assert [head.state.id for head in found] == ["early", "late"]
    assert found[0].state.follow_up == FollowUp(START + 10, "early@example.org", "Call me")
    assert [head.state.id for head in await log.follow_ups(1)] == ["early"]
    await write(log, scripts["early"].append(NewEvent(ANA, e.ContactFollowedUp())))
    assert [head.state.id for head in await log.follow_ups(10)] == ["late"]


async def test_timers_are_rows_of_the_append_that_set_them(log: SqlEventLog, database: Database) -> None:
    script = await opened(log, "c1")
    rungs = (Timer("wake_agents", START + 30_000), Timer("wake_webhook", START + 120_000))
    await write(log, script.asks_for_a_person(timers=rungs))
    turns, people, web = (
        SqlReactions(database.engine(), kinds)
        for kinds in (("bot_turn",), ("wake_agents", "wake_supervisors"), ("wake_webhook",))
    )
    late = START + 120_000
    assert await people.take("w", START + 29_999, 10, 10) == []
    [rung] = await people.take("w", START + 30_000, 10, 10)
    assert (rung.conversation_id, rung.seq, rung.kind) == ("c1", 2, "wake_agents")
    # It names the wait it was set for.
    assert rung.created_at == script.state.waiting_since
    assert [found.kind for found in await web.take("w", late, 10, 10)] == ["wake_webhook"]
    assert await turns.take("w", late, 10, 10) == []
    await write(log, script.append(finishes=rung))
    assert await people.take("w", 2 * late, 10, 10) == []
