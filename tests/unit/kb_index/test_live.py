"""Articles that come, change and go while the index is in use."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kb_index import live
from kb_index.article import Article
from kb_index.encoder import EncoderError
from kb_index.knowledge import IndexMismatch, Knowledge

from .conftest import FRAMES, WordEncoder

NEW = Article(
    "mast", "Tents with a carbon mast", "They weigh less.\n\nAsk for carbon.", ("is the mast carbon",)
)


def first(knowledge: Knowledge, words: WordEncoder, text: str) -> str:
    return knowledge.search(text, words.encode([text])[0]).candidates[0].article_id


def ids(knowledge: Knowledge, words: WordEncoder, text: str) -> list[str]:
    ranking = knowledge.search(text, words.encode([text])[0], k=50)
    return [candidate.article_id for candidate in ranking.candidates]


def test_an_article_is_found_as_soon_as_it_is_there(shop: list[Article], words: WordEncoder) -> None:
    old = Knowledge.build(shop, words)
    new = old.with_article(NEW, words)
    for text in (NEW.title, NEW.questions[0], "carbon mast"):
        assert first(new, words, text) == "mast"
        assert "mast" not in ids(old, words, text)
    assert new.article("mast") == NEW
    assert [article.id for article in new.articles] == sorted(article.id for article in [*shop, NEW])


def test_others_are_found_as_before(shop: list[Article], words: WordEncoder) -> None:
    old = Knowledge.build(shop, words)
    new = old.with_article(NEW, words)
    assert new.threshold == old.threshold
    for article in shop:
        for text in article.questions:
            assert first(new, words, text) == article.id
            vector = words.encode([text])[0]
            before, after = old.search(text, vector), new.search(text, vector)
            assert after.confidence == pytest.approx(before.confidence, abs=0.02)


def test_an_article_of_the_same_id_takes_the_others_place(shop: list[Article], words: WordEncoder) -> None:
    changed = Article(shop[0].id, "Zeppelin rides", "Every morning.", ("may I fly",))
    new = Knowledge.build(shop, words).with_article(changed, words)
    assert len(new) == len(shop)
    assert first(new, words, "zeppelin rides") == changed.id
    assert first(new, words, "may I fly") == changed.id
    for text in shop[0].questions:
        vector = words.encode([text])[0]
        assert new.search(text, vector).confidence < new.threshold


def test_an_article_that_went_is_gone_and_the_rest_keep_their_own(
    shop: list[Article], words: WordEncoder
) -> None:
    new = Knowledge.build(shop, words).without_article(shop[4].id)
    assert len(new) == len(shop) - 1
    with pytest.raises(KeyError):
        new.article(shop[4].id)
    for article in shop[:4] + shop[5:]:
        for text in article.questions:
            assert first(new, words, text) == article.id
            assert shop[4].id not in ids(new, words, text)


def test_there_and_back_is_where_it_began(shop: list[Article], words: WordEncoder) -> None:
    old = Knowledge.build(shop, words)
    back = old.with_article(NEW, words).without_article("mast")
    assert back.content_hash == old.content_hash
    for frame in FRAMES:
        text = frame.format("jacket voucher")
        vector = words.encode([text])[0]
        ours, theirs = back.search(text, vector, k=20), old.search(text, vector, k=20)
        assert [c.article_id for c in ours.candidates] == [c.article_id for c in theirs.candidates]
        assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-6)


def test_all_go_and_one_comes(shop: list[Article], words: WordEncoder) -> None:
    knowledge = Knowledge.build(shop, words)
    for article in shop:
        knowledge = knowledge.without_article(article.id)
    assert knowledge.search("refund", words.encode(["refund"])[0]).candidates == ()
    assert first(knowledge.with_article(NEW, words), words, "carbon mast") == "mast"


def test_what_changed_is_saved_and_loaded(shop: list[Article], words: WordEncoder, tmp_path: Path) -> None:
    changed = Knowledge.build(shop, words).with_article(NEW, words).without_article(shop[2].id)
    changed.save(tmp_path)
    loaded = Knowledge.load(tmp_path, words)
    assert loaded.content_hash == changed.content_hash
    assert list(loaded.articles) == list(changed.articles)
    assert first(loaded, words, "carbon mast") == "mast"
    assert loaded.compacted().search("mast", words.encode(["mast"])[0]) == loaded.search(
        "mast", words.encode(["mast"])[0]
    )


def test_many_changes_make_it_untidy_and_compacting_tidies(shop: list[Article], words: WordEncoder) -> None:
    knowledge = Knowledge.build(shop, words)
    assert not knowledge.is_untidy
    for article in shop[:3]:
        knowledge = knowledge.without_article(article.id)
    assert knowledge.is_untidy
    tidy = knowledge.compacted()
    assert not tidy.is_untidy
    for article in shop[3:]:
        assert first(tidy, words, article.questions[0]) == article.id


def test_a_locale_that_came_later_is_searched_alone(shop: list[Article], words: WordEncoder) -> None:
    german = Article("mast-de", "Zelte carbon mast", "Leicht.", (), (), "de")
    knowledge = Knowledge.build(shop, words).with_article(german, words)
    ranking = knowledge.search("refund", words.encode(["refund"])[0], locale="de", k=20)
    assert [candidate.article_id for candidate in ranking.candidates] == ["mast-de"]


def test_many_at_once_are_what_they_are_one_by_one(shop: list[Article], words: WordEncoder) -> None:
    changes = [
        NEW,
        replace(shop[3], title="Voucher of another kind", questions=("is my voucher valid",)),
        Article("aaa", "First of all", "Zeppelins fly in the morning."),
        Article("zzz", "Last of all", "Submarines dive at noon.", ("when do they dive", "submarines")),
    ]
    old = Knowledge.build(shop, words)
    one_by_one = old
    for article in changes:
        one_by_one = one_by_one.with_article(article, words)
    together = Knowledge(live.with_articles(old.stored, changes, words))
    assert list(together.articles) == list(one_by_one.articles)
    for article in together.articles:
        for text in (article.title, *article.questions, article.answer):
            vector = words.encode([text])[0]
            ours, theirs = together.search(text, vector, k=20), one_by_one.search(text, vector, k=20)
            assert [c.article_id for c in ours.candidates] == [c.article_id for c in theirs.candidates]
            assert ours.confidence == pytest.approx(theirs.confidence, abs=1e-6)


def test_many_at_once_are_encoded_in_few_calls(
    shop: list[Article], words: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge = Knowledge.build(shop, words)
    calls: list[int] = []
    encode = words.encode
    monkeypatch.setattr(words, "encode", lambda texts: calls.append(len(texts)) or encode(texts))
    more = [Article(f"more-{n}", f"Title {n}", f"Answer {n}", (f"variant {n}",)) for n in range(100)]
    assert len(live.with_articles(knowledge.stored, more, words).articles) == 112
    assert calls == [256, 44]


def test_revised_has_exactly_the_articles_wanted(shop: list[Article], words: WordEncoder) -> None:
    old = Knowledge.build(shop, words)
    assert old.revised(reversed(shop), words) is old, "nothing differs"
    wanted = [*shop[:4], replace(shop[4], answer="Corrected."), NEW]
    new = old.revised(wanted, words)
    assert list(new.articles) == sorted(wanted, key=lambda article: article.id)
    assert not new.is_untidy
    assert first(new, words, "carbon mast") == "mast"
    assert new.article(shop[4].id).answer == "Corrected."
    assert shop[5].id not in ids(new, words, shop[5].questions[0])
    back = new.revised(shop, words)
    assert back.content_hash == old.content_hash
    for article in shop:
        assert first(back, words, article.questions[0]) == article.id


def test_only_what_differs_is_encoded(shop: list[Article], words: WordEncoder) -> None:
    knowledge = Knowledge.build(shop, words)
    words.asked.clear()
    knowledge.revised([*shop[1:], replace(shop[0], answer="Corrected.")], words)
    assert words.asked == [shop[0].title, *shop[0].questions, "Corrected."]


def test_everything_may_go_at_once(shop: list[Article], words: WordEncoder) -> None:
    empty = Knowledge.build(shop, words).revised([], words)
    assert len(empty) == 0
    assert empty.search("refund", words.encode(["refund"])[0]).candidates == ()
    assert first(empty.revised([NEW], words), words, "carbon mast") == "mast"


def test_an_id_given_twice_is_refused(shop: list[Article], words: WordEncoder) -> None:
    knowledge = Knowledge.build(shop, words)
    with pytest.raises(ValueError, match="given twice"):
        live.with_articles(knowledge.stored, [NEW, NEW], words)
    with pytest.raises(KeyError):
        live.without_articles(knowledge.stored, [shop[0].id, "nobody"])


def test_another_encoder_and_an_unknown_id_are_refused(shop: list[Article], words: WordEncoder) -> None:
    knowledge = Knowledge.build(shop, words)
    with pytest.raises(IndexMismatch, match="train again"):
        knowledge.with_article(NEW, WordEncoder("other"))
    with pytest.raises(KeyError):
        knowledge.without_article("nobody")


def test_nan_changes_nothing(
    shop: list[Article], words: WordEncoder, monkeypatch: pytest.MonkeyPatch
) -> None:
    knowledge = Knowledge.build(shop, words)
    monkeypatch.setattr(words, "encode", lambda texts: np.full((len(texts), 64), np.nan, np.float32))
    with pytest.raises(EncoderError, match="nothing was indexed"):
        knowledge.with_article(NEW, words)


def test_threads_search_while_articles_come_and_go(shop: list[Article], words: WordEncoder) -> None:
    knowledge = Knowledge.build(shop, words)
    asked = [
        (text, words.encode([text])[0], article.id) for article in shop for text in article.questions[:3]
    ]
    wrong: list[str] = []
    stop = threading.Event()

    def search() -> None:
        while not stop.is_set():
            current = knowledge
            for text, vector, expected in asked:
                if current.search(text, vector).candidates[0].article_id != expected:
                    wrong.append(text)

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(30):
        knowledge = knowledge.with_article(NEW, words) if turn % 2 == 0 else knowledge.without_article("mast")
    stop.set()
    for thread in threads:
        thread.join()
    assert not wrong
