"""Lists in one CSV cell."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kb_index.cells import join_cell, split_cell

ENTRIES = st.lists(st.text(alphabet="ab|\\ ", min_size=1, max_size=8).map(str.strip).filter(bool), max_size=5)


@given(ENTRIES)
@example(["\\"])
@example(["a\\", "|"])
@example(["\\|", "\\\\|", "|\\"])
def test_what_is_joined_is_split_again(entries: list[str]) -> None:
    assert split_cell(join_cell(entries)) == entries


@pytest.mark.parametrize(
    ("cell", "entries"),
    [
        ("", []),
        ("  ", []),
        ("one", ["one"]),
        ("one | two", ["one", "two"]),
        (r"a \| b|c", ["a | b", "c"]),
        (r"C:\temp", [r"C:\temp"]),
        (r"\\server\share|x", [r"\\server\share", "x"]),
        (r"ends with \\|x", ["ends with \\", "x"]),
        ("a||b", ["a", "", "b"]),
        ("a|", ["a", ""]),
    ],
)
def test_hand_written_cells(cell: str, entries: list[str]) -> None:
    assert split_cell(cell) == entries


def test_only_a_bar_needs_an_escape() -> None:
    assert join_cell([r"a\b", "c|d"]) == r"a\b|c\|d"
