"""What an editor is told while writing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from handoff.content.versions import Kept
from handoff.ports import BotNotReadyError
from handoff.studio.advice import advise
from handoff.studio.exam import folded
from handoff.studio.exam_advice import in_exam
from handoff.studio.shelf import Shelved, same
from kb_index.article import Article


class Bench:
    """A bot that says what it is told to; None: it is not there."""

    def __init__(self, *warnings: Mapping[str, Any], there: bool = True) -> None:
        self.warnings = warnings
        self.there = there
        self.asked: list[tuple[Mapping[str, Any], bool]] = []

    async def try_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        raise AssertionError("advice tries nothing")

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        if not self.there:
            raise BotNotReadyError("away")
        self.asked.append((article, draft))
        return {"warnings": list(self.warnings)}


def shelf(*articles: Article) -> dict[str, Shelved]:
    return {
        article.id: Shelved(
            Kept(article), "", frozenset(same(t) for t in (article.title, *article.questions))
        )
        for article in articles
    }


OTHER = Article("other", "When is it paid?", "Soon.", ("Money back when?",))


def raw(**changes: Any) -> dict[str, Any]:
    return {"id": "mine", "title": "How do refunds work?", "answer": "So.", "questions": ["a b c"], **changes}


async def codes(given: Mapping[str, Any], bench: Bench | None = None) -> list[tuple[str, str, int | None]]:
    found = await advise(given, shelf(OTHER), bench or Bench(), draft=True)
    return [(one.code, one.field, one.index) for one in found]


async def test_a_good_article_gets_no_remark() -> None:
    assert await codes(raw()) == []


async def test_the_same_question_twice_or_at_another_article() -> None:
    found = await codes(raw(questions=["how do REFUNDS work", "x y", "X, y!", "money back — when"]))
    assert found == [
        ("repeated", "questions", 0),
        ("repeated", "questions", 2),
        ("shared_question", "questions", 3),
    ]
    assert await codes(raw(title="when is it paid??")) == [("shared_question", "title", None)]
    # In another language the same words are another question.
    assert await codes(raw(title="when is it paid??", locale="nl")) == []


async def test_an_article_without_questions_is_hard_to_find() -> None:
    assert await codes(raw(questions=[])) == [("no_questions", "questions", None)]


@pytest.mark.parametrize(
    "answer",
    [
        "see [here]()",
        "[here](javascript:alert(1))",
        "[x](http://shop)",
        "[x](https://[bad)",
        "[ ](https://a.example)",
    ],
)
async def test_links_that_lead_nowhere(answer: str) -> None:
    assert await codes(raw(answer=answer)) == [("broken_link", "answer", None)]


@pytest.mark.parametrize(
    "answer", ["[a](https://a.example/b)", "[a](/help)", "[a](mailto:a@b.example)", "a [b] (c)"]
)
async def test_links_that_lead_somewhere(answer: str) -> None:
    assert await codes(raw(answer=answer)) == []


async def test_what_the_bot_says_is_told_in_words() -> None:
    other = {"article_id": "other", "title": "When is it paid?", "text": "Money back when?", "score": 0.9}
    bench = Bench(
        {
            "code": "answered_better_elsewhere",
            "field": "questions",
            "index": 0,
            "text": "a b c",
            "other": other,
        }
    )
    [told] = await advise(raw(), shelf(OTHER), bench, draft=False)
    assert told.message == "Customers who ask this get “When is it paid?” now."
    assert (told.severity, told.other) == ("warning", other)
    assert bench.asked[0][1] is False


async def test_without_a_bot_the_rest_is_told_all_the_same() -> None:
    assert await codes(raw(questions=[]), Bench(there=False)) == [
        ("bot_away", "title", None),
        ("no_questions", "questions", None),
    ]


async def test_what_cannot_be_stored_is_said_first() -> None:
    assert await codes(raw(title="")) == [("bad_article", "title", None)]


async def test_what_the_exam_asks_is_told_but_not_refused() -> None:
    asked = frozenset(map(folded, ("HOW do refunds  work", "where is it?")))
    given = raw(questions=["a b c", "Where is it", "where is it now"])
    found = await advise(given, shelf(), Bench(), (in_exam(asked),), draft=True)
    assert [(one.code, one.field, one.index) for one in found] == [
        ("in_exam", "title", None),
        ("in_exam", "questions", 1),
    ]
