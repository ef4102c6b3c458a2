"""What is decided from known heads is written in one go, or not at all."""

from __future__ import annotations

import asyncio

import pytest

from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.reactions_sql import SqlReactions
from handoff.domain.ladder import Timer
from handoff.domain.waits import Pickup
from handoff.ports import Append, Carried, CommandKey, CommandResult, Reaction
from tests.contract.appends import Script, opened, texts, write
from tests.contract.databases import Database
from tests.contract.held_clock import START
from tests.contract.until import stays_pending

RESULT = CommandResult("digest", 2, 1)
LATE = START * 2


def key(client_id: str = "a-client-id-0001", conversation_id: str = "c1") -> CommandKey:
    return CommandKey(conversation_id, "customer", client_id)


def is_kept(append: Append) -> tuple[CommandKey, CommandResult]:
    assert append.result is not None
    return append.result


async def results(log: SqlEventLog, *keys: CommandKey) -> dict[CommandKey, CommandResult]:
    async with log.transaction() as transaction:
        return await transaction.results(keys)


async def held_by_a_transaction(
    log: SqlEventLog, other_log: SqlEventLog, held: Append | None, append: Append, seq: int
) -> bool:
    """What `append` says after `other_log` has held the conversation, and written `held` meanwhile."""
    is_locked, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with other_log.transaction() as transaction:
            await transaction.lock({"c1"})
            is_locked.set()
            await go_on.wait()
            await transaction.write([] if held is None else [held])

    holder = asyncio.create_task(hold())
    await is_locked.wait()
    appending = asyncio.create_task(log.append([append], {"c1": seq}))
    assert await stays_pending(appending)
    go_on.set()
    await holder
    return await appending


async def test_everything_of_an_append_is_written(
    log: SqlEventLog, other_log: SqlEventLog, database: Database
) -> None:
    one, two = await opened(log, "c1"), await opened(log, "c2")
    timers = (Timer("wake_agents", START + 30_000),)
    first = one.says("first", result=(key(), RESULT), turns=(2,), leased_turn=2, carries=Carried(1, "kept"))
    asked = two.asks_for_a_person(timers=timers, due_at=START + 500)
    assert await log.append([first, asked], {"c1": 1, "c2": 1})
    claimed = two.is_claimed(pickup=Pickup(START + 100, START))
    assert await log.append([one.says("second"), claimed], {"c1": 2, "c2": 2})
    assert await texts(other_log, "c1") == ["first", "second"]
    assert await other_log.heads(["c1", "c2"]) == {"c1": 3, "c2": 3}
    heads = {name: await other_log.head(name) for name in ("c1", "c2")}
    assert {name: head and head.state for name, head in heads.items()} == {"c1": one.state, "c2": two.state}
    assert await results(other_log, key()) == {key(): RESULT}
    assert await other_log.dialogue("c1") == "kept"
    assert await other_log.pickups(START, 10) == [Pickup(START + 100, START)]
    assert await other_log.held_by("usr_ana") == ["c2"]
    wakes = SqlReactions(database.engine(), ("wake_agents",))
    assert [found.conversation_id for found in await wakes.take("w", LATE, 10, 10)] == ["c2"]


async def test_nothing_is_written_from_a_head_that_is_not_the_newest(
    log: SqlEventLog, other_log: SqlEventLog, database: Database
) -> None:
    one, two = await opened(log, "c1"), await opened(log, "c2")
    await write(other_log, two.says("seen by the other alone"))
    late = Script("c2")
    assert not await log.append(
        [
            one.says("lost?", result=(key(), RESULT), turns=(2,), carries=Carried(1, "kept")),
            late.start(result=(key(conversation_id="c2"), RESULT), pickup=Pickup(START, START)),
        ],
        {"c1": 1, "c2": 1},
    )
    assert await texts(log, "c1") == []
    assert await log.heads(["c1", "c2"]) == {"c1": 1, "c2": 2}
    assert await results(log, key(), key(conversation_id="c2")) == {}
    assert await log.dialogue("c1") is None
    assert await log.pickups(0, 10) == []
    assert await SqlReactions(database.engine()).take("w", LATE, 10, 10) == []


async def test_a_head_that_a_refusal_or_nothing_was_decided_from_counts_too(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    one, two = await opened(log, "c1"), await opened(log, "c2")
    await write(other_log, two.says())
    assert not await log.append([one.says()], {"c1": 1, "c2": 1})
    assert await texts(log, "c1") == []


async def test_an_unknown_conversation_takes_nothing(log: SqlEventLog) -> None:
    one = await opened(log, "c1")
    assert not await log.append([one.says(), Script("c2").start()], {"c1": 1, "c2": 0})
    assert await log.heads(["c1", "c2"]) == {"c1": 1}
    assert await log.read("c2", 0, 10) == []


async def test_a_command_that_was_run_before_takes_the_whole_batch_with_it(log: SqlEventLog) -> None:
    one, two = await opened(log, "c1"), await opened(log, "c2")
    assert await log.append([one.says("once", result=(key(), RESULT))], {"c1": 1})
    again = [one.says("twice", result=(key(), CommandResult("other", 3, 1))), two.says("not alone")]
    assert not await log.append(again, {"c1": 2, "c2": 1})
    assert await texts(log, "c1") == ["once"]
    assert await texts(log, "c2") == []
    assert await results(log, key()) == {key(): RESULT}


async def test_of_two_writers_from_one_head_one_writes(log: SqlEventLog, other_log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    for _ in range(20):
        seq = script.state.seq
        twins = [Script("c1"), Script("c1")]
        for twin in twins:
            twin.state = script.state
        wrote = await asyncio.gather(
            log.append([twins[0].says("here")], {"c1": seq}),
            other_log.append([twins[1].says("there")], {"c1": seq}),
        )
        assert sorted(wrote) == [False, True]
        script.state = twins[wrote.index(True)].state
    assert len(await texts(log, "c1")) == 20


async def test_it_waits_for_who_holds_the_conversation_and_sees_what_they_wrote(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    script = await opened(log, "c1")
    twin = Script("c1")
    twin.state = script.state
    assert not await held_by_a_transaction(log, other_log, script.says("theirs"), twin.says("ours"), 1)
    assert await texts(log, "c1") == ["theirs"]
    assert await held_by_a_transaction(log, other_log, None, script.says("ours"), 2)
    assert await texts(log, "c1") == ["theirs", "ours"]


async def test_a_repeat_that_another_writer_stores_at_the_same_time_is_seen(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    """A command that changes nothing moves no seq, so only its own key can tell."""
    script = await opened(log, "c1")
    nothing = script.append(result=(key(), CommandResult("digest", 1, 0)))
    same = script.says("said", result=(key(), RESULT))
    assert not await held_by_a_transaction(log, other_log, nothing, same, 1)
    assert await texts(log, "c1") == []
    assert await results(log, key()) == {key(): is_kept(nothing)[1]}


@pytest.mark.parametrize("at_once", [True, False], ids=["append", "transaction"])
async def test_what_a_batch_finishes_and_opens_anew_is_open(
    log: SqlEventLog, database: Database, at_once: bool
) -> None:
    script = await opened(log, "c1")
    timer = Timer("wake_agents", START + 10)
    await write(log, script.asks_for_a_person(timers=(timer,)))
    queue = SqlReactions(database.engine(), ("wake_agents",))
    [taken] = await queue.take("w", LATE, 10, 10)
    assert taken == Reaction("c1", 2, "wake_agents", script.state.waiting_since or 0, 1)
    batch = [script.append(finishes=taken), script.append(timers=(Timer("wake_agents", START + 20),))]
    if at_once:
        assert await log.append(batch, {"c1": 2})
    else:
        await write(log, *batch)
    [again] = await queue.take("w", LATE + 100, 10, 10)
    assert (again.seq, again.attempts) == (2, 1)
