"""Which open incident a message is told about."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bot.incidents import NEAR, Incidents, key_of
from kb_index.edition import Incident
from kb_index.encoder import Encoder, load_encoder

AT = "2026-12-01T00:00:00Z"
CARDS = Incident("cards", "Cards are down.", ("pay-by-card",), (), AT)
LOGIN = Incident("login", "Nobody can log in.", (), ("cannot log in",), AT)
EAST = np.array([[1.0, 0.0]], dtype=np.float32)


def at(cosine: float) -> NDArray[np.float32]:
    return np.array([[cosine, np.sqrt(1 - cosine**2)]], dtype=np.float32)


NOTHING = np.zeros((0, 2), dtype=np.float32)


def test_a_message_that_a_named_article_answers_is_told() -> None:
    incidents = Incidents([CARDS])
    assert incidents.about({"pay-by-card", "x"}, NOTHING, locale="en") == CARDS
    assert incidents.about({"x"}, NOTHING, locale="en") is None
    assert incidents.about(set(), NOTHING, locale="en") is None
    assert not incidents.has_phrases


def test_a_message_near_to_a_phrase_is_told() -> None:
    incidents = Incidents([CARDS, LOGIN], EAST)
    assert incidents.has_phrases
    assert incidents.about(set(), at(NEAR + 0.001), locale="en") == LOGIN
    assert incidents.about(set(), at(NEAR - 0.001), locale="en") is None
    assert incidents.about(set(), np.vstack([at(0.1), at(0.9)]), locale="en") == LOGIN, (
        "one sentence is enough"
    )
    assert incidents.about(set(), NOTHING, locale="en") is None


def test_named_articles_go_before_likeness_and_the_nearer_before_the_farther() -> None:
    other = replace(LOGIN, id="other")
    incidents = Incidents([LOGIN, CARDS, other], np.vstack([at(0.7), EAST]))
    assert incidents.about({"pay-by-card"}, EAST, locale="en") == CARDS
    assert incidents.about(set(), EAST, locale="en") == other


def test_what_was_told_is_not_told_again_until_it_says_something_else() -> None:
    told = [key_of(CARDS)]
    assert Incidents([CARDS]).about({"pay-by-card"}, NOTHING, locale="en", told=told) is None
    news = replace(CARDS, text="Cards work again for some.")
    assert Incidents([news]).about({"pay-by-card"}, NOTHING, locale="en", told=told) == news
    later = replace(CARDS, next_news=AT)
    assert Incidents([later]).about({"pay-by-card"}, NOTHING, locale="en", told=told) is None


def test_the_next_one_that_fits_comes_when_the_first_was_told() -> None:
    incidents = Incidents([CARDS, LOGIN], EAST)
    assert incidents.about({"pay-by-card"}, EAST, locale="en", told=[key_of(CARDS)]) == LOGIN


def test_of_several_languages_the_customers_own_is_told_and_else_any() -> None:
    german = replace(CARDS, id="karten", text="Karten gehen nicht.", locale="de")
    both = Incidents([CARDS, german])
    assert both.about({"pay-by-card"}, NOTHING, locale="de-AT") == german
    assert both.about({"pay-by-card"}, NOTHING, locale="en") == CARDS
    assert both.about({"pay-by-card"}, NOTHING, locale="fr") == CARDS
    known = [key_of(german)]
    assert both.about({"pay-by-card"}, NOTHING, locale="de", told=known) is None, "not in English after it"


def test_vectors_and_phrases_must_belong_together() -> None:
    with pytest.raises(ValueError, match="2 phrases"):
        Incidents([LOGIN, replace(LOGIN, id="b")], EAST)


@pytest.fixture(scope="module")
def bundled() -> Encoder:
    return load_encoder("bundled")


@pytest.mark.parametrize(
    ("text", "is_about"),
    [
        ("I can't log in to my account", True),
        ("why can I not log in?", True),
        ("the login page gives me an error", True),
        ("logging in does not work any more", True),
        ("how do I return shoes?", False),
        ("hello", False),
        ("do you ship to Norway", False),
        ("what are your opening hours", False),
        ("thanks, that is all", False),
    ],
)
def test_the_threshold_tells_ordinary_questions_apart(bundled: Encoder, text: str, is_about: bool) -> None:
    phrases = ("cannot log in", "login fails with an error")
    incident = replace(LOGIN, phrases=phrases)
    incidents = Incidents([incident], bundled.encode(phrases))
    found = incidents.about(set(), bundled.encode([text]), locale="en")
    assert (found is not None) is is_about
