"""Values that a release serves with: checked, stored, read."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from kb_index.serving import SERVING_FILE, Serving, ServingError, read_serving, serving_text


def test_what_was_written_is_read(tmp_path: Path) -> None:
    values = Serving(risk=0.03, unanswerable_share=0.0, frustration_threshold=1.0, voice="formal")
    (tmp_path / SERVING_FILE).write_text(serving_text(values))
    assert read_serving(tmp_path) == values
    assert read_serving(tmp_path / "elsewhere") == Serving()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("risk", 0),
        ("risk", 1),
        ("risk", "0.1"),
        ("risk", True),
        ("risk", math.nan),
        ("unanswerable_share", 1.0),
        ("unanswerable_share", -0.1),
        ("threshold", 1.01),
        ("frustration_threshold", 0.0),
        ("frustration_threshold", math.inf),
        ("threshold", 10**400),
        ("risks", 0.1),
        ("voice", "shouting"),
        ("voice", 1),
        ("voice", ["formal"]),
    ],
)
def test_impossible_values_are_named(name: str, value: object) -> None:
    with pytest.raises(ServingError, match=name):
        Serving.from_dict({name: value})


@pytest.mark.parametrize("text", ["", "[]", "null", "[" * 100_000, "{", '{"risk": NaN}'])
def test_a_damaged_file_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / SERVING_FILE).write_text(text)
    with pytest.raises(ServingError):
        read_serving(tmp_path)
