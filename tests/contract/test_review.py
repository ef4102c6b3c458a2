"""The review inbox on both databases: what it shows, what it costs, and that words stay masked."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.schema import asked, event_bodies, events
from handoff.domain.asked import ANSWERED_BY_PERSON, HANDED_OVER, LOW_CONFIDENCE, THUMBS_DOWN, UNANSWERED
from handoff.domain.errors import NotFound
from handoff.studio.articles import ArticleDesk
from handoff.studio.audit import Audit
from handoff.studio.gleaning import glean
from handoff.studio.past_talk import PastTalk
from handoff.studio.review import Review
from handoff.studio.settings import StudioSettings
from tests.contract.databases import Database
from tests.contract.held_clock import START, HeldClock
from tests.contract.questions import DAY, MINUTE, asked_once, put_in_group, talk

HANDED = {"kind": "escalate", "reasons": UNANSWERED | HANDED_OVER}


@pytest.fixture
def settings(database: Database, clock: HeldClock) -> StudioSettings:
    engine = database.engine()
    return StudioSettings(engine, Audit(engine, clock), clock)


@pytest.fixture
def review(database: Database, settings: StudioSettings, clock: HeldClock) -> Review:
    return Review(database.engine(), settings, clock)


async def set_minutes(database: Database, key: tuple[str, int], minutes: float) -> None:
    async with database.engine().begin() as connection:
        await connection.execute(
            asked.update().where(asked.c.conversation_id == key[0]).values(minutes=minutes)
        )


async def blank(database: Database, key: tuple[str, int]) -> None:
    """What erasure will do to a customer's words."""
    async with database.engine().begin() as connection:
        body = sa.select(events.c.id).where(events.c.conversation_id == key[0], events.c.seq == key[1])
        await connection.execute(
            event_bodies.update().where(event_bodies.c.id.in_(body)).values(data='{"text": ""}')
        )


async def test_an_empty_inbox_is_empty(review: Review) -> None:
    assert await review.page(days=30) == {
        "groups": [],
        "total": 0,
        "grouped_at": None,
        "ungrouped": 0,
        "settled_alike": 0,
        "questions": 0,
        "minutes": 0.0,
    }


async def test_the_dearest_group_comes_first_and_says_why(
    review: Review, settings: StudioSettings, log: SqlEventLog, database: Database, clock: HeldClock
) -> None:
    cheap = [await asked_once(log, f"Cheap {n}?", at=START - n * DAY) for n in range(3)]
    known = await asked_once(log, "Dear?", at=START - DAY, **HANDED)
    open_ = await asked_once(log, "Dear too?", at=START - 2 * DAY, **HANDED)
    await set_minutes(database, known, 12.5)
    await put_in_group(database, "grp_cheap", *cheap)
    await put_in_group(database, "grp_dear", known, open_)
    await settings.change({"handoff_minutes": 5.0, "minute_cost": 2.0}, "Ed")
    page = await review.page(days=30)
    assert [group["id"] for group in page["groups"]] == ["grp_dear", "grp_cheap"]
    dear, other = page["groups"]
    assert (dear["minutes"], dear["cost"], dear["size"], dear["name"]) == (17.5, 35.0, 2, "Dear?")
    assert dear["trend"] == [*[0] * 11, 1, 1, 0]
    assert dear["examples"] == ["Dear?", "Dear too?"]
    assert (other["minutes"], other["cost"], other["size"]) == (0.0, 0.0, 3)
    assert other["trend"] == [*[0] * 11, 1, 1, 1]
    assert other["reasons"] == {
        "unanswered": 3,
        "low_confidence": 0,
        "thumbs_down": 0,
        "repeated": 0,
        "answered_by_person": 0,
    }
    assert (page["questions"], page["minutes"], page["total"]) == (5, 17.5, 2)
    assert await review.totals() == {"groups": 2, "questions": 5, "minutes": 17.5}
    second = await review.page(days=30, offset=1, limit=1)
    assert ([group["id"] for group in second["groups"]], second["total"]) == (["grp_cheap"], 2)
    assert (await review.page(days=1))["questions"] == 3
    clock.pass_ms(40 * DAY)
    assert (await review.page(days=30))["groups"] == []


async def test_what_waits_for_a_group_and_what_is_dealt_with_is_counted_apart(
    review: Review, log: SqlEventLog, database: Database
) -> None:
    await asked_once(log, "In no group?")
    gone = await asked_once(log, "Settled?")
    await asked_once(log, "Well answered?", kind="answer", reasons=0)
    async with database.engine().begin() as connection:
        settled = {"settled_at": START, "settled_by": "like cnv_1:2", "settled_how": "out_of_scope"}
        await connection.execute(asked.update().where(asked.c.conversation_id == gone[0]).values(settled))
    page = await review.page(days=30)
    assert (page["ungrouped"], page["settled_alike"], page["groups"]) == (1, 1, [])


async def test_words_are_masked_also_of_the_customers_own_name(
    review: Review, log: SqlEventLog, database: Database
) -> None:
    key = await asked_once(log, "Rose Miller here, mail a@b.de, where is order 4711?", name="Rose Miller")
    await put_in_group(database, "grp_1", key)
    (shown,) = (await review.page(days=30))["groups"]
    assert shown["name"] == "[name] here, mail [email], where is order 4711?"
    (question,) = (await review.group("grp_1"))["questions"]
    assert question["text"] == shown["name"]


async def test_what_was_erased_is_left_out(review: Review, log: SqlEventLog, database: Database) -> None:
    kept, erased = await asked_once(log, "Kept?"), await asked_once(log, "Erased?")
    await put_in_group(database, "grp_1", erased, kept)
    await blank(database, erased)
    (shown,) = (await review.page(days=30))["groups"]
    assert (shown["name"], shown["examples"], shown["size"]) == ("Kept?", ["Kept?"], 2)
    assert [q["text"] for q in (await review.group("grp_1"))["questions"]] == ["Kept?"]
    await blank(database, kept)
    (shown,) = (await review.page(days=30))["groups"]
    assert (shown["name"], shown["examples"]) == ("…", [])


async def test_a_group_shows_what_was_decided_and_what_an_agent_answered(
    review: Review, log: SqlEventLog, database: Database, clock: HeldClock
) -> None:
    desk = ArticleDesk(database.engine(), clock)
    await desk.create({"id": "fees", "title": "Fees", "answer": "None."}, status="ready", owner=None, by="Ed")
    told = await talk(log, name="Rose Miller")
    turn = await told.ask(
        "Is there a fee?", kind="answer", reason="confident", confidence=0.55, article_id="fees",
        reasons=LOW_CONFIDENCE,
    )  # fmt: skip
    await told.thumb(turn + 1, helpful=False)
    await told.wants_a_person()
    await told.is_taken()
    await told.agent_says("Hello Rose Miller, I am Ana.")
    await told.says("Hi")
    await told.agent_says("There is none, or write to fees@shop.example.")
    await told.closes(3 * MINUTE)
    await told.says("Another matter")
    await told.starts_again()
    await told.agent_says("Not about that question.")
    await glean(database.engine(), since=START)
    await put_in_group(database, "grp_1", (told.id, turn), suggested="fees")
    found = await review.group("grp_1")
    assert found["group"]["suggested"] == {"article_id": "fees", "title": "Fees", "score": 0.625}
    (question,) = found["questions"]
    assert question["best"] == {"article_id": "fees", "title": "Fees"}
    assert question["helpful"] is False
    assert question["reasons"] == ["low_confidence", "thumbs_down", "answered_by_person"]
    assert question["agent_answer"] == "Hello [name], I am [name].\n\nThere is none, or write to [email]."
    assert (question["conversation_id"], question["turn"], question["confidence"]) == (told.id, turn, 0.55)


async def test_an_article_that_is_gone_is_not_suggested(
    review: Review, log: SqlEventLog, database: Database
) -> None:
    await put_in_group(database, "grp_1", await asked_once(log, "One?", article_id="gone"), suggested="gone")
    found = await review.group("grp_1")
    assert (found["group"]["suggested"], found["questions"][0]["best"]) == (None, None)


@pytest.mark.parametrize("group_id", ["grp_none", "", "a\0b", "g" * 5000, "ü"])
async def test_a_group_that_is_not_there_is_not_found(review: Review, group_id: str) -> None:
    with pytest.raises(NotFound):
        await review.group(group_id)


async def test_past_conversations_are_listed_with_their_first_question(
    log: SqlEventLog, database: Database
) -> None:
    past = PastTalk(database.engine())
    assert await past.newest(10) == []
    old = await talk(log, at=START)
    await old.ask("Old?", kind="answer", reasons=0)
    new = await talk(log, at=START + MINUTE, name="Rose Miller")
    first = await new.ask("I am Rose Miller. New?", kind="answer", reasons=0)
    second = await new.ask(
        "And more?", kind="escalate", article_id="gone", reasons=THUMBS_DOWN | ANSWERED_BY_PERSON
    )
    found = await past.newest(10)
    assert [(one["id"], one["preview"], one["turns"]) for one in found] == [
        (new.id, "I am [name]. New?", 2),
        (old.id, "Old?", 1),
    ]
    assert [one["id"] for one in await past.newest(1)] == [new.id]
    turns = await past.turns(new.id)
    assert [(one["turn"], one["text"], one["kind"]) for one in turns] == [
        (first, "I am [name]. New?", "answer"),
        (second, "And more?", "escalate"),
    ]
    assert (turns[1]["article_id"], turns[1]["title"]) == ("gone", None)
    assert turns[1]["reasons"] == ["thumbs_down", "answered_by_person"]
    for nobody in ("cnv_none", "a\0b"):
        with pytest.raises(NotFound):
            await past.turns(nobody)
