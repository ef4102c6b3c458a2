"""Reactions by lease: what every queue of them keeps."""

from __future__ import annotations

import asyncio

import pytest

from handoff.adapters.database import open_engine
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.reactions_sql import SqlReactions
from handoff.ports import Backlog, Reaction, ReactionQueue
from tests.contract.appends import opened, write
from tests.contract.databases import Database, PostgresServer
from tests.contract.held_clock import START

NOW = START + 1_000
LEASE = 4_000


@pytest.fixture
def queue(database: Database) -> ReactionQueue:
    return SqlReactions(database.engine())


@pytest.fixture
def other_queue(database: Database) -> ReactionQueue:
    return SqlReactions(database.engine())


async def asked(log: SqlEventLog, conversation_id: str, turns: int = 1, at: int = START) -> None:
    script = await opened(log, conversation_id, at=at)
    await write(log, *(script.says(turns=(script.state.seq + 1,)) for _ in range(turns)))


def named(taken: list[Reaction]) -> list[tuple[str, int]]:
    return [(reaction.conversation_id, reaction.seq) for reaction in taken]


async def test_one_worker_at_a_time_has_a_reaction(
    log: SqlEventLog, queue: ReactionQueue, other_queue: ReactionQueue
) -> None:
    await asked(log, "c1")
    assert named(await queue.take("a", NOW, LEASE, 10)) == [("c1", 2)]
    assert await other_queue.take("b", NOW, LEASE, 10) == []
    assert await queue.take("a", NOW, LEASE, 10) == []


async def test_workers_that_take_at_once_share_without_overlap(
    log: SqlEventLog, queue: ReactionQueue, other_queue: ReactionQueue
) -> None:
    ids = [f"c{n:02}" for n in range(12)]
    for conversation_id in ids:
        await asked(log, conversation_id)
    takes = [(queue if n % 2 else other_queue).take(f"w{n}", NOW, LEASE, 5) for n in range(6)]
    taken = [named(batch) for batch in await asyncio.gather(*takes)]
    everything = sorted(name for batch in taken for name in batch)
    assert everything == sorted(set(everything))
    rest = named(await queue.take("w", NOW, LEASE, 100))
    assert sorted(everything + rest) == [(conversation_id, 2) for conversation_id in ids]


async def test_the_first_of_a_conversation_is_out_before_the_next(
    log: SqlEventLog, queue: ReactionQueue
) -> None:
    await asked(log, "c1", turns=3)
    await asked(log, "c2", turns=1)
    taken = await queue.take("a", NOW, LEASE, 10)
    assert sorted(named(taken)) == [("c1", 2), ("c2", 2)]
    assert await queue.take("a", NOW, LEASE, 10) == []
    first = next(reaction for reaction in taken if reaction.conversation_id == "c1")
    await queue.finish("a", first, NOW)
    [second] = await queue.take("a", NOW, LEASE, 10)
    assert (second.conversation_id, second.seq) == ("c1", 3)
    await queue.finish("a", second, NOW)
    assert named(await queue.take("a", NOW, LEASE, 10)) == [("c1", 4)]


async def test_those_that_are_due_longest_come_first_up_to_the_limit(
    log: SqlEventLog, queue: ReactionQueue
) -> None:
    for name, at in (("late", START + 30), ("early", START + 10), ("middle", START + 20)):
        await asked(log, name, at=at)
    assert [name for name, _ in named(await queue.take("a", NOW, LEASE, 2))] == ["early", "middle"]
    assert [name for name, _ in named(await queue.take("a", NOW, LEASE, 2))] == ["late"]


async def test_a_reaction_is_not_taken_before_it_is_due(log: SqlEventLog, queue: ReactionQueue) -> None:
    await asked(log, "c1", at=START)
    assert await queue.take("a", START, LEASE, 10) == []
    assert named(await queue.take("a", START + 1, LEASE, 10)) == [("c1", 2)]


async def test_a_lease_that_ran_out_is_taken_over_and_the_first_holder_can_do_no_more(
    log: SqlEventLog, queue: ReactionQueue, other_queue: ReactionQueue
) -> None:
    await asked(log, "c1")
    [first] = await queue.take("a", NOW, LEASE, 10)
    assert await other_queue.take("b", NOW + LEASE - 1, LEASE, 10) == []
    [second] = await other_queue.take("b", NOW + LEASE, LEASE, 10)
    assert (second.seq, second.attempts, second.created_at) == (
        first.seq,
        first.attempts + 1,
        first.created_at,
    )
    # The first holder comes to and knows nothing of it.
    await queue.renew("a", [first], NOW + 100 * LEASE)
    await queue.release("a", first, NOW)
    await queue.finish("a", first, NOW)
    later = NOW + 2 * LEASE
    assert await other_queue.take("c", later - 1, LEASE, 10) == []
    assert named(await other_queue.take("c", later, LEASE, 10)) == [("c1", 2)]


async def test_a_renewed_lease_holds(
    log: SqlEventLog, queue: ReactionQueue, other_queue: ReactionQueue
) -> None:
    await asked(log, "c1")
    taken = await queue.take("a", NOW, LEASE, 10)
    await queue.renew("a", taken, NOW + 3 * LEASE)
    await queue.renew("a", [], NOW)
    assert await other_queue.take("b", NOW + 3 * LEASE - 1, LEASE, 10) == []
    assert named(await other_queue.take("b", NOW + 3 * LEASE, LEASE, 10)) == [("c1", 2)]


async def test_a_released_reaction_is_taken_again_from_its_time_on(
    log: SqlEventLog, queue: ReactionQueue, other_queue: ReactionQueue
) -> None:
    await asked(log, "c1")
    [reaction] = await queue.take("a", NOW, LEASE, 10)
    await queue.release("a", reaction, NOW + 10)
    assert await other_queue.take("b", NOW + 9, LEASE, 10) == []
    assert named(await other_queue.take("b", NOW + 10, LEASE, 10)) == [("c1", 2)]


async def test_a_finished_reaction_never_comes_back(log: SqlEventLog, queue: ReactionQueue) -> None:
    await asked(log, "c1")
    [reaction] = await queue.take("a", NOW, LEASE, 10)
    await queue.finish("a", reaction, NOW)
    await queue.renew("a", [reaction], NOW)
    assert await queue.take("a", NOW + 100 * LEASE, LEASE, 10) == []


async def test_finishing_what_was_opened_again_meanwhile_leaves_it_open(
    log: SqlEventLog, queue: ReactionQueue
) -> None:
    """A customer who cancels a handoff opens the turn again while its worker is still closing it."""
    script = await opened(log, "c1")
    await write(log, script.says(turns=(2,), leased_turn=2))
    first = Reaction("c1", 2, "bot_turn", script.at, 1)
    await write(log, script.append(turns=(2,), leased_turn=2))
    await queue.finish("here", first, NOW)
    assert named(await queue.take("b", script.at + LEASE, LEASE, 10)) == [("c1", 2)]


async def test_a_worker_that_goes_away_lets_go_of_everything_it_has_and_of_nothing_else(
    log: SqlEventLog, queue: ReactionQueue, other_queue: ReactionQueue
) -> None:
    for name in ("c1", "c2", "c3"):
        await asked(log, name)
    mine = await queue.take("a", NOW, LEASE, 2)
    (theirs,) = await other_queue.take("b", NOW, LEASE, 10)
    await queue.finish("a", mine[0], NOW)
    await queue.release_all("a")
    # At once, not when the lease would have run out; what was finished stays so.
    assert named(await other_queue.take("b", NOW, LEASE, 10)) == named(mine[1:])
    await queue.release_all("a")
    assert await queue.take("c", NOW, LEASE, 10) == []
    assert named([theirs]) != named(mine)


async def test_the_backlog_counts_what_could_be_taken_and_how_long_it_waits(
    log: SqlEventLog, queue: ReactionQueue
) -> None:
    assert await queue.backlog(NOW) == Backlog(0, 0, 0)
    await asked(log, "c1", turns=2)
    await asked(log, "c2")
    # The second turn of c1 is not behind: it follows the first.
    assert await queue.backlog(NOW) == Backlog(3, 2, NOW - START - 1)
    assert await queue.backlog(START - 1) == Backlog(3, 0, 0)
    taken = await queue.take("a", NOW, LEASE, 10)
    assert await queue.backlog(NOW) == Backlog(3, 0, 0)
    await queue.release("a", taken[0], NOW + 500)
    assert await queue.backlog(NOW + 700) == Backlog(3, 1, 200)
    assert (await queue.backlog(NOW + LEASE + 1)).due == 2
    for reaction in taken:
        await queue.finish("a", reaction, NOW)
    assert (await queue.backlog(NOW + LEASE)).open in {1, 2}


@pytest.mark.needs_postgres
async def test_a_renewal_waits_for_nobody_who_is_finishing(postgres_server: PostgresServer) -> None:
    """Whoever finishes one may wait for another that the renewal has: each would wait for the other."""
    engine = open_engine(postgres_server.emptied())
    log, queue = SqlEventLog(engine, "a", LEASE), SqlReactions(engine)
    scripts = {name: await opened(log, name) for name in ("c1", "c2")}
    for script in scripts.values():
        await write(log, script.says(turns=(2,)))
    taken = await queue.take("a", NOW, LEASE, 10)
    [finishing] = [reaction for reaction in taken if reaction.conversation_id == "c1"]
    async with log.transaction() as transaction:
        await transaction.write([scripts["c1"].append(finishes=finishing)])
        async with asyncio.timeout(3):
            await queue.renew("a", taken, NOW + 3 * LEASE)
    # The other one is renewed, the one that was being finished is done.
    assert await queue.take("b", NOW + 3 * LEASE - 1, LEASE, 10) == []
    assert named(await queue.take("b", NOW + 3 * LEASE, LEASE, 10)) == [("c2", 2)]
    await engine.dispose()
