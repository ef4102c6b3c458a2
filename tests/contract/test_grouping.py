"""Groups as they are stored: whole, under ids that stay, and without what was settled. The program has tests of its own."""

from __future__ import annotations

from typing import Any

import pytest
import sqlalchemy as sa

from handoff.adapters.database import writing
from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.schema import asked, review_groups
from handoff.content.errors import ProgramFailed
from handoff.settings import Settings
from handoff.studio.audit import Audit
from handoff.studio.grouping import (
    SETTLED_KEPT_MS,
    Grouped,
    _exemplars,
    _open_rows,
    _settle_alike,
    _store,
    _understood,
    keep_ids,
)
from handoff.studio.job_keeper import JobKeeper
from handoff.studio.job_store import JobStore
from handoff.studio.jobs import Jobs
from handoff.studio.review_watch import ENOUGH, HOUR_MS, ReviewWatch
from handoff.studio.settings import StudioSettings
from tests.contract.databases import Database
from tests.contract.held_clock import START, HeldClock
from tests.contract.questions import asked_once, put_in_group, row_of, talk

KEYS = [(f"c{number}", 2) for number in range(6)]


def fresh() -> Any:
    numbers = iter(range(100))
    return lambda: f"new{next(numbers)}"


async def stored(database: Database, *groups: Grouped, now: int = START) -> int:
    async with writing(database.engine()) as connection:
        return await _store(connection, groups, now)


async def groups_of(database: Database) -> set[str]:
    async with database.engine().connect() as connection:
        return set((await connection.execute(sa.select(review_groups.c.id))).scalars())


def grouped(*keys: tuple[str, int]) -> Grouped:
    return Grouped(keys, "fees", 0.5)


def test_a_group_keeps_the_id_of_the_one_it_shares_most_with() -> None:
    before = {KEYS[0]: "a", KEYS[1]: "a", KEYS[2]: "b", KEYS[3]: None}
    assert keep_ids([[KEYS[2], KEYS[3]], [KEYS[0], KEYS[1]]], before, fresh()) == ["b", "a"]
    # One that falls apart goes on as its largest part, two that come together as the larger.
    assert keep_ids([[KEYS[0]], [KEYS[1], KEYS[4]]], before, fresh()) == ["a", "new0"]
    assert keep_ids([[KEYS[2], KEYS[0], KEYS[1]]], before, fresh()) == ["a"]
    assert keep_ids([[KEYS[4]], []], before, fresh()) == ["new0", "new1"]


async def test_groups_take_the_place_of_those_before_and_go_on_under_their_ids(
    log: SqlEventLog, database: Database
) -> None:
    keys = [await asked_once(log, f"Question {number}?") for number in range(4)]
    assert await stored(database, grouped(*keys[:2]), grouped(keys[2])) == 3
    ids = [(await row_of(database, key)).group_id for key in keys]
    assert (ids[0], ids[3]) == (ids[1], None)
    assert await groups_of(database) == {ids[0], ids[2]}
    # The third joins the first two; the fourth is a group now.
    assert await stored(database, grouped(keys[2], *keys[:2]), grouped(keys[3])) == 2
    after = [(await row_of(database, key)).group_id for key in keys]
    assert after[:3] == [ids[0]] * 3
    assert await groups_of(database) == {ids[0], after[3]}
    # What nothing is like any more is in no group.
    assert await stored(database, grouped(*keys[:3])) == 1
    assert (await row_of(database, keys[3])).group_id is None


async def test_what_was_settled_meanwhile_stays_settled(log: SqlEventLog, database: Database) -> None:
    one, two, like = [await asked_once(log, text) for text in ("One?", "Two?", "Like one?")]
    await put_in_group(database, "grp_1", one)
    async with database.engine().begin() as connection:
        settled = {"settled_at": START, "settled_by": "Ed", "settled_how": "out_of_scope"}
        await connection.execute(asked.update().where(asked.c.conversation_id == one[0]).values(settled))
        await connection.execute(review_groups.update().values(settled))
    (exemplar,) = await _exemplars(database.engine())
    assert exemplar == {"key": f"{one[0]}:2", "text": "One?", "locale": "en", "settled": "out_of_scope"}
    async with writing(database.engine()) as connection:
        assert await _settle_alike(connection, {one: "x:2", like: f"{one[0]}:2"}, START + 1) == 2
        await _store(connection, [grouped(one, two)], START + 1)
    first, second = await row_of(database, one), await row_of(database, like)
    assert (first.settled_by, first.settled_at, first.group_id) == ("Ed", START, "grp_1")
    assert (second.settled_by, second.settled_how) == (f"like {one[0]}:2", "out_of_scope")
    # What was settled by its likeness is no example for others.
    assert await _exemplars(database.engine()) == [exemplar]
    # Who settled a group can be asked for a while.
    assert "grp_1" in await groups_of(database)
    await stored(database, grouped(two), now=START + SETTLED_KEPT_MS + 1)
    assert await groups_of(database) == {(await row_of(database, two)).group_id}


async def test_open_questions_are_read_newest_first(log: SqlEventLog, database: Database) -> None:
    await asked_once(log, "Too old?", at=START - 100)
    await asked_once(log, "Old?", at=START)
    await asked_once(log, "New?", at=START + 100)
    await asked_once(log, "Well answered?", at=START + 50, kind="answer", reasons=0)
    rows, left_out = await _open_rows(database.engine(), START)
    assert ([row["text"] for row in rows], left_out) == (["New?", "Old?"], 0)


@pytest.mark.parametrize(
    "raw",
    [None, [], {}, {"groups": [{}], "like_settled": []}, {"groups": [], "like_settled": [{"key": "a"}]},
     {"groups": [{"keys": ["nokey"], "suggested": None}], "like_settled": []}],
)  # fmt: skip
def test_nonsense_is_no_grouping(raw: Any) -> None:
    with pytest.raises(ProgramFailed) as failed:
        _understood(raw)
    assert failed.value.code == "bad_groups"


# --- when a grouping is due ---------------------------------------------------------------------------------------


class Watched:
    def __init__(self, database: Database, clock: HeldClock) -> None:
        engine = database.engine()
        self.store = JobStore(engine, clock)
        settings = StudioSettings(engine, Audit(engine, clock), clock)
        keeper = JobKeeper(self.store, Settings(), lambda _home: None)
        self.watch = ReviewWatch(engine, self.store, Jobs(self.store, keeper, settings, clock), clock)

    async def done(self, *, failed: bool = False) -> None:
        """The job that waits runs to its end."""
        job, _ = await self.store.take()
        assert job is not None
        assert await self.watch.due() is None
        await self.store.finish(job.id, str(job.worker), "failed" if failed else "done", {})


@pytest.fixture
def watched(database: Database, clock: HeldClock) -> Watched:
    return Watched(database, clock)


async def test_a_grouping_is_due_when_enough_wait_and_once(
    watched: Watched, log: SqlEventLog, clock: HeldClock
) -> None:
    assert await watched.watch.due() is None
    clock.pass_ms(HOUR_MS)
    told = await talk(log, at=clock.now)
    for number in range(ENOUGH - 1):
        await told.ask(f"Question {number}?")
    first = await watched.watch.regroup(by="Ed")
    assert (await watched.watch.regroup(by="Eve"))["id"] == first["id"]
    assert await watched.watch.due() is None
    await watched.done()
    # Those that are left in no group were there before.
    clock.pass_ms(HOUR_MS // 2)
    assert await watched.watch.due() is None
    told.at = clock.now
    for number in range(ENOUGH):
        await told.ask(f"More {number}?")
    assert await watched.watch.due() == "enough"


async def test_once_an_hour_what_happened_is_looked_at(
    watched: Watched, log: SqlEventLog, clock: HeldClock
) -> None:
    told = await talk(log, at=clock.now)
    turn = await told.ask("One?", kind="answer", reasons=0)
    assert await watched.watch.due() == "hour"
    await watched.watch.regroup(by="Ed")
    await watched.done()
    clock.pass_ms(HOUR_MS // 2)
    told.at = clock.now
    await told.thumb(turn + 1, helpful=False)
    assert await watched.watch.due() is None
    clock.pass_ms(HOUR_MS // 2)
    assert await watched.watch.due() == "hour"


async def test_what_failed_is_tried_again_in_an_hour(
    watched: Watched, log: SqlEventLog, clock: HeldClock
) -> None:
    await watched.watch.regroup(by="Ed")
    await watched.done(failed=True)
    told = await talk(log, at=clock.now)
    for number in range(ENOUGH):
        await told.ask(f"Question {number}?")
    assert await watched.watch.due() is None
    clock.pass_ms(HOUR_MS)
    assert await watched.watch.due() == "hour"
