"""A group is dealt with once, whole, and nothing personal is taught."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from handoff.adapters.log_sql import SqlEventLog
from handoff.adapters.schema import asked, intent_examples
from handoff.domain.asked import ANSWERED_BY_PERSON, UNANSWERED
from handoff.domain.errors import BadFrame, NotFound
from handoff.studio.articles import ArticleDesk
from handoff.studio.audit import Audit
from handoff.studio.errors import AlreadySettled, BadArticle, NothingToTeach, PersonalData, UnknownIntent
from handoff.studio.exam import Exam
from handoff.studio.review import Review
from handoff.studio.settings import StudioSettings
from handoff.studio.settling import TAUGHT_AT_MOST, Order, Settling
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock
from tests.contract.questions import asked_once, put_in_group, row_of, talk


class Desk:
    """What an editor works with."""

    def __init__(self, database: Database, clock: HeldClock) -> None:
        engine = database.engine()
        self.articles = ArticleDesk(engine, clock)
        self.audit = Audit(engine, clock)
        self.settling = Settling(engine, self.articles, self.audit, clock)
        self.review = Review(engine, StudioSettings(engine, self.audit, clock), clock)

    async def article(self, **fields: object) -> None:
        raw = {"id": "fees", "title": "Fees", "answer": "None.", "questions": ["Any fee?"], **fields}
        await self.articles.create(raw, status="ready", owner=None, by="Ed")


@pytest.fixture
def desk(database: Database, clock: HeldClock) -> Desk:
    return Desk(database, clock)


async def examples(database: Database, intent: str) -> list[tuple[int, str]]:
    query = sa.select(intent_examples).where(intent_examples.c.intent == intent).order_by("position")
    async with database.engine().connect() as connection:
        return [(row.position, row.text) for row in (await connection.execute(query)).all()]


async def test_variants_are_added_to_the_article_and_the_questions_are_dealt_with(
    desk: Desk, log: SqlEventLog, database: Database, clock: HeldClock
) -> None:
    await desk.article()
    keys = [await asked_once(log, text) for text in ("What does it cost?", "any FEE?", "what does it cost?")]
    other = await asked_once(log, "Another group")
    await put_in_group(database, "grp_1", *keys)
    await put_in_group(database, "grp_2", other)
    clock.pass_s(5)
    done = await desk.settling.settle("grp_1", Order("variants", article_id="fees"), by="Ed")
    assert done["settled"] == 3
    # What is there in other letters already is not added.
    assert done["article"]["questions"] == ["Any fee?", "What does it cost?"]
    assert (done["article"]["version"], done["article"]["updated_by"]) == (2, "Ed")
    for key in keys:
        row = await row_of(database, key)
        assert (row.settled_at, row.settled_by, row.settled_how) == (clock.now, "Ed", "variants")
    assert (await row_of(database, other)).settled_at is None
    assert [group["id"] for group in (await desk.review.page(days=30))["groups"]] == ["grp_2"]
    (entry,) = await desk.audit.entries()
    assert (entry["by"], entry["action"], entry["subject"]) == ("Ed", "review_settled", "grp_1")
    assert entry["data"] == {"how": "variants", "into": "fees", "questions": 3, "texts": 1}


async def test_the_same_again_changes_nothing_and_another_editor_is_told(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await desk.article()
    await put_in_group(database, "grp_1", await asked_once(log, "What does it cost?"))
    order = Order("variants", article_id="fees")
    first = await desk.settling.settle("grp_1", order, by="Ed")
    assert await desk.settling.settle("grp_1", order, by="Ed") == {
        "settled": 0,
        "article": first["article"],
        "in_exam": [],
    }
    for other, by in (
        (order, "Eve"),
        (Order("dismiss"), "Ed"),
        (Order("variants", article_id="other"), "Ed"),
    ):
        with pytest.raises(AlreadySettled) as refused:
            await desk.settling.settle("grp_1", other, by=by)
        assert (refused.value.data["by"], refused.value.data["how"], refused.value.data["into"]) == (
            "Ed", "variants", "fees"
        )  # fmt: skip
    with pytest.raises(AlreadySettled):
        await desk.review.group("grp_1")
    assert len(await desk.audit.entries()) == 1


async def test_of_two_editors_at_once_one_is_told(desk: Desk, log: SqlEventLog, database: Database) -> None:
    await put_in_group(database, "grp_1", await asked_once(log, "One?"))
    other = Desk(database, HeldClock())
    found = await asyncio.gather(
        desk.settling.settle("grp_1", Order("dismiss"), by="Ed"),
        other.settling.settle("grp_1", Order("out_of_scope"), by="Eve"),
        return_exceptions=True,
    )
    assert sorted(type(one).__name__ for one in found) == ["AlreadySettled", "dict"]


async def test_texts_with_personal_data_are_left_out_or_refused(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await desk.article()
    texts = ("What is it? Mail a@b.de", "Rose asks what it is", "What is it?", "x" * 1001, "so\u202eft?")
    await put_in_group(
        database, "grp_1", *[await asked_once(log, text, name="Rose Miller") for text in texts]
    )
    chosen = Order("variants", article_id="fees", texts=["Fine?", "Ask a@b.de", "+49 30 901820?"])
    with pytest.raises(PersonalData) as refused:
        await desk.settling.settle("grp_1", chosen, by="Ed")
    assert refused.value.data["found"] == [
        {"field": "texts", "index": 1, "kinds": ["email"]},
        {"field": "texts", "index": 2, "kinds": ["phone"]},
    ]
    assert (await desk.articles.get("fees")).version == 1
    done = await desk.settling.settle("grp_1", Order("variants", article_id="fees"), by="Ed")
    assert (done["settled"], done["article"]["questions"]) == (5, ["Any fee?", "What is it?"])


async def test_a_masked_text_is_taught_without_its_placeholders(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await desk.article()
    await put_in_group(database, "grp_1", await asked_once(log, "I am Rose"))
    texts = ["My name is [name], what is it?", "[email]", "What - is it -"]
    done = await desk.settling.settle("grp_1", Order("variants", article_id="fees", texts=texts), by="Ed")
    assert done["article"]["questions"] == ["Any fee?", "My name is, what is it?", "What - is it -"]


async def test_a_large_group_teaches_a_few_of_its_texts(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await desk.article(questions=[])
    told = await talk(log)
    keys = [(told.id, await told.ask(f"What is it {number}?")) for number in range(TAUGHT_AT_MOST + 5)]
    await put_in_group(database, "grp_1", *keys)
    done = await desk.settling.settle("grp_1", Order("variants", article_id="fees"), by="Ed")
    assert (done["settled"], len(done["article"]["questions"])) == (TAUGHT_AT_MOST + 5, TAUGHT_AT_MOST)
    assert done["article"]["questions"][0] == "What is it 0?"


async def test_a_draft_is_made_of_what_an_agent_answered(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    told = await talk(log)
    turn = await told.ask("Do you ship to Norway?", reasons=UNANSWERED | ANSWERED_BY_PERSON)
    await told.wants_a_person()
    await told.is_taken()
    await told.agent_says("Yes, in 5 days.")
    await told.closes()
    await put_in_group(database, "grp_1", (told.id, turn), await asked_once(log, "Norway too?"))
    done = await desk.settling.settle("grp_1", Order("article"), by="Ed")
    article = done["article"]
    assert (article["title"], article["answer"], article["status"]) == (
        "Do you ship to Norway?", "Yes, in 5 days.", "draft"
    )  # fmt: skip
    assert article["questions"] == ["Do you ship to Norway?", "Norway too?"]
    assert (done["settled"], (await desk.articles.get(article["id"])).updated_by) == (2, "Ed")
    again = await desk.settling.settle("grp_1", Order("article"), by="Ed")
    assert again == {"settled": 0, "article": article, "in_exam": []}


async def test_what_the_editor_wrote_goes_before(desk: Desk, log: SqlEventLog, database: Database) -> None:
    await put_in_group(database, "grp_1", await asked_once(log, "Norway?"))
    raw = {
        "title": "Shipping abroad",
        "answer": "Call +49 30 901820.",
        "questions": ["Abroad?"],
        "tags": ["x"],
    }
    done = await desk.settling.settle("grp_1", Order("article", article=raw), by="Ed")
    found = {name: done["article"][name] for name in raw}
    # The shop's own number may stand in an answer.
    assert found == raw


async def test_a_draft_wants_an_answer_and_no_personal_data_in_its_title(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await put_in_group(database, "grp_1", await asked_once(log, "Norway?"))
    with pytest.raises(BadArticle) as refused:
        await desk.settling.settle("grp_1", Order("article"), by="Ed")
    assert refused.value.data == {"field": "answer", "fault": "missing_answer"}
    with pytest.raises(PersonalData):
        await desk.settling.settle(
            "grp_1", Order("article", article={"title": "Ask a@b.de", "answer": "Yes."}), by="Ed"
        )
    with pytest.raises(BadArticle):
        await desk.settling.settle(
            "grp_1", Order("article", article={"title": "So\u202eft", "answer": "Yes."}), by="Ed"
        )
    assert (await row_of(database, (await first_key(database)))).settled_at is None


async def first_key(database: Database) -> tuple[str, int]:
    async with database.engine().connect() as connection:
        row = (await connection.execute(sa.select(asked).limit(1))).one()
    return row.conversation_id, row.turn


async def test_examples_are_added_to_an_intent(desk: Desk, log: SqlEventLog, database: Database) -> None:
    for group, texts in (
        ("grp_1", ("hello [there]", "- good day")),
        ("grp_2", ("Hello you", "hello (there)")),
    ):
        await put_in_group(database, group, *[await asked_once(log, text) for text in texts])
    await desk.settling.settle("grp_1", Order("intent", intent="greet"), by="Ed")
    # Brackets and dashes mean something in Rasa's files.
    assert await examples(database, "greet") == [(0, "hello (there)"), (1, "good day")]
    await desk.settling.settle("grp_2", Order("intent", intent="greet"), by="Ed")
    assert (await examples(database, "greet"))[2:] == [(2, "Hello you")]


async def test_orders_that_cannot_be_are_refused_and_leave_everything(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await desk.article()
    key = await asked_once(log, "a@b.de")
    await put_in_group(database, "grp_1", key)
    for order, refusal in (
        (Order("variants"), BadFrame),
        (Order("variants", article_id="none", texts=["Fine?"]), NotFound),
        (Order("variants", article_id="fees"), NothingToTeach),
        (Order("variants", article_id="fees", texts=[]), BadFrame),
        (Order("dismiss", texts=["  "]), BadFrame),
        (Order("variants", article_id="fees", texts=["so\u202eft"]), BadArticle),
        (Order("intent"), BadFrame),
        (Order("intent", intent="no_such"), UnknownIntent),
    ):
        with pytest.raises(refusal):
            await desk.settling.settle("grp_1", order, by="Ed")
    for nobody in ("grp_none", "a\0b"):
        with pytest.raises(NotFound):
            await desk.settling.settle(nobody, Order("dismiss"), by="Ed")
    assert (await row_of(database, key)).settled_at is None
    assert (await desk.articles.get("fees")).version == 1
    assert await desk.audit.entries() == []
    done = await desk.settling.settle("grp_1", Order("out_of_scope"), by="Ed")
    assert done == {"settled": 1, "article": None, "in_exam": []}
    assert (await row_of(database, key)).settled_how == "out_of_scope"


async def test_chosen_questions_are_dealt_with_alone(
    desk: Desk, log: SqlEventLog, database: Database
) -> None:
    await desk.article()
    texts = ("What is it? Mail a@b.de", "what is IT?  mail c@d.de", "How much?", "And this?")
    keys = [await asked_once(log, text) for text in texts]
    await put_in_group(database, "grp_1", *keys)
    shown = [question["text"] for question in (await desk.review.group("grp_1"))["questions"]]
    assert "What is it? Mail [email]" in shown
    order = Order("variants", article_id="fees", texts=["What is it? Mail [email]"])
    done = await desk.settling.settle("grp_1", order, by="Ed")
    assert (done["settled"], done["article"]["questions"]) == (2, ["Any fee?", "What is it? Mail"])
    assert [(await row_of(database, key)).settled_how for key in keys] == ["variants", "variants", None, None]
    assert (await desk.review.group("grp_1"))["group"]["size"] == 2
    # The same again is known, and does not take the rest of the group for what was meant.
    assert await desk.settling.settle("grp_1", order, by="Ed") == {
        "settled": 0,
        "article": done["article"],
        "in_exam": [],
    }
    with pytest.raises(AlreadySettled):
        await desk.settling.settle("grp_1", order, by="Eve")
    dismissed = Order("dismiss", texts=["how much?"])
    assert (await desk.settling.settle("grp_1", dismissed, by="Eve"))["settled"] == 1
    assert (await desk.settling.settle("grp_1", dismissed, by="Eve"))["settled"] == 0
    # Texts that no question has are the editor's own: the rest of the group is meant.
    own = Order("variants", article_id="fees", texts=["Is there any charge?"])
    done = await desk.settling.settle("grp_1", own, by="Ed")
    assert (done["settled"], done["article"]["questions"][-1]) == (1, "Is there any charge?")
    with pytest.raises(AlreadySettled):
        await desk.review.group("grp_1")
    told = [(entry["data"]["how"], entry["data"]["questions"]) for entry in await desk.audit.entries()]
    assert told == [("variants", 1), ("dismiss", 1), ("variants", 2)]


async def test_what_is_taught_though_the_exam_asks_it_is_said(
    desk: Desk, log: SqlEventLog, database: Database, clock: HeldClock
) -> None:
    await desk.article()
    exam = Exam(database.engine(), clock, "en")
    for text in ("what does it  cost", "Any fee?", "hello there!"):
        await exam.add(text, None, None, by="Ed")
    for group, texts in (
        ("grp_1", ("What does it cost?", "any FEE?", "Is it free?")),
        ("grp_2", ("Hello there", "hi you")),
        ("grp_3", ("What does it cost?",)),
    ):
        await put_in_group(database, group, *[await asked_once(log, text) for text in texts])
    # What the article is asked with already is not taught now.
    done = await desk.settling.settle("grp_1", Order("variants", article_id="fees"), by="Ed")
    assert (done["settled"], done["in_exam"]) == (3, ["What does it cost?"])
    done = await desk.settling.settle("grp_2", Order("intent", intent="greet"), by="Ed")
    assert (done["settled"], done["in_exam"]) == (2, ["Hello there"])
    done = await desk.settling.settle("grp_3", Order("dismiss"), by="Ed")
    assert (done["settled"], done["in_exam"]) == (1, [])
