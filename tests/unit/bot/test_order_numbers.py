"""What counts as an order number in a message, and which digits do not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

DATA = Path(__file__).parents[3] / "nlu_data" / "nlu" / "order_status.yml"


def found(text: str) -> str | None:
    """As RegexEntityExtractor looks for it: the first match, without regard to case."""
    (regex,) = (entry for entry in yaml.safe_load(DATA.read_text())["nlu"] if "regex" in entry)
    match = re.search(regex["examples"].removeprefix("- ").strip(), text, re.IGNORECASE)
    return match and match.group()


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("FG-1000417", "FG-1000417"),
        ("it is fg 1000417.", "fg 1000417"),
        ("fg1000417?", "fg1000417"),
        ("order 1000645, please", "1000645"),
        ("(FG-1000417)", "FG-1000417"),
        ("#1000417", "1000417"),
        ("order no:1000417", "1000417"),
        ("1000417 2 weeks ago", "1000417"),
    ],
)
def test_it_is_found(text: str, number: str) -> None:
    assert found(text) == number


@pytest.mark.parametrize(
    "text",
    [
        "+491512345678",
        "01512345678",
        "call me on 0171 1234567 at once",
        "0171/1234567",
        "(0171) 1234567",
        "+49 171 1234567",
        "+49-1234567",
        "555-123-4567",
        "1234567 890",
        "4111111111111111",
        "PL1234567DE",
        "you owe me 1234567.89",
        "1.1234567",
        "FG-123456789",
        "FG-1000417x",
        "12345",
        "12345678",
    ],
)
def test_other_digits_are_left_alone(text: str) -> None:
    assert found(text) is None
