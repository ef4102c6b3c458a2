"""Tone and phrases of a message."""

from __future__ import annotations

import pytest

from bot.lexicon import plain
from bot.mood.text import READ, TONE, phrases, read_part, tone


def stands_out(text: str) -> set[str]:
    return {name for name, value in zip(TONE, tone(text), strict=True) if value} - {
        "length",
        "sentences",
        "sentence_length",
    }


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("where is it", set()),
        ("I need a PDF", {"stressed_words"}),
        ("THANK YOU SO MUCH", {"capitals"}),
        ("I SAID NOT this", {"capitals", "stressed_words"}),
        ("\u042d\u0422\u041e \u0423\u0416\u0410\u0421\u041d\u041e", {"capitals"}),
        ("really?!?!?", {"repeated_marks", "exclamations", "questions_marked", "ends_asking"}),
        ("nooooo", {"stretched"}),
        ('so "soon"', {"quotes"}),
        ("order 123", {"digits"}),
        ("well...", {"dots"}),
        ("ok :)", {"glad_signs"}),
        ("lost it :(", {"cross_signs"}),
        ("see http://shop.example/(x)", set()),
        ("", set()),
        ("\U0001f621", {"cross_signs"}),
    ],
)
def test_tone(text: str, names: set[str]) -> None:
    assert stands_out(text) == names


def test_tone_stays_bounded_on_the_longest_message() -> None:
    assert all(0.0 <= value <= 2.5 for value in tone('AARGH!!! 99 "x" ... ' * 200))


def test_phrases_are_words_marks_and_neighbours() -> None:
    assert list(phrases(plain("Don't you?!"))) == ["don't", "you", "?!", "don't you", "you ?!"]


def test_of_a_long_message_its_start_and_end_are_read() -> None:
    text = "start " + "x" * 5_000 + " end"
    read = read_part(text)
    assert len(read) == READ + 1
    assert read.startswith("start")
    assert read.endswith("end")
    assert read_part("short") == "short"
