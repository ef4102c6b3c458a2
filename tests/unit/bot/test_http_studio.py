"""Bodies that the studio sends: a turn to try, and articles that somebody is still writing."""

from __future__ import annotations

from typing import Any

import pytest

from bot.contract import MAX_TEXT, ContractError
from bot.dialogue import Dialogue
from bot.http_studio import NOTHING, published, told, tried, unfinished
from kb_index.advice import Advice, Other, Warned


def test_a_first_turn_needs_its_text_alone() -> None:
    request, dialogue = tried({"text": "hello"})
    assert (request.text, request.turn, request.episode, request.locale) == ("hello", 1, 1, "en")
    assert dialogue == Dialogue()
    other, _ = tried({"text": "hello"})
    assert other.conversation_id != request.conversation_id, "turns at once would take each other's tracker"


def test_a_turn_continues_its_dialogue_and_has_the_next_number() -> None:
    said = {"event": "user", "text": "hi", "message_id": "4", "parse_data": {}}
    before = Dialogue({}, None, (said, {"event": "action", "name": "utter_greet"}))
    request, dialogue = tried({"text": "yes", "choice": "4.1", "locale": "de", "dialogue": before.packed(3)})
    assert dialogue == before
    assert (request.turn, request.episode, request.choice, request.locale) == (5, 3, "4.1", "de")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({}, "text"),
        ({"text": ""}, "text"),
        ({"text": "x" * (MAX_TEXT + 1)}, "text"),
        ({"text": "x", "choice": 1}, "choice"),
        ({"text": "x", "locale": None}, "locale"),
        ({"text": "x", "release_id": []}, "release_id"),
        ({"text": "x", "dialogue": 5}, "dialogue"),
        ({"text": "x", "dialogue": "not one"}, "dialogue"),
        ({"text": "x", "dialogue": "x" * 200_000}, "dialogue"),
    ],
)
def test_what_is_no_turn_is_refused_by_its_field(body: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        tried(body)


def test_what_was_published_is_named_by_its_release_and_its_revision() -> None:
    assert published({"release_id": "r1", "revision": 0}) == ("r1", 0)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"revision": 1}, "release_id"),
        ({"release_id": 1, "revision": 1}, "release_id"),
        ({"release_id": "r1"}, "revision"),
        ({"release_id": "r1", "revision": True}, "revision"),
        ({"release_id": "r1", "revision": -1}, "revision"),
    ],
)
def test_what_names_no_publication_is_refused_by_its_field(body: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        published(body)


def test_an_article_in_the_making_needs_only_something_to_ask() -> None:
    written = unfinished({"questions": ["  ", "how do I fly", None, "may I fly", "how do  I fly"]})
    assert written is not None
    assert written.article.title == "how do I fly"
    assert written.article.answer == NOTHING
    assert written.article.questions == ("how do I fly", "may I fly")
    assert written.places == (1, 3)
    assert written.repeated == ((4, 1),)
    assert written.article.id.startswith("new-")


@pytest.mark.parametrize("raw", [{}, {"title": " "}, {"title": "", "questions": ["", " "]}, {"answer": "x"}])
def test_nothing_is_said_of_nothing(raw: dict[str, Any]) -> None:
    assert unfinished(raw) is None


def test_a_finished_article_is_taken_as_it_is() -> None:
    raw = {"id": "fly", "title": "Flying", "answer": "x", "questions": [], "tags": ["t"], "locale": "de"}
    written = unfinished(raw)
    assert written is not None
    assert written.article.as_dict() == raw


@pytest.mark.parametrize(
    "raw",
    [
        None,
        [],
        {"title": "A", "id": "../x"},
        {"title": "A", "questions": "x"},
        {"title": "A", "questions": [{"a": 1}]},
        {"title": "A", "questions": [f"q{n}" for n in range(5001)]},
        {"title": "a\u202eb"},
        {"title": "A", "colour": "red"},
        {"title": "A", "valid_from": "soon"},
    ],
)
def test_what_no_article_may_hold_is_refused(raw: Any) -> None:
    with pytest.raises(ContractError):
        unfinished(raw)


def test_places_are_those_of_what_was_sent() -> None:
    written = unfinished({"id": "fly", "title": "Flying", "questions": ["", "how", "how", "when"]})
    assert written is not None
    other = Other("x", "X", "when?", 0.95)
    advice = Advice((Warned("near_duplicate", "questions", 1, "when", other),), 2, 2)
    found = told(advice, written)
    assert [(warned["code"], warned["index"], warned["text"]) for warned in found] == [
        ("near_duplicate", 3, "when"),
        ("near_duplicate", 2, "how"),
    ]
    assert found[0]["other"] == {"article_id": "x", "title": "X", "text": "when?", "score": 0.95}
    assert found[1]["other"] == {"article_id": "fly", "title": "Flying", "text": "how", "score": 1.0}
