"""Groups of words: which stand in a message, and how they are read from files."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.lexicon import LexiconError, parse_lexicon, plain, read_lexicons, read_some_lexicons

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


def test_a_message_begins_with_an_entry_behind_marks_alone() -> None:
    lexicon = parse_lexicon({"opening": "y, qué tal"})
    assert lexicon.begins(plain("¿Y cuánto?"), "opening")
    assert lexicon.begins(plain(" Qué  tal los zapatos"), "opening")
    assert not lexicon.begins(plain("ya"), "opening")
    assert not lexicon.begins(plain("hoy y mañana"), "opening")
    assert not lexicon.begins(plain("y"), "none")


def test_a_lexicon_is_a_file_of_its_language(tmp_path: Path) -> None:
    (tmp_path / "pt-BR.yml").write_text("thanks: >-\n  obrigado,\n  obrigada\n")
    found = read_lexicons(tmp_path)
    assert dict(found["pt-br"].groups) == {"thanks": ("obrigado", "obrigada")}
    (tmp_path / "pt-BR.yml").write_text("thanks: [obrigado]\n")
    with pytest.raises(LexiconError, match=r"pt-BR\.yml"):
        read_lexicons(tmp_path)


@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("Thank you, Sam", ", sam"),
        ("¡thank you", ""),
        ("thank youngsters", None),
        ("no thank you", None),
        ("", None),
    ],
)
def test_what_stands_behind_a_beginning(text: str, behind: str | None) -> None:
    assert parse_lexicon({"thanks": "thank you"}).behind(plain(text), "thanks") == behind
    assert parse_lexicon({"thanks": "thank you"}).behind(plain(text), "none") is None


def test_words_that_a_release_must_have_are_missed(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="no file of words"):
        read_some_lexicons(tmp_path / "follow_ups")
