"""What an encoder says it was made for."""

from __future__ import annotations

from pathlib import Path

import pytest

from kb_index.encoder_languages import beyond_encoder, encoder_languages


def folder(path: Path, card: str | None) -> str:
    if card is not None:
        (path / "README.md").write_text(card, encoding="utf-8")
    return str(path)


@pytest.mark.parametrize(
    ("card", "languages"),
    [
        ("---\nlanguage: en\n---\n# A model", {"en"}),
        ("---\nlanguage:\n- de\n- fr-CA\n---\n", {"de", "fr"}),
        ("---\nlanguage: [multilingual, en]\n---\n", None),
        ("---\nlicense: mit\n---\n", None),
        ("---\n- a list\n---\n", None),
        ("---\n{{broken\n---\n", None),
        ("# No front matter\nlanguage: en\n", None),
        (None, None),
    ],
)
def test_a_folder_says_it_in_its_card(tmp_path: Path, card: str | None, languages: set[str] | None) -> None:
    assert encoder_languages(folder(tmp_path, card)) == languages


def test_the_bundled_one_is_english() -> None:
    assert beyond_encoder("bundled", ["en", "en-GB"]) is None
    told = beyond_encoder("bundled", ["en", "de-AT", "fr"])
    assert told is not None
    assert "articles in de, fr," in told
    assert "BATON_ENCODER" in told


def test_nothing_is_said_where_nothing_is_known(tmp_path: Path) -> None:
    assert beyond_encoder(folder(tmp_path, None), ["de"]) is None
    assert beyond_encoder("some-hub/name", ["de"]) is None
