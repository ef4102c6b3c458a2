"""Words, tone and phrases of a message."""

from __future__ import annotations

import pytest

from bot.mood.text import READ, TONE, parse_lexicon, phrases, plain, read_part, tone

GROUPS = ("contempt", "thanks", "none")


def shown(text: str) -> dict[str, float]:
    lexicon = parse_lexicon(
        {"contempt": "useless, rip-off, straße*, thie*", "thanks": "thank you, don't mention"}
    )
    return dict(zip(GROUPS, lexicon.shown(plain(text), GROUPS), strict=True))


@pytest.mark.parametrize(
    ("text", "contempt", "thanks"),
    [
        ("useless", 1, 0),
        ("USELESS!", 1, 0),
        ("a uselessness", 0, 0),
        ("a Rip-Off", 1, 0),
        ("thieves", 1, 0),
        ("STRASSENBAHN", 1, 0),
        ("thank   you", 0, 1),
        ("don\u2019t mention it", 0, 1),
        ("thankyou", 0, 0),
        ("\uff55\uff53\uff45\uff4c\uff45\uff53\uff53", 1, 0),
        ("", 0, 0),
    ],
)
def test_a_group_shows_where_an_entry_stands_as_words(text: str, contempt: float, thanks: float) -> None:
    assert shown(text) == {"contempt": contempt, "thanks": thanks, "none": 0.0}


@pytest.mark.parametrize("raw", [None, [], {"contempt": ["useless"]}, {1: "useless"}])
def test_a_lexicon_that_is_no_groups_of_text_is_refused(raw: object) -> None:
    with pytest.raises(TypeError):
        parse_lexicon(raw)


def test_an_empty_entry_is_refused() -> None:
    # It would match everywhere.
    with pytest.raises(ValueError, match="'contempt' holds an empty entry"):
        parse_lexicon({"contempt": "useless, , late"})


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
