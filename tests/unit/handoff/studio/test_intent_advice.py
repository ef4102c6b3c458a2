"""What is doubtful about an intent, with a bot and without."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from typing import Any

import pytest

from handoff.content.intent_rows import KeptIntent
from handoff.content.versions import Kept
from handoff.ports import BotNotReadyError
from handoff.studio.advice import Advice
from handoff.studio.exam import folded
from handoff.studio.intent_advice import Written, doubts, surroundings
from handoff.studio.intent_articles import Articles
from handoff.studio.meanings import BATCH, Meanings
from handoff.studio.shelf import Shelved, same
from kb_index.article import Article
from kb_index.rules import Does

SAY = Does("say", {"en": "Yes."})
SHIPPED = {"greet": ("hello there", "good morning"), "question": ("how do returns work",)}
BULK = ("buy in bulk", "wholesale prices", "order many at once", "prices for shops", "resell your things")


def shelf(*articles: Article, status: str = "ready") -> dict[str, Shelved]:
    return {
        article.id: Shelved(
            Kept(article, status), "", frozenset(same(text) for text in (article.title, *article.questions))
        )
        for article in articles
    }


class Bench:
    """A bot whose vectors say which of some topics a text is about."""

    def __init__(self, topics: Mapping[str, Sequence[float]] | None = None) -> None:
        self.topics = topics
        self.batches: list[int] = []
        self.encoder = "one"

    async def embed(self, texts: Sequence[str]) -> tuple[str, list[list[float]]]:
        self.batches.append(len(texts))
        if self.topics is None:
            raise BotNotReadyError("away")
        return self.encoder, [self._vector(text) for text in texts]

    def _vector(self, text: str) -> list[float]:
        assert self.topics is not None
        words = [self.topics[word] for word in text.split() if word in self.topics]
        vector = [sum(numbers) for numbers in zip(*words, strict=True)] if words else [0.0, 0.0, 1.0]
        length = math.sqrt(sum(x * x for x in vector))
        return [x / length for x in vector]

    async def try_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        raise BotNotReadyError

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        raise BotNotReadyError


async def found(
    written: Written,
    *others: KeptIntent,
    shelved: Mapping[str, Shelved] | None = None,
    bench: Bench | None = None,
    exam: Collection[str] = (),
    **more: Any,
) -> list[Advice]:
    kept = {name: KeptIntent(name) for name in SHIPPED} | {one.name: one for one in others}
    beside = surroundings(kept, SHIPPED, shelved or {}, written, exam)
    return await doubts(written, SHIPPED.get(written.name, ()), beside, Meanings(bench or Bench()), **more)


def codes(advice: list[Advice]) -> list[tuple[str, int | None]]:
    return [(one.code, one.index) for one in advice if one.code != "bot_away"]


async def test_few_examples_are_told_and_shipped_ones_count() -> None:
    assert codes(await found(Written("bulk", BULK[:4], SAY))) == [("too_few_examples", None)]
    assert codes(await found(Written("bulk", BULK, SAY))) == []
    assert codes(await found(Written("greet", ("ahoy", "moin", "servus"), None))) == []


async def test_an_example_that_an_article_is_asked_with() -> None:
    article = Article("wholesale", "Do you sell to shops?", "Yes.", ("Wholesale prices?",))
    [one] = await found(Written("bulk", BULK, SAY), shelved=shelf(article), bench=Bench({}))
    assert (one.code, one.index, one.other and one.other["article_id"]) == ("same_as_article", 1, "wholesale")


async def test_an_example_of_two_intents_is_told_once() -> None:
    other = KeptIntent("trade", does=SAY, examples=("Buy in [bulk](amount)!", "something else"))
    assert codes(await found(Written("bulk", BULK, SAY), other)) == [("same_example", 0)]
    draft = KeptIntent("trade", does=Does(), examples=("buy in bulk",))
    assert codes(await found(Written("bulk", BULK, SAY), draft)) == []


async def test_an_intent_is_not_compared_with_what_is_stored_of_itself() -> None:
    assert codes(await found(Written("bulk", BULK, SAY), KeptIntent("bulk", does=SAY, examples=BULK))) == []


TOPICS = {
    "bulk": (1.0, 0.1, 0.0),
    "shops": (1.0, 0.0, 0.0),
    "cancel": (0.0, 1.0, 0.0),
    "stop": (0.1, 1.0, 0.0),
}
EXAMPLES = ("buy bulk", "bulk prices", "for shops", "shops here", "please stop it")


async def test_meanings_that_overlap_are_told_with_the_nearest_example() -> None:
    other = KeptIntent("quit", does=SAY, examples=("cancel it", "I cancel"))
    [one] = await found(Written("bulk", EXAMPLES, SAY), other, bench=Bench(TOPICS))
    assert (one.code, one.index) == ("overlaps_intent", 4)
    assert one.other is not None
    assert (one.other["intent"], one.other["text"]) == ("quit", "cancel it")
    assert one.other["score"] > 0.9


async def test_without_a_bot_words_are_compared_and_that_is_said() -> None:
    other = KeptIntent("quit", does=SAY, examples=("please stop it now",))
    told = await found(Written("bulk", EXAMPLES, SAY), other)
    assert [(one.code, one.index, one.severity) for one in told] == [
        ("bot_away", None, "note"),
        ("overlaps_intent", 4, "warning"),
    ]


async def test_the_article_that_answers_must_be_there() -> None:
    gone = Written("bulk", BULK, Does("article", article_id="gone"))
    assert codes(await found(gone)) == [("article_missing", None)]
    draft = shelf(Article("gone", "Title", "Answer"), status="draft")
    assert codes(await found(gone, shelved=draft)) == [("article_draft", None)]


async def test_personal_data_is_told() -> None:
    told = await found(
        Written("bulk", (*BULK, "write to [eva.muster](name)@example.com"), SAY),
    )
    assert codes(told) == [("personal_data", 5)]
    assert "e-mail" in told[-1].message


async def test_vectors_are_asked_once_in_batches_and_again_from_another_encoder() -> None:
    bench = Bench({})
    meanings = Meanings(bench)
    texts = [f"text {number}" for number in range(BATCH + 6)]
    near, by_meaning = await meanings.nearness(texts)
    assert (by_meaning, bench.batches) == (True, [BATCH, 6])
    assert near("text 1", "text 2") == pytest.approx(1.0)
    await meanings.nearness(texts)
    assert bench.batches == [BATCH, 6]
    bench.encoder = "two"
    await meanings.nearness([*texts, "new"])
    assert bench.batches == [BATCH, 6, 1, BATCH, 6]


async def test_an_example_that_the_exam_asks() -> None:
    written = Written("bulk", (*BULK, "may I buy [many](amount)"), SAY)
    assert codes(await found(written, exam={folded("May I buy many?")})) == [("in_exam", len(BULK))]


class Asked(Bench):
    """A bot that finds articles near to what is written."""

    def __init__(self, *warnings: Mapping[str, Any]) -> None:
        super().__init__({"buy": (1.0, 0.0, 0.0)})
        self.warnings = warnings
        self.written: list[Mapping[str, Any]] = []

    async def advise(self, article: Mapping[str, Any], *, draft: bool) -> dict[str, Any]:
        assert draft
        self.written.append(article)
        return {"warnings": list(self.warnings)}


def near(index: int | None, article_id: str, code: str = "near_duplicate") -> dict[str, Any]:
    other = {"article_id": article_id, "title": "Trade", "text": "wholesale", "score": 0.95}
    return {"code": code, "field": "questions", "index": index, "text": "x", "other": other}


async def test_an_example_that_means_the_like_of_an_articles_question() -> None:
    bench = Asked(
        near(None, "trade"),
        near(1, "trade"),
        near(1, "trade", "answered_better_elsewhere"),
        near(2, "new-intent"),
        near(3, "trade", "answered_better_elsewhere"),
        near(3, "trade", "unreachable"),
    )
    written = Written("bulk", ("[buy](amount) in bulk", *BULK[1:]), SAY, "wants a lot")
    told = await found(written, bench=bench, articles=Articles(bench, "en", draft=True))
    assert [(one.code, one.index, one.severity) for one in told] == [
        ("near_article", 1, "warning"),
        ("near_article", 3, "note"),
    ]
    assert all("“Trade”" in one.message for one in told)
    assert told[0].other == {"article_id": "trade", "title": "Trade", "text": "wholesale", "score": 0.95}
    (asked,) = bench.written
    assert (asked["title"], asked["questions"][0]) == ("wants a lot", "buy in bulk")
    # The article that the intent leads to may be like it, and words that are the same are told already.
    leads = Written("bulk", BULK, Does("article", article_id="trade"))
    shelved = shelf(Article("trade", "Trade", "So.", ()))
    assert (
        codes(await found(leads, shelved=shelved, bench=bench, articles=Articles(bench, "en", draft=True)))
        == []
    )
    shelved = shelf(Article("other", "Other", "So.", (BULK[1], BULK[3])))
    told = await found(written, shelved=shelved, bench=bench, articles=Articles(bench, "en", draft=True))
    assert codes(told) == [("same_as_article", 1), ("same_as_article", 3)]


async def test_without_a_bot_it_is_said_once_that_meanings_were_not_compared() -> None:
    away = Bench()
    told = await found(Written("bulk", BULK, SAY), bench=away, articles=Articles(away, "en", draft=False))
    assert [one.code for one in told] == ["bot_away"]
