"""What an editor is told about an article before it is published."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from kb_index import advice
from kb_index.advice import Advice, advise
from kb_index.article import Article
from kb_index.encoder import Encoder
from kb_index.knowledge import Knowledge

from .conftest import WordEncoder


def found(advice: Advice) -> list[tuple[str, str, int | None, str | None]]:
    return [
        (w.code, w.field, w.index, None if w.other is None else w.other.article_id) for w in advice.warnings
    ]


@pytest.fixture
def knowledge(shop: list[Article], words: WordEncoder) -> Knowledge:
    return Knowledge.build(shop, words)


def test_of_an_article_that_stands_alone_nothing_is_said(knowledge: Knowledge, words: WordEncoder) -> None:
    tent = Article(
        "tent",
        "Tents with a carbon mast",
        "They weigh less.",
        ("carbon mast tent weight", "mast of the tent: carbon or wood", "tents: is a mast made of carbon"),
    )
    result = advise(knowledge, tent, words)
    assert (found(result), result.checked, result.variants) == ([], 3, 3)


def test_of_what_is_live_as_it_is_nothing_is_said(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    for article in shop[:4]:
        assert [w for w in found(advise(knowledge, article, words)) if w[0] != "near_duplicate"] == []


def test_a_variant_of_another_topic_is_answered_better_there(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    strayed = "someone said refund money returned someday"
    article = replace(shop[0], questions=(*shop[0].questions, strayed))
    result = advise(knowledge, article, words)
    (warned,) = [w for w in result.warnings if w.code == "answered_better_elsewhere"]
    assert (warned.field, warned.index, warned.text) == ("questions", 8, strayed)
    assert warned.other is not None
    assert warned.other.article_id == shop[1].id
    assert "refund money returned" in warned.other.text
    assert 0.5 < warned.other.score < 1.0


def test_a_variant_does_not_find_itself(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    # Asked as it stands there it would come first, word for word.
    article = replace(shop[0], questions=(*shop[0].questions, "the refund money was never returned"))
    there = knowledge.with_article(article, words)
    text = article.questions[-1]
    assert there.search(text, words.encode([text])[0]).candidates[0].article_id == article.id
    assert ("answered_better_elsewhere", "questions", 8, shop[1].id) in found(
        advise(knowledge, article, words)
    )


def test_the_same_again_is_a_near_duplicate_within_and_elsewhere(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    article = Article(
        "tent",
        "Tents with a carbon mast",
        "They weigh less.",
        ("carbon mast of a tent", "the carbon mast of my tent", shop[2].questions[0]),
    )
    result = advise(knowledge, article, words)
    assert found(result) == [
        ("near_duplicate", "questions", 1, "tent"),
        ("near_duplicate", "questions", 2, shop[2].id),
    ]
    assert result.warnings[0].other is not None
    assert result.warnings[0].other.text == "carbon mast of a tent"
    assert result.warnings[1].other is not None
    assert result.warnings[1].other.text == shop[2].questions[0]
    assert result.warnings[1].other.score == pytest.approx(1.0, abs=1e-3)


def test_a_copy_of_another_article_is_never_reached(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    # Sorted behind the one that it copies, which has a title and variants more.
    copy = Article("zzz", shop[3].questions[0], "Other words.", shop[3].questions[1:3])
    codes = found(advise(knowledge, copy, words))
    assert ("unreachable", "title", None, shop[3].id) in codes
    assert ("near_duplicate", "title", None, shop[3].id) in codes


def test_a_new_article_of_a_title_alone_is_reached_by_it(knowledge: Knowledge, words: WordEncoder) -> None:
    result = advise(knowledge, Article("tent", "Tents with a carbon mast", "…"), words)
    assert (found(result), result.checked, result.variants) == ([], 0, 0)


def test_an_answer_that_another_article_gives_word_for_word(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    article = Article("tent", "Tents with a carbon mast", shop[5].answer)
    assert found(advise(knowledge, article, words)) == [("near_duplicate", "answer", None, shop[5].id)]


def test_articles_in_another_language_stand_in_nobodys_way(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder
) -> None:
    other = Article("tarif", shop[3].questions[0], "x", shop[3].questions[1:4], (), "de")
    again = Article("tarif-2", "Etwas ganz anderes", "y", (), (), "de")
    result = advise(knowledge.with_article(again, words), other, words)
    assert found(result) == []


def test_the_first_article_of_all_has_no_rival(words: WordEncoder) -> None:
    empty = Knowledge.build([], words)
    assert found(advise(empty, Article("a", "Only this", "x", ("only that",)), words)) == []


def test_work_is_bounded_and_new_variants_are_looked_at_first(
    knowledge: Knowledge, shop: list[Article], words: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(advice, "CHECKED", 3)
    monkeypatch.setattr(advice, "KNOWN", 6)
    new = ("refund money returned", "refund money returned please")
    article = replace(shop[0], questions=(*shop[0].questions, *new))
    words.asked.clear()
    result = advise(knowledge, article, words)
    assert (result.checked, result.variants) == (3, 10)
    assert {w.index for w in result.warnings} >= {8, 9}
    asked = set(words.asked) - {article.title}
    assert asked & set(article.questions) == {*article.questions[:4], *new}


def test_what_is_live_stays_as_it_is(knowledge: Knowledge, shop: list[Article], words: WordEncoder) -> None:
    before = knowledge.content_hash
    advise(knowledge, replace(shop[0], title="Another"), words)
    assert knowledge.content_hash == before


def test_with_the_bundled_encoder(bundled: Encoder) -> None:
    """The demo's articles: what an editor would be told who adds one on boots."""
    from kb_index.formats import parse

    articles = parse(Path(__file__).parents[3] / "kb_index" / "articles").articles[:20]
    knowledge = Knowledge.build(articles, bundled)
    boots = next(article for article in articles if article.id == "boot-care")
    again = "How often should leather boots be waxed?"
    new = Article("boot-wax", "Which wax for boots?", "Ours.", (again, "boot wax", "Which wax is for boots?"))
    codes = found(advise(knowledge, new, bundled))
    assert ("near_duplicate", "questions", 2, "boot-wax") in codes
    assert any(index == 0 and other == boots.id for _code, _field, index, other in codes)
