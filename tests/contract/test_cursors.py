"""Read cursors and agents' leases: stored, never events, and never going back."""

from __future__ import annotations

import asyncio

import pytest

from handoff.adapters.cursors_sql import SqlCursors
from handoff.adapters.log_sql import SqlEventLog
from handoff.ports import Cursors
from tests.contract.appends import ANA, BEN, opened, write
from tests.contract.databases import Database
from tests.contract.held_clock import START


@pytest.fixture
def cursors(database: Database) -> Cursors:
    return SqlCursors(database.engine())


@pytest.fixture
def other_cursors(database: Database) -> Cursors:
    return SqlCursors(database.engine())


async def test_a_cursor_only_moves_forward(cursors: Cursors) -> None:
    assert await cursors.seen("c1") == {}
    assert await cursors.see("c1", "customer", 3)
    assert not await cursors.see("c1", "customer", 3)
    assert not await cursors.see("c1", "customer", 2)
    assert await cursors.see("c1", "customer", 9)
    assert await cursors.seen("c1") == {"customer": 9}


async def test_who_has_seen_nothing_has_no_cursor(cursors: Cursors) -> None:
    assert not await cursors.see("c1", "customer", 0)
    assert await cursors.seen("c1") == {}


async def test_each_reader_of_each_conversation_has_a_cursor(cursors: Cursors) -> None:
    await cursors.see("c1", "customer", 3)
    await cursors.see("c1", "agent:usr_ana", 5)
    await cursors.see("c2", "customer", 7)
    assert await cursors.seen("c1") == {"customer": 3, "agent:usr_ana": 5}
    assert await cursors.seen("c2") == {"customer": 7}


async def test_from_many_processes_at_once_the_furthest_stays(
    cursors: Cursors, other_cursors: Cursors
) -> None:
    for base in range(0, 100, 10):
        moves = [base + step for step in (9, 2, 7, 10, 4, 8)]
        moved = await asyncio.gather(
            *((cursors, other_cursors)[n % 2].see("c1", "customer", seq) for n, seq in enumerate(moves))
        )
        assert await cursors.seen("c1") == {"customer": base + 10}
        assert moved[moves.index(base + 10)]


async def test_agents_who_hold_a_chat_and_whose_lease_ran_out_are_lost(
    log: SqlEventLog, cursors: Cursors
) -> None:
    for conversation_id, agent in (("c1", ANA), ("c2", BEN), ("c3", ANA)):
        script = await opened(log, conversation_id)
        await write(log, script.asks_for_a_person(), script.is_claimed(agent))
    # No lease at all is a lease that ran out.
    assert sorted(await cursors.lost_agents(START)) == ["usr_ana", "usr_ben"]
    await cursors.renew_agents(["usr_ana", "usr_ben", "usr_idle"], START + 100)
    await cursors.renew_agents([], START)
    assert await cursors.lost_agents(START + 99) == []
    await cursors.renew_agents(["usr_ben"], START + 200)
    assert await cursors.lost_agents(START + 100) == ["usr_ana"]
    assert sorted(await cursors.lost_agents(START + 200)) == ["usr_ana", "usr_ben"]
