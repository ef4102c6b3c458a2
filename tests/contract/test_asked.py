"""What became of a turn, and thumbs, are written with the events that say so."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from bot.contract import Decision, Passage, Reply, TurnOutcome, TurnRequest
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.log_writes import _WORDS, _stated
from handoff.adapters.schema import asked, reply_feedback
from handoff.domain.asked import Thumb, TurnRecord
from handoff.domain.commands import GiveFeedback, SayAsCustomer
from handoff.domain.events import BotReplied, BotReplyDiscarded, CustomerGaveFeedback
from handoff.ports import Append
from tests.contract.appends import opened, write
from tests.contract.databases import Database
from tests.contract.held_clock import START, HeldClock
from tests.contract.until import until, until_stored
from tests.unit.handoff.service.scripted_bot import Held, fails
from tests.unit.handoff.service.stage import QUICK, Process, Stage, client_id

RECORD = TurnRecord(
    turn=2,
    reply_seq=3,
    episode=1,
    locale="en",
    release_id="r1",
    revision=4,
    kind="unsure",
    reason="low_confidence",
    confidence=0.25,
    threshold=0.5,
    frustration=0.125,
    article_id=None,
    question=True,
    rejects=None,
    reasons=1,
)


async def rows(database: Database, table: sa.Table) -> list[dict[str, object]]:
    async with database.engine().connect() as connection:
        found = await connection.execute(sa.select(table).order_by(*table.primary_key.columns))
        return [dict(row) for row in found.mappings()]


async def test_a_record_and_a_thumb_are_written_with_an_append(log: SqlEventLog, database: Database) -> None:
    one, two = await opened(log, "c1"), await opened(log, "c2")
    first = one.says(asked=RECORD, at=START + 5)
    second = two.says(asked=RECORD._replace(article_id="a", rejects=1), thumb=Thumb(3, helpful=True))
    assert await log.append([first, second], {"c1": 1, "c2": 1})
    blank = {"minutes": None, "group_id": None, "settled_at": None, "settled_by": None, "settled_how": None}
    found = await rows(database, asked)
    assert found[0] == {"conversation_id": "c1", "at": START + 5, **RECORD._asdict(), **blank}
    assert (found[1]["article_id"], found[1]["rejects"]) == ("a", 1)
    assert await rows(database, reply_feedback) == [
        {"conversation_id": "c2", "seq": 3, "at": second.at, "helpful": True}
    ]


async def test_the_newest_counts_also_within_one_batch(log: SqlEventLog, database: Database) -> None:
    script = await opened(log, "c1")
    again = RECORD._replace(kind="answer", reasons=0)
    await write(
        log,
        script.says(asked=RECORD, thumb=Thumb(3, helpful=True)),
        script.says(asked=again, thumb=Thumb(3, helpful=False)),
    )
    assert [row["kind"] for row in await rows(database, asked)] == ["answer"]
    assert [row["helpful"] for row in await rows(database, reply_feedback)] == [False]


async def test_what_an_editor_settled_stays_settled(log: SqlEventLog, database: Database) -> None:
    script = await opened(log, "c1")
    await write(log, script.says(asked=RECORD))
    async with database.engine().begin() as connection:
        await connection.execute(asked.update().values(settled_at=7, settled_by="Ed", settled_how="dismiss"))
    await write(log, script.says(asked=RECORD._replace(kind="answer", reasons=0)))
    (row,) = await rows(database, asked)
    assert (row["kind"], row["settled_at"], row["settled_by"]) == ("answer", 7, "Ed")


async def test_what_was_refused_leaves_neither(log: SqlEventLog, database: Database) -> None:
    script = await opened(log, "c1")
    await write(log, script.says())
    late: Append = script.says(asked=RECORD, thumb=Thumb(3, helpful=True))
    assert not await log.append([late], {"c1": 1})
    assert await rows(database, asked) == []
    assert await rows(database, reply_feedback) == []


def test_words_between_customer_and_agent_have_a_statement_without_these() -> None:
    assert "asked" not in _WORDS
    assert "reply_feedback" not in _WORDS
    assert {"asked", "reply_feedback"} <= set(_stated({"asked": []}))


# --- through the one door --------------------------------------------------------------------------------------


@pytest.fixture
async def staged(database: Database, clock: HeldClock) -> Stage:
    return Stage(database, clock)


async def replied(process: Process, conversation_id: str, count: int = 1) -> bool:
    return len(await process.of(BotReplied, conversation_id)) >= count


async def test_an_answered_turn_has_its_row_when_its_reply_is_read(staged: Stage, database: Database) -> None:
    relay = staged.answering(staged.process())

    async def unsure(request: TurnRequest) -> TurnOutcome:
        decision = Decision("unsure", "low_confidence", 0.25, 0.5, passages=(Passage("a", "A", 0.25),))
        return TurnOutcome(request.turn, "r7", decision, (Reply("I do not know."), Reply("Sorry.")))

    relay.bot.then(unsure)
    c = await relay.open("de")
    turn = (await relay.say(c, "Wo?")).seq
    await until_stored(lambda: replied(relay, c, 2))
    (row,) = await rows(database, asked)
    assert (row["conversation_id"], row["turn"], row["reply_seq"], row["locale"]) == (c, turn, turn + 1, "de")
    assert (row["release_id"], row["article_id"], row["reasons"]) == ("r7", "a", 1)
    await relay.run(c, GiveFeedback(turn + 1, helpful=True))
    await relay.run(c, GiveFeedback(turn + 1, helpful=False))
    assert [row["helpful"] for row in await rows(database, reply_feedback)] == [False]
    assert len(await relay.of(CustomerGaveFeedback, c)) == 2
    await staged.close()


async def test_a_discarded_outcome_has_no_row(staged: Stage, database: Database) -> None:
    relay = staged.answering(staged.process())
    held = Held()
    relay.bot.then(held)
    c = await relay.open()
    await relay.say(c, "Where is it?")
    await until(held.begun.is_set)
    await relay.ask_for_a_person(c)
    await relay.claim(c)
    held.go_on()

    async def is_discarded() -> bool:
        return bool(await relay.of(BotReplyDiscarded, c))

    await until_stored(is_discarded)
    assert await rows(database, asked) == []
    await staged.close()


async def test_a_failed_turn_has_a_row_until_it_is_answered(staged: Stage, database: Database) -> None:
    relay = staged.answering(staged.process(limits=QUICK))
    relay.bot.then(*(fails,) * 20)
    c = await relay.open()
    turn = (await relay.say(c, "Where is it?")).seq

    async def is_kept() -> bool:
        return bool(await rows(database, asked))

    await until_stored(is_kept)
    (row,) = await rows(database, asked)
    assert (row["turn"], row["kind"], row["reason"], row["release_id"]) == (turn, "escalate", "bot_error", "")
    relay.bot._steps.clear()
    key = client_id()
    await relay.cancel_handoff(c)
    await until_stored(lambda: replied(relay, c))
    (row,) = await rows(database, asked)
    assert (row["turn"], row["kind"], row["release_id"]) == (turn, "answer", "r1")
    await relay.run(c, SayAsCustomer("Thanks", key), key=key)
    await staged.close()
