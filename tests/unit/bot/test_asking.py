"""Other readings of a message, and which of them decides."""

from __future__ import annotations

import pytest

from bot.asking import LONGEST_FOLLOW_UP, MOST_PARTS, Ways, read, ways_of
from bot.memory import Memory
from kb_index.knowledge import Candidate, Ranking

ANSWERED = Memory(last_kind="answer", answered=("returns",), questions=("How do I send something back?",))
T = 0.9


def ranking(article: str, confidence: float) -> Ranking:
    return Ranking((Candidate(article, article, 0.9),), confidence, confidence)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Where is my parcel?", ()),
        ("Hi! Where is my parcel?", ()),
        (
            "Where is my parcel? And can I pay by invoice?",
            ("Where is my parcel?", "And can I pay by invoice?"),
        ),
        ("my parcel is late\n\nrefund me please", ("my parcel is late", "refund me please")),
        ("荷物はどこにありますか？返品できますか？", ("荷物はどこにありますか？", "返品できますか？")),  # noqa: RUF001
        ("What is this? What is this?", ()),
        ("", ()),
    ],
)
def test_sentences_are_read_by_themselves_where_there_are_several(text: str, parts: tuple[str, ...]) -> None:
    assert ways_of(text, Memory(), "en").parts == parts


def test_of_many_sentences_the_questions_and_the_longest_are_read() -> None:
    text = (
        "I bought a tent last week. My name is Jo. It rained a lot where we were on holiday in Wales. We like it. "
        "Can I wash it? It smells of smoke now."
    )
    parts = ways_of(text, Memory(), "en").parts
    assert len(parts) == MOST_PARTS
    assert "Can I wash it?" in parts
    assert "My name is Jo." not in parts


@pytest.mark.parametrize(
    ("text", "locale", "parts"),
    [
        ("Good morning. Where is my parcel? Many thanks", "en", ("Where is my parcel?",)),
        ("Where is my parcel? Best wishes, Sam", "en", ("Where is my parcel?",)),
        ("Where is my parcel? That would help a lot", "en", ("Where is my parcel?",)),
        ("Dear team. My parcel is late. Any ideas?", "en-GB", ("My parcel is late.",)),
        ("Guten Tag! Wo ist mein Paket? Mit freundlichen Grüßen", "de", ("Wo ist mein Paket?",)),
        ("Bonjour à tous ! Où est mon colis ? Merci d'avance", "fr", ("Où est mon colis ?",)),
        ("¡Buenos días! ¿Dónde está mi paquete? Muchas gracias", "es", ("¿Dónde está mi paquete?",)),
        # What begins politely may ask something all the same, and who knows in a language without words for it.
        ("Hello, where is my parcel? Thanks, I also want a refund", "en", (
            "Hello, where is my parcel?", "Thanks, I also want a refund",
        )),
        ("Good morning. Where is my parcel?", "ja", ("Good morning.", "Where is my parcel?")),
        ("Good morning. Many thanks", "en", ("Good morning.", "Many thanks")),
        # Help with what is said behind it.
        ("Hello there. Please help me cancel my order.", "en", ("Please help me cancel my order.",)),
        ("My parcel is late. Any idea when it arrives?", "en", (
            "My parcel is late.", "Any idea when it arrives?",
        )),
        ("I ordered a jacket. Let me know the costs.", "en", ("I ordered a jacket.", "Let me know the costs.")),
        ("Hi, refund? My order is 12345.", "en", ("Hi, refund?", "My order is 12345.")),
        ("Guten Tag. Können Sie mir helfen mein Passwort zu finden?", "de", (
            "Können Sie mir helfen mein Passwort zu finden?",
        )),
    ],
)  # fmt: skip
def test_a_sentence_that_asks_nothing_is_not_read(text: str, locale: str, parts: tuple[str, ...]) -> None:
    assert ways_of(text, Memory(), locale).parts == parts


@pytest.mark.parametrize(
    ("ways", "confidence", "matter"),
    [
        (Ways(("one?", "two?"), None), 0.95, True),
        (Ways(("one?",), None), 0.95, False),
        (Ways(("one?",), None), 0.85, True),
        (Ways((), "before? one?"), 0.95, False),
        (Ways((), "before? one?"), 0.85, True),
        (Ways(), 0.1, False),
    ],
)
def test_other_readings_matter_where_they_may_decide(ways: Ways, confidence: float, matter: bool) -> None:
    whole = ranking("a", confidence)
    assert ways.matter(whole, T) is matter
    if not matter:
        sure = [ranking("b", 0.999) for _ in ways.parts]
        assert read(whole, sure, None if ways.joined is None else ranking("c", 0.999), T) is whole


@pytest.mark.parametrize(
    ("text", "locale"),
    [
        ("and how long does that take?", "en"),
        ("What about shoes?", "en-GB"),
        ("is it free", "en"),
        ("und wie lange dauert das?", "de"),
        ("et combien ça coûte ?", "fr"),
        ("¿y cuánto tarda eso?", "es"),
    ],
)
def test_what_points_back_is_read_behind_the_question_before(text: str, locale: str) -> None:
    assert ways_of(text, ANSWERED, locale).joined == f"How do I send something back? {text}"
    assert ways_of(text, Memory(), locale).joined is None


@pytest.mark.parametrize(
    "text", ["What is the capital of Peru?", "opening hours", "it " * LONGEST_FOLLOW_UP, "and " + "x" * 90]
)
def test_what_stands_alone_is_not_joined(text: str) -> None:
    assert ways_of(text, ANSWERED, "en").joined is None


def test_pointing_words_are_those_of_the_conversations_language() -> None:
    assert ways_of("und das?", ANSWERED, "ja").joined is None
    assert ways_of("und das?", Memory(**{**ANSWERED.as_dict(), "language": "de"}), "ja").joined is not None


def test_a_sure_message_is_read_as_it_is() -> None:
    whole = ranking("a", 0.95)
    assert read(whole, [ranking("a", 0.99), ranking("b", 0.2)], None, T) is whole
    assert read(whole, [], ranking("b", 0.99), T) is whole


def test_one_sure_sentence_answers_a_message_that_is_not_sure_as_a_whole() -> None:
    found = read(ranking("b", 0.4), [ranking("c", 0.1), ranking("a", 0.98)], None, T)
    assert found.candidates[0].article_id == "a"
    # Three readings: each may be wrong, so what may be wrong counts three times.
    assert found.confidence == pytest.approx(1 - 3 * 0.02)


def test_a_sentence_that_would_do_alone_does_not_among_many() -> None:
    whole = ranking("b", 0.4)
    assert read(whole, [ranking("a", 0.92), ranking("c", 0.1), ranking("d", 0.1)], None, T) is whole


@pytest.mark.parametrize("whole", [0.2, 0.95])
def test_two_sure_questions_compete(whole: float) -> None:
    found = read(ranking("a", whole), [ranking("b", 0.96), ranking("a", 0.99)], None, T)
    assert [candidate.article_id for candidate in found.candidates] == ["a", "b"]
    assert [candidate.score for candidate in found.candidates] == [0.5, 0.5]
    assert 0.3 < found.confidence < 0.5


def test_the_same_article_twice_is_one_question() -> None:
    found = read(ranking("a", 0.95), [ranking("a", 0.99), ranking("a", 0.99)], None, T)
    assert len(found.candidates) == 1


def test_a_follow_up_is_resolved_and_without_an_answer_stays_unknown() -> None:
    whole = ranking("x", 0.1)
    assert read(whole, [], ranking("refunds", 0.97), T).candidates[0].article_id == "refunds"
    assert read(whole, [], ranking("refunds", 0.91), T) is whole


def test_nothing_found_is_nothing() -> None:
    nothing = Ranking((), 0.0)
    assert read(nothing, [nothing, nothing], nothing, T) is nothing
