"""Languages of tags and words of texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kb_index.languages import fold, is_unspaced, language_of, script_of, vocabulary, words


@pytest.mark.parametrize(
    ("locale", "language"),
    [("en", "en"), ("pt-BR", "pt"), ("DE_at", "de"), ("no", "nb"), ("zh-Hant-TW", "zh"), ("", "")],
)
def test_the_language_of_a_tag(locale: str, language: str) -> None:
    assert language_of(locale) == language


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Where's my café-au-lait?", ["Where's", "my", "café", "au", "lait"]),
        ("l\u2019été, 'quoted' x2 snake_case", ["l\u2019été", "quoted", "x", "snake", "case"]),
        ("मेरा पार्सल कहाँ है", ["मेरा", "पार्सल", "कहाँ", "है"]),
        ("我的包裹在哪里\uff1f12", ["我的包裹在哪里"]),
        ("😡 123 !!! \u202e", []),
    ],
)
def test_words(text: str, expected: list[str]) -> None:
    assert words(text) == expected


@given(st.text(max_size=80))
def test_words_are_parts_of_the_text_without_spaces(text: str) -> None:
    place = 0
    for word in words(text):
        place = text.index(word, place) + len(word)
        assert not any(character.isspace() or character.isdecimal() for character in word)


def test_a_vocabulary_knows_no_case_and_one_apostrophe() -> None:
    known = vocabulary(["Don\u2019t STRASSE", "Straße"])
    assert fold("DON'T") in known
    assert known == {"don't", "strasse"}


@pytest.mark.parametrize(
    ("letter", "script", "unspaced"),
    [("a", "LATIN", False), ("ж", "CYRILLIC", False), ("我", "CJK", True), ("の", "HIRAGANA", True)],
)
def test_scripts(letter: str, script: str, *, unspaced: bool) -> None:
    assert script_of(letter) == script
    assert is_unspaced(script) is unspaced
