"""What a bot answers from: the release as its edition has it, at a time."""

from __future__ import annotations

from dataclasses import replace

from bot.content import Content, ContentMaker
from kb_index.article import Article
from kb_index.edition import Edition, Incident
from kb_index.knowledge import Knowledge
from tests.unit.kb_index.conftest import WordEncoder

from .conftest import SHOP

AT = "2026-12-01T00:00:00Z"
NEW = Article("mast", "Tents with a carbon mast", "They weigh less.", ("is the mast carbon",))


def edition(*articles: Article, revision: int = 1, removed: tuple[str, ...] = (), **more: object) -> Edition:
    return replace(Edition("r1", revision, AT, "ann", articles, removed), **more)  # type: ignore[arg-type]


def first(content: Content, text: str) -> str:
    return content.searches.ranking(text, "en").candidates[0].article_id


def test_without_an_edition_the_release_is_live_as_it_was_trained(
    maker: ContentMaker, trained: Knowledge, words: WordEncoder
) -> None:
    content = maker.make(None, AT)
    assert content.knowledge is trained
    assert (content.revision, content.until, len(content.incidents)) == (0, None, 0)
    assert words.asked == [], "nothing was encoded"


def test_an_edition_adds_corrects_and_removes(maker: ContentMaker, trained: Knowledge) -> None:
    corrected = replace(SHOP[3], answer="Corrected.")
    content = maker.make(edition(NEW, corrected, revision=4, removed=("topic-05",)), AT)
    assert content.revision == 4
    assert first(content, "is the mast carbon") == "mast"
    assert content.knowledge.article("topic-03").answer == "Corrected."
    assert first(content, SHOP[5].questions[0]) != "topic-05"
    assert len(trained) == len(SHOP), "the trained one is as it was"


def test_the_next_is_made_of_the_one_before(maker: ContentMaker, words: WordEncoder) -> None:
    before = maker.make(edition(NEW), AT)
    words.asked.clear()
    after = maker.make(edition(NEW, replace(SHOP[0], answer="Corrected."), revision=2), AT, beside=before)
    assert "is the mast carbon" not in words.asked, "what stood there already is not encoded again"
    assert after.knowledge.article("topic-00").answer == "Corrected."
    words.asked.clear()
    back = maker.make(None, AT, beside=after)
    assert back.knowledge is maker.trained
    assert words.asked == []


def test_it_is_the_same_whichever_way_it_was_reached(maker: ContentMaker, words: WordEncoder) -> None:
    last = edition(NEW, replace(SHOP[1], questions=("may I fly",)), removed=("topic-02", "topic-07"))
    at_once = maker.make(last, AT)
    content = maker.make(edition(Article("other", "Other things", "x")), AT)
    for step in (edition(NEW, removed=("topic-03",)), edition(removed=("topic-02",)), last):
        content = maker.make(step, AT, beside=content)
    assert list(content.knowledge.articles) == list(at_once.knowledge.articles)
    for article in at_once.knowledge.articles:
        (vector,) = words.encode([article.title])
        ours, theirs = (c.knowledge.search(article.title, vector) for c in (content, at_once))
        assert [c.article_id for c in ours.candidates] == [c.article_id for c in theirs.candidates]


def test_an_article_is_found_in_its_time_alone(maker: ContentMaker) -> None:
    bounded = replace(NEW, valid_from="2026-12-24T00:00:00Z", valid_until="2026-12-27T00:00:00Z")
    early = maker.make(edition(bounded), AT)
    assert early.until == "2026-12-24T00:00:00Z"
    assert not early.is_over("2026-12-23T23:59:59Z")
    assert early.is_over("2026-12-24T00:00:00Z")
    assert first(early, "is the mast carbon") != "mast"
    within = maker.make(edition(bounded), "2026-12-24T00:00:00Z", beside=early)
    assert first(within, "is the mast carbon") == "mast"
    assert within.until == "2026-12-27T00:00:00Z"
    late = maker.make(edition(bounded), "2026-12-27T00:00:00Z", beside=within)
    assert first(late, "is the mast carbon") != "mast"
    assert late.until is None
    assert not late.is_over("9999-12-31T23:59:59Z")


def test_a_releases_own_articles_have_their_time_too(words: WordEncoder) -> None:
    from bot.vectors import Vectors
    from bot.voice import load

    ended = replace(SHOP[0], valid_until="2026-06-01T00:00:00Z")
    maker = ContentMaker(Knowledge.build([ended, *SHOP[1:]], words), Vectors(words), words, load("formal"))
    content = maker.make(None, AT)
    assert "topic-00" not in [article.id for article in content.knowledge.articles]
    assert content.until is None


def test_a_language_that_an_edition_brings_is_covered_and_one_that_it_takes_is_not(
    maker: ContentMaker,
) -> None:
    german = "Wo kann ich mein altes Zelt zurückgeben, bitte?"
    assert maker.make(None, AT).languages.read(german, locale="en").covered is False
    article = Article("zelt", "Wo gebe ich mein Zelt zurück?", "Im Laden.", (), (), "de")
    content = maker.make(edition(article), AT)
    assert content.languages.covered == {"en", "de"}
    assert content.languages.read(german, locale="en").covered is True
    assert maker.make(None, AT, beside=content).languages.covered == {"en"}


def test_words_of_new_articles_are_known(maker: ContentMaker) -> None:
    known = "wombats quokkas numbats"
    before = maker.make(None, AT).languages.read(known, locale="en").known
    after = maker.make(edition(Article("x", "Wombats and quokkas", "Numbats.")), AT).languages
    assert before == 0.0
    assert after.read(known, locale="en").known == 1.0
    assert after.read("where is my refund", locale="en").known == 1.0, "with those known before"


def test_incidents_come_with_the_vectors_of_their_phrases(maker: ContentMaker, words: WordEncoder) -> None:
    down = Incident("down", "Payments are down.", ("topic-01",), ("cannot pay by card",), AT)
    content = maker.make(edition(incidents=(down,)), AT)
    assert len(content.incidents) == 1
    near = words.encode(["cannot pay by card"])
    assert content.incidents.about([], near, locale="en") == down
    assert words.asked.count("cannot pay by card") == 2
    assert content.knowledge is maker.trained
