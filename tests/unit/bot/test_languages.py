"""Which language a message is in: what is called foreign, and above all what is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.languages import Languages
from bot.own_words import read_languages
from bot.voice import load
from kb_index.article import Article

GOLDEN = Path(__file__).parents[2] / "golden" / "languages"
FOREIGN = [line.split("\t") for line in (GOLDEN / "foreign.tsv").read_text(encoding="utf-8").splitlines()]
ENGLISH = (GOLDEN / "english.txt").read_text(encoding="utf-8").splitlines()
"""What English customers write and a detector takes for other languages: codes, names, slang, "merci", mixtures."""

GERMAN = Article(
    "paket", "Wo ist mein Paket?", "Sie finden den Stand der Lieferung in Ihrem Konto.", locale="de"
)
ONE = Article("parcel", "Where is my parcel?", "You find it in your account.")


@pytest.fixture(scope="module")
def english() -> Languages:
    """One short article: nearly all words that are known are those of the bot's own data."""
    return read_languages([ONE], load("formal"))


@pytest.fixture(scope="module")
def both() -> Languages:
    return read_languages([ONE, GERMAN], load("formal"))


@pytest.mark.parametrize("locale", ["en", "de", "fr-CA", "xx"])
def test_what_english_customers_write_is_not_foreign(english: Languages, locale: str) -> None:
    foreign = {text for text in ENGLISH if not english.read(text, locale=locale).covered}
    # The one that is known to fail: three French words and nothing else.
    assert foreign <= {"force majeure clause"}


def test_foreign_sentences_are_recognised(english: Languages) -> None:
    read = [(language, english.read(text, locale="en")) for language, text in FOREIGN]
    found = [reading for _, reading in read if not reading.covered]
    # lingua's models are fixed, so this is one number and not a matter of luck: 212 of 224.
    assert len(found) >= 205
    named = [
        (language, reading.language) for language, reading in read if reading.language not in (None, "en")
    ]
    assert sum(language == said for language, said in named) >= len(named) - 4


def test_the_pages_language_helps_short_sentences(english: Languages) -> None:
    assert english.read("Wo ist mein Paket?", locale="en").covered
    reading = english.read("Wo ist mein Paket?", locale="de-AT")
    assert (reading.covered, reading.language, reading.locale) == (False, "de", "de-AT")


@pytest.mark.parametrize(
    ("text", "language", "locale"),
    [
        ("Wo finde ich den Stand meiner Lieferung?", "de", "de"),
        ("where do I find my account?", "en", "en-GB"),
        ("ok", None, "en-GB"),
        ("FG-1000417", None, "en-GB"),
    ],
)
def test_several_languages_that_are_covered(
    both: Languages, text: str, language: str | None, locale: str
) -> None:
    reading = both.read(text, locale="en-GB")
    assert (reading.covered, reading.language, reading.locale) == (True, language, locale)


def test_what_says_too_little_is_read_as_what_came_before(both: Languages) -> None:
    assert both.read("ok", locale="en", earlier="de").locale == "de"
    assert both.read("ok", locale="de-CH", earlier="de").locale == "de-CH"


def test_a_language_that_none_of_two_is_foreign_to_both(both: Languages) -> None:
    assert not both.read("¿Cuándo llega mi pedido? Llevo dos semanas esperando.", locale="en").covered


def test_english_is_foreign_where_nothing_is_english() -> None:
    german = read_languages([GERMAN], load("formal"))
    reading = german.read("I have been waiting for my refund since last week", locale="de")
    assert (reading.covered, reading.language) == (False, "en")
    assert german.read("Wo finde ich mein Geld wieder?", locale="de").covered


def test_a_sibling_of_a_covered_language_is_not_foreign() -> None:
    danish = Languages({"da": ["Hvor er min pakke?"]})
    assert danish.read("Jag vill ändra leveransadressen för min beställning.", locale="da").covered
    assert not danish.read("Ich möchte die Lieferadresse meiner Bestellung ändern.", locale="da").covered


@pytest.mark.parametrize("covered", [{}, {"xx": ["words"]}, {"en": ["words"], "tlh": ["nuqneH"]}])
def test_without_a_language_to_compare_with_nothing_is_foreign(covered: dict[str, list[str]]) -> None:
    reading = Languages(covered).read("Ich möchte meine Bestellung ändern, bitte.", locale="en")
    assert (reading.covered, reading.language, reading.locale) == (True, None, "en")


@pytest.mark.parametrize(
    "text", ["", " ", "\u202e\u200f", "\x00\x07", "\ud800", "‽" * 4000, "ä" * 4000, "a\u0301" * 2000]
)
def test_nonsense_is_nobodys_language(english: Languages, text: str) -> None:
    assert english.read(text, locale="en").covered
