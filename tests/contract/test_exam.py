"""The exam's questions: each once, about articles that exist, all of a file or none."""

from __future__ import annotations

import asyncio

import pytest

from handoff.content.store import ContentStore
from handoff.domain.errors import NotFound
from handoff.studio.audit import Audit
from handoff.studio.errors import BadSetting, ExamRefused
from handoff.studio.exam import QUESTIONS_AT_MOST, Exam
from handoff.studio.judging import exam_rows
from handoff.studio.settings import DEFAULTS, StudioSettings
from kb_index.article import Article
from tests.contract.databases import Database
from tests.contract.held_clock import HeldClock


@pytest.fixture
async def exam(database: Database, clock: HeldClock) -> Exam:
    engine = database.engine()
    await ContentStore(engine, clock).upsert(Article("refunds", "How do refunds work?", "In ten days."))
    return Exam(engine, clock, "de")


def told(refused: pytest.ExceptionInfo[ExamRefused]) -> list[tuple[int, str]]:
    return [(row["line"], row["code"]) for row in refused.value.data["errors"]]


async def test_a_question_is_kept_as_it_was_asked(exam: Exam, database: Database) -> None:
    added = await exam.add("  where's my\u00a0money? ", "refunds", None, by="Ada")
    assert (added["text"], added["article_id"], added["locale"]) == (
        "where's my\u00a0money?",
        "refunds",
        "de",
    )
    assert (added["source"], added["added_by"]) == ("editor", "Ada")
    assert await exam.all() == [added]
    (row,) = await exam_rows(database.engine())
    assert row == {
        "id": added["id"], "text": added["text"], "article_id": "refunds", "locale": "de", "set": "exam",
    }  # fmt: skip
    await exam.remove(added["id"])
    assert await exam.all() == []
    with pytest.raises(NotFound):
        await exam.remove(added["id"])


@pytest.mark.parametrize(
    ("text", "article_id", "locale", "code"),
    [
        (" \n ", None, None, "empty_text"),
        ("x" * 4001, None, None, "too_long"),
        ("x\x00y", None, None, "bad_character"),
        ("\ud800", None, None, "bad_character"),
        ("good", "nowhere", None, "unknown_article"),
        ("good", "x\x00y", None, "unknown_article"),
        ("good", None, "no locale", "bad_locale"),
    ],
)
async def test_what_cannot_be_asked_is_refused(
    exam: Exam, text: str, article_id: str | None, locale: str | None, code: str
) -> None:
    with pytest.raises(ExamRefused) as refused:
        await exam.add(text, article_id, locale, by="Ada")
    assert told(refused) == [(0, code)]
    assert await exam.all() == []


async def test_the_same_question_in_other_letters_is_refused_and_in_another_language_not(exam: Exam) -> None:
    await exam.add("Where is my money?", "refunds", None, by="Ada")
    with pytest.raises(ExamRefused) as refused:
        await exam.add("where  is my MONEY", None, None, by="Bo")
    assert told(refused) == [(0, "duplicate")]
    await exam.add("Where is my money?", "refunds", "en", by="Ada")


async def test_two_who_add_the_same_at_once_add_it_once(
    exam: Exam, database: Database, clock: HeldClock
) -> None:
    other = Exam(database.engine(), clock, "de")
    done = await asyncio.gather(
        *(each.add("Where is it?", None, None, by="Ada") for each in (exam, other) * 4),
        return_exceptions=True,
    )
    assert len([each for each in done if not isinstance(each, BaseException)]) == 1
    assert len(await exam.all()) == 1


async def test_a_csv_is_added_whole(exam: Exam) -> None:
    text = '\ufeffarticle_id,text,locale\r\nrefunds,"where is\nit?",en\r\n\r\n,who won the cup,\r\n'
    assert await exam.add_csv(text, "fr", by="Ada") == 2
    found = {row["text"]: (row["article_id"], row["locale"], row["source"]) for row in await exam.all()}
    assert found == {"where is\nit?": ("refunds", "en", "csv"), "who won the cup": (None, "fr", "csv")}


@pytest.mark.parametrize(
    ("text", "faults"),
    [
        ("", [(1, "bad_header")]),
        ("question\nx\n", [(1, "bad_header")]),
        ("text,text\nx,y\n", [(1, "bad_header")]),
        ("text\n\n", [(0, "no_questions")]),
        ("text,article_id\na,refunds\nb\n", [(3, "bad_row")]),
        ('text\n"a\n', [(2, "bad_csv")]),
        (
            "text,article_id\na,refunds\nb,gone\nA?,\n\x01,\n",
            [(3, "unknown_article"), (4, "duplicate"), (5, "bad_character")],
        ),
    ],
)
async def test_faults_of_a_csv_are_told_by_line_and_nothing_is_added(
    exam: Exam, text: str, faults: list[tuple[int, str]]
) -> None:
    with pytest.raises(ExamRefused) as refused:
        await exam.add_csv(text, None, by="Ada")
    assert told(refused) == faults
    assert await exam.all() == []


async def test_an_exam_has_an_end(exam: Exam) -> None:
    most = "text\n" + "".join(f"question {number}\n" for number in range(QUESTIONS_AT_MOST))
    assert await exam.add_csv(most, None, by="Ada") == QUESTIONS_AT_MOST
    with pytest.raises(ExamRefused) as refused:
        await exam.add("one more", None, None, by="Ada")
    assert told(refused) == [(0, "too_many")]


@pytest.fixture
def settings(database: Database, clock: HeldClock) -> StudioSettings:
    engine = database.engine()
    return StudioSettings(engine, Audit(engine, clock), clock)


async def test_settings_have_defaults_and_changes_are_noted(
    settings: StudioSettings, database: Database, clock: HeldClock
) -> None:
    defaults = dict(DEFAULTS)
    assert await settings.values() == defaults
    assert await settings.change({"risk": 0.05, "minute_cost": 0.8}, "Ada") == {**defaults, "risk": 0.05}
    assert await settings.change({"risk": 0.01}, "Bo") == {**defaults, "risk": 0.01}
    assert await settings.change({}, "Bo") == {**defaults, "risk": 0.01}
    assert (await settings.change({"voice": "formal"}, "Cy"))["voice"] == "formal"
    assert (await settings.change({"currency": "GBP"}, "Cy"))["currency"] == "GBP"
    entries = await Audit(database.engine(), clock).entries()
    assert [(entry["by"], entry["subject"], entry["data"]) for entry in entries] == [
        ("Cy", "currency", {"currency": {"from": "EUR", "to": "GBP"}}),
        ("Cy", "voice", {"voice": {"from": None, "to": "formal"}}),
        ("Bo", "risk", {"risk": {"from": 0.05, "to": 0.01}}),
        ("Ada", "risk", {"risk": {"from": 0.02, "to": 0.05}}),
    ]


@pytest.mark.parametrize(
    ("name", "value"),
    [("risk", 0.0), ("risk", 0.6), ("risk", None), ("risk", True), ("risk", "0.1"), ("risk", float("nan")),
     ("unanswerable_share", 0.91), ("currency", "eur"), ("currency", "EURO"), ("currency", None), ("currency", 978), ("voice", "shouting"), ("voice", None), ("voice", []), ("minute_cost", -1), ("handoff_minutes", 0), ("colour", 1)],
)  # fmt: skip
async def test_a_setting_out_of_bounds_changes_none(
    settings: StudioSettings, name: str, value: object
) -> None:
    with pytest.raises(BadSetting) as refused:
        await settings.change({"minute_cost": 2.0, name: value}, "Ada")
    assert refused.value.data["field"] == name
    assert (await settings.values())["minute_cost"] == 0.8
