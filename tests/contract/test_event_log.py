"""What every event log keeps, whatever it is made of."""

from __future__ import annotations

import asyncio
from typing import get_args

import pytest
import sqlalchemy as sa

from handoff.adapters.log_heads import MAX_IDS
from handoff.adapters.log_rows import SNAPSHOT_EVERY
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.reactions_sql import SqlReactions
from handoff.adapters.schema import snapshots
from handoff.domain import events as e
from handoff.domain.conversation import fold
from handoff.domain.errors import StorageUnavailable
from handoff.domain.events import BOT, SYSTEM, NewEvent
from handoff.ports import CommandKey, CommandResult, Customer, Opened, Reaction, RunBeforeError
from tests.contract.appends import ANA, Script, opened, opening_of, texts, write
from tests.contract.databases import Database
from tests.contract.held_clock import START
from tests.contract.until import stays_pending

RESULT = CommandResult("digest", 2, 1)


def key(client_id: str = "a-client-id-0001", conversation_id: str = "c1") -> CommandKey:
    return CommandKey(conversation_id, "customer", client_id)


# --- commit and rollback ------------------------------------------------------------------------------------


async def test_nothing_is_visible_before_the_commit(log: SqlEventLog, other_log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    async with log.transaction() as transaction:
        await transaction.lock({"c1"})
        await transaction.write([script.says(result=(key(), RESULT))])
        await transaction.open(opening_of("c2"), Script("c2").start())
        for reader in (log, other_log):
            assert [event.seq for event in await reader.read("c1", 0, 10)] == [1]
            assert await reader.heads(["c1", "c2"]) == {"c1": 1}
            assert await reader.head("c2") is None
    for reader in (log, other_log):
        assert [event.seq for event in await reader.read("c1", 0, 10)] == [1, 2]
        assert await reader.heads(["c1", "c2"]) == {"c1": 2, "c2": 1}


async def test_an_exception_leaves_nothing(log: SqlEventLog, database: Database) -> None:
    script = await opened(log, "c1")
    before = script.state

    async def write_and_fail() -> None:
        async with log.transaction() as transaction:
            await transaction.lock({"c1"})
            await transaction.write([script.says(result=(key(), RESULT), turns=(2,), leased_turn=2)])
            await transaction.open(opening_of("c2"), Script("c2").start())
            raise LookupError("the caller's own trouble")

    with pytest.raises(LookupError):
        await write_and_fail()
    assert [event.seq for event in await log.read("c1", 0, 10)] == [1]
    assert await log.heads(["c1", "c2"]) == {"c1": 1}
    async with log.transaction() as transaction:
        assert (await transaction.lock({"c1"}))["c1"].state == before
        assert await transaction.results([key()]) == {}
        assert await transaction.opened(["opened-c2"]) == {}
    assert await SqlReactions(database.engine()).take("w", START * 2, 1, 10) == []


async def test_a_cancelled_transaction_leaves_nothing_and_blocks_nobody(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    script = await opened(log, "c1")
    written = asyncio.Event()

    async def write_and_hang() -> None:
        async with log.transaction() as transaction:
            await transaction.lock({"c1"})
            await transaction.write([script.says("never said")])
            written.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(write_and_hang())
    await written.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    head = await other_log.head("c1")
    assert head is not None
    again = Script("c1")
    again.state = head.state
    await write(other_log, again.says("said"))
    assert await texts(log, "c1") == ["said"]


async def test_two_events_cannot_have_one_seq_and_the_second_writer_is_told(log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    twin = Script("c1")
    twin.state = script.state
    await write(log, script.says("first"))
    with pytest.raises(StorageUnavailable):
        await write(log, twin.says("second"))
    assert await texts(log, "c1") == ["first"]


# --- heads --------------------------------------------------------------------------------------------------


async def test_a_head_has_the_fold_of_the_log_and_the_customer(log: SqlEventLog) -> None:
    customer = Customer("42", "Eva", "eva@example.org", {"plan": "gold", "since": 2019}, verified=True)
    script = await opened(log, "c1", customer=customer)
    await write(log, script.says("Where is my order?"), script.asks_for_a_person(), script.is_claimed())
    head = await log.head("c1")
    assert head is not None
    assert head.customer == customer
    assert head.state == script.state
    assert head.state == fold("c1", await log.read("c1", 0, 10))
    async with log.transaction() as transaction:
        assert await transaction.lock({"c1", "unknown"}) == {"c1": head}


async def test_a_head_is_as_new_as_the_log_when_its_snapshot_is_not(
    log: SqlEventLog, other_log: SqlEventLog, database: Database
) -> None:
    """Words between customer and agent do not write a snapshot each: who reads a head folds them in."""
    engine = database.engine()

    async def snapshot_seq(conversation_id: str) -> int:
        query = sa.select(snapshots.c.seq).where(snapshots.c.conversation_id == conversation_id)
        async with engine.connect() as connection:
            return (await connection.execute(query)).scalar_one()

    scripts = {name: await opened(log, name) for name in ("c1", "c2", "quiet")}
    for script in scripts.values():
        await write(log, script.asks_for_a_person(), script.is_claimed())
    seen: set[int] = set()
    for n in range(SNAPSHOT_EVERY + 3):
        said = NewEvent(ANA, e.AgentSaid(f"answer {n}", f"client-id-{n:08}"))
        # Alone and two at once: what is due is not passed over.
        await write(log, scripts["c1"].says(f"{n}"), scripts["c2"].says(f"{n}"), scripts["c2"].append(said))
        for name in ("c1", "c2"):
            behind = scripts[name].state.seq - await snapshot_seq(name)
            assert 0 <= behind < SNAPSHOT_EVERY + 2
            seen.add(behind)
    assert max(seen) > SNAPSHOT_EVERY // 2
    states = {name: script.state for name, script in scripts.items()}
    for name, state in states.items():
        head = await other_log.head(name)
        assert head is not None
        assert head.state == state == fold(name, await log.read(name, 0, 1000))
    assert {head.state.id: head.state for head in await other_log.in_states(["agent"], 10)} == states
    async with other_log.transaction() as transaction:
        locked = await transaction.lock(set(states))
    assert {name: head.state for name, head in locked.items()} == states


async def test_what_is_believed_of_a_head_is_taken_only_where_it_is_still_so(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    script = await opened(log, "c1")
    await write(log, script.asks_for_a_person(), script.is_claimed())
    old = await log.head("c1")
    assert old is not None
    async with other_log.transaction() as transaction:
        assert (await transaction.lock({"c1"}, lambda _id: old))["c1"] is old
    await write(log, script.says())
    async with other_log.transaction() as transaction:
        assert (await transaction.lock({"c1"}, lambda _id: old))["c1"].state == script.state


async def test_an_unknown_conversation_has_no_head_and_no_events(log: SqlEventLog) -> None:
    assert await log.head("c1") is None
    assert await log.heads(["c1"]) == {}
    assert await log.heads([]) == {}
    assert await log.read("c1", 0, 10) == []


async def test_a_locked_head_stays_as_it_was_read(log: SqlEventLog, other_log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    is_locked, go_on = asyncio.Event(), asyncio.Event()

    async def hold() -> None:
        async with log.transaction() as transaction:
            await transaction.lock({"c1"})
            is_locked.set()
            await go_on.wait()
            await transaction.write([script.says("first")])

    async def look() -> int:
        async with other_log.transaction() as transaction:
            return (await transaction.lock({"c1"}))["c1"].state.seq

    holder = asyncio.create_task(hold())
    await is_locked.wait()
    looker = asyncio.create_task(look())
    assert await stays_pending(looker)
    go_on.set()
    await holder
    assert await looker == 2


# --- appends ------------------------------------------------------------------------------------------------

EXAMPLES: tuple[e.Payload, ...] = (
    e.ConversationStarted("de-AT", {"url": "https://shop.example/x", "title": "Ärmel"}),
    e.EpisodeStarted(2),
    e.CustomerSaid("Wo bleibt das? 🙂\n“”", "a-client-id-0001", "answer:7"),
    e.BotReplied(
        turn=3,
        release_id="r1",
        kind="answer",
        text="**Soon**",
        choices=({"id": "human", "label": "Talk to a person"},),
        article_id="delivery",
        decision={"confidence": 0.93, "passages": [{"article_id": "delivery", "title": "D", "score": 0.9}]},
    ),
    e.BotReplyDiscarded(3),
    e.HandoffRequested("c1.1", 2, "asked", {"trigger_seq": 3}, ({"text": "Asked.", "seqs": [3]},), "usr_ana"),
    e.HandoffCancelled(),
    e.HandoffExpired(),
    e.HandoffAlerted("supervisors"),
    e.AgentJoined("c1.1"),
    e.AgentLeft("lease_expired"),
    e.AgentSaid("Hello", "a-client-id-0002"),
    e.AgentNoted("calls back"),
    e.ConversationTransferred({"agent": "usr_ben"}, "speaks French"),
    e.ConversationReturnedToBot("refunded", "10 EUR"),
    e.CustomerLeftContact("eva@example.org", "mornings"),
    e.ContactFollowedUp("resolved"),
    e.ConversationClosed("agent", 2, "solved"),
    e.CustomerRated("nps", 9, 2, "quick"),
    e.CustomerGaveFeedback(4, helpful=True),
    e.SystemNotice("bot_warming", "A moment.", ({"id": "relay:wait", "label": "Wait"},)),
)


async def test_every_kind_of_event_is_read_as_it_was_written(log: SqlEventLog) -> None:
    assert {type(example) for example in EXAMPLES} == set(get_args(e.Payload))
    script = await opened(log, "c1")
    actors = (e.CUSTOMER, BOT, SYSTEM, ANA)
    append = script.append(*(NewEvent(actors[n % 4], example) for n, example in enumerate(EXAMPLES)))
    await write(log, append)
    assert await log.read("c1", 1, 100) == list(append.events)


async def test_events_are_read_past_a_cursor_in_order_and_in_pages(log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    await write(log, *(script.says(f"{n}") for n in range(6)))
    await opened(log, "c2")
    assert [event.seq for event in await log.read("c1", 0, 3)] == [1, 2, 3]
    assert [event.seq for event in await log.read("c1", 3, 3)] == [4, 5, 6]
    assert [event.seq for event in await log.read("c1", 6, 3)] == [7]
    assert await log.read("c1", 7, 3) == []


async def test_several_appends_of_one_conversation_follow_each_other(log: SqlEventLog) -> None:
    one, two = await opened(log, "c1"), await opened(log, "c2")
    await write(log, one.says("a"), two.says("x"), one.says("b"), one.asks_for_a_person(), two.says("y"))
    assert await texts(log, "c1") == ["a", "b"]
    assert await texts(log, "c2") == ["x", "y"]
    assert await log.heads(["c1", "c2"]) == {"c1": 4, "c2": 3}
    assert [head.state.id for head in await log.in_states(["waiting"], 10)] == ["c1"]


async def test_a_transaction_may_touch_more_conversations_than_one_statement_names(log: SqlEventLog) -> None:
    scripts = [Script(f"c{n}") for n in range(MAX_IDS + 7)]
    async with log.transaction() as transaction:
        for script in scripts:
            await transaction.open(opening_of(script.state.id), script.start())
    ids = [script.state.id for script in scripts]
    async with log.transaction() as transaction:
        assert set(await transaction.lock(ids)) == set(ids)
        results = {key(f"client-{c}", c): CommandResult("d", 2, 1) for c in ids}
        await transaction.write(
            [s.says(result=(key(f"client-{s.state.id}", s.state.id), RESULT)) for s in scripts]
        )
    assert set((await log.heads(ids)).values()) == {2}
    async with log.transaction() as transaction:
        assert set(await transaction.results(list(results))) == set(results)
        assert len(await transaction.opened([f"opened-{c}" for c in ids])) == len(ids)


# --- the results of commands --------------------------------------------------------------------------------


async def test_a_result_belongs_to_one_command_of_one_actor_in_one_conversation(log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    await opened(log, "c2")
    await write(log, script.says(result=(key(), RESULT)))
    others = [
        CommandKey("c2", "customer", "a-client-id-0001"),
        CommandKey("c1", "agent:usr_ana", "a-client-id-0001"),
        CommandKey("c1", "customer", "a-client-id-0002"),
    ]
    async with log.transaction() as transaction:
        assert await transaction.results([key(), *others]) == {key(): RESULT}
        assert await transaction.results([]) == {}


async def test_a_command_has_one_result_and_its_repeat_writes_nothing(log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    await write(log, script.says("once", result=(key(), RESULT)))
    twice = script.says("twice", result=(key(), CommandResult("digest", 3, 1)))
    with pytest.raises(RunBeforeError):
        await write(log, twice)
    assert await texts(log, "c1") == ["once"]
    # Also among others that are new, and where it makes no event.
    other = await opened(log, "c2")
    script.state = fold("c1", await log.read("c1", 0, 10))
    with pytest.raises(RunBeforeError):
        await write(
            log,
            other.says("new", result=(key(conversation_id="c2"), RESULT)),
            script.append(result=(key(), CommandResult("digest", 2, 0))),
        )
    assert await texts(log, "c2") == []
    async with log.transaction() as transaction:
        assert await transaction.results([key(), key(conversation_id="c2")]) == {key(): RESULT}


async def test_a_command_that_made_no_event_has_a_result_all_the_same(log: SqlEventLog) -> None:
    script = await opened(log, "c1")
    nothing = CommandResult("digest", 1, 0)
    await write(log, script.append(result=(key(), nothing)))
    async with log.transaction() as transaction:
        assert await transaction.results([key()]) == {key(): nothing}
    assert await log.heads(["c1"]) == {"c1": 1}


async def test_a_result_is_found_without_reading_all_others(log: SqlEventLog, database: Database) -> None:
    """It is asked for with every command, so its cost must not grow with the log."""
    looked_up = {
        "sqlite": "SEARCH commands USING INDEX sqlite_autoindex_commands_1 (conversation_id=? AND actor=? AND client_id=?)",
        "postgresql": "using pk_commands on commands",
    }
    asked: list[tuple[str, tuple[object, ...]]] = []
    engine = database.engine()

    def note(_c: object, _cursor: object, statement: str, parameters: tuple[object, ...], *_: object) -> None:
        asked.append((statement, parameters))

    await opened(log, "c1")
    sa.event.listen(engine.sync_engine, "before_cursor_execute", note)
    async with SqlEventLog(engine, "here", 1).transaction() as transaction:
        await transaction.results([key(f"client-id-{n:07}") for n in range(3)])
    statement, parameters = next(a for a in asked if "JOIN commands" in a[0])
    async with database.engine().connect() as connection:
        if database.name == "postgresql":
            # The few rows of a test are cheaper read than looked up; only the choice of an index is asked for.
            await connection.exec_driver_sql("SET enable_seqscan = off")
            await connection.exec_driver_sql("SET enable_bitmapscan = off")
        explain = "EXPLAIN" if database.name == "postgresql" else "EXPLAIN QUERY PLAN"
        steps = [str(row) for row in await connection.exec_driver_sql(f"{explain} {statement}", parameters)]
    assert [step for step in steps if looked_up[database.name] in step], steps


async def test_a_client_id_opens_one_conversation(log: SqlEventLog) -> None:
    await opened(log, "c1")
    async with log.transaction() as transaction:
        found = await transaction.opened(["opened-c1", "opened-c2"])
    assert found == {"opened-c1": Opened("c1", "digest")}


# --- reactions are written with their event -----------------------------------------------------------------


async def test_a_turn_is_open_from_the_append_of_its_question_until_the_append_of_its_outcome(
    log: SqlEventLog, database: Database
) -> None:
    queue = SqlReactions(database.engine())
    script = await opened(log, "c1")
    await write(log, script.says(turns=(2,)))
    [turn] = await queue.take("w", script.at, 10, 10)
    assert turn == Reaction("c1", 2, "bot_turn", script.at, 1)
    await write(log, script.append(e.BotReplyDiscarded(2), finishes=turn))
    assert await queue.take("w", script.at + 10, 10, 10) == []


async def test_the_appending_process_holds_the_turn_it_asks_about_at_once(
    log: SqlEventLog, database: Database
) -> None:
    queue = SqlReactions(database.engine())
    script = await opened(log, "c1")
    await write(log, script.says(turns=(2,), leased_turn=2))
    lease_end = script.at + 4_000
    assert await queue.take("there", lease_end - 1, 10, 10) == []
    turn = Reaction("c1", 2, "bot_turn", script.at, 1)
    await queue.renew("here", [turn], lease_end + 1)
    assert await queue.take("there", lease_end, 10, 10) == []
    assert [taken.seq for taken in await queue.take("there", lease_end + 1, 10, 10)] == [2]


async def test_a_turn_that_was_finished_can_be_opened_again(log: SqlEventLog, database: Database) -> None:
    queue = SqlReactions(database.engine())
    script = await opened(log, "c1")
    await write(log, script.says(turns=(2,)))
    [turn] = await queue.take("w", script.at, 10, 10)
    await write(log, script.asks_for_a_person(finishes=turn))
    assert await queue.take("w", script.at + 100, 10, 10) == []
    await write(log, script.append(e.HandoffCancelled(), turns=(2,)))
    [again] = await queue.take("w", script.at, 10, 10)
    assert again == Reaction("c1", 2, "bot_turn", script.at, 1)


# --- append-only, and many writers --------------------------------------------------------------------------


@pytest.mark.parametrize("statement", ["UPDATE events SET at = 0", "DELETE FROM events WHERE seq = 1"])
async def test_what_happened_is_never_changed_or_taken_back(
    log: SqlEventLog, database: Database, statement: str
) -> None:
    await opened(log, "c1")
    with pytest.raises(sa.exc.DBAPIError, match="append-only"):
        async with database.engine().begin() as connection:
            await connection.exec_driver_sql(statement)
    assert [event.at for event in await log.read("c1", 0, 10)] == [START]


async def test_writers_in_two_processes_lose_no_seq_and_use_none_twice(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    await opened(log, "c1")
    await opened(log, "c2")

    async def write_many(to: SqlEventLog, name: str) -> None:
        for n in range(20):
            async with to.transaction() as transaction:
                heads = await transaction.lock({"c1", "c2"})
                appends = []
                for conversation_id, head in heads.items():
                    script = Script(conversation_id)
                    script.state = head.state
                    appends.append(script.says(f"{name}-{n}"))
                await transaction.write(appends)

    await asyncio.gather(
        *(write_many(to, f"{name}{n}") for name, to in (("h", log), ("t", other_log)) for n in range(2))
    )
    said = {f"{name}{writer}-{n}" for name in "ht" for writer in range(2) for n in range(20)}
    for conversation_id in ("c1", "c2"):
        found = await texts(log, conversation_id)
        assert len(found) == len(said)
        assert set(found) == said
        for writer in ("h0", "h1", "t0", "t1"):
            own = [text for text in found if text.startswith(writer)]
            assert own == [f"{writer}-{n}" for n in range(20)]


async def test_one_client_id_opens_one_conversation_from_two_processes_at_once(
    log: SqlEventLog, other_log: SqlEventLog
) -> None:
    async def open_unless_opened(at: SqlEventLog, conversation_id: str) -> str:
        async with at.transaction() as transaction:
            found = await transaction.opened(["opened-twice"])
            if "opened-twice" in found:
                return found["opened-twice"].conversation_id
            opening = opening_of(conversation_id)
            twice = type(opening)(conversation_id, "opened-twice", "digest", Customer())
            await transaction.open(twice, Script(conversation_id).start())
            return conversation_id

    first, second = await asyncio.gather(open_unless_opened(log, "c1"), open_unless_opened(other_log, "c2"))
    assert first == second
    assert set(await log.heads(["c1", "c2"])) == {first}
