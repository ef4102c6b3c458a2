"""Reading the labelled conversations and the lexicons."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bot.mood.labelled import LabelledDataError, LabelledTurn, read_labelled_turns


def write(path: Path, *rows: object) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n\n" for row in rows))


def turn(number: int, actor: str, text: str, label: int | None) -> dict[str, object]:
    return {"conversation_id": "c", "turn": number, "actor": actor, "text": text, "frustrated": label}


def test_customers_are_read_and_traps_are_calm(tmp_path: Path) -> None:
    write(tmp_path / "conversations" / "shop.jsonl", turn(1, "bot", "x", None), turn(2, "customer", "y", 1))
    write(tmp_path / "traps.jsonl", {"text": "not bad", "why": "negation"})
    assert read_labelled_turns(tmp_path) == [
        LabelledTurn("c", "y", True, "shop"),
        LabelledTurn("trap 1", "not bad", False, "trap"),
    ]
    assert read_labelled_turns(tmp_path / "none") == []


@pytest.mark.parametrize("bad", ['{"actor": "customer", "text": "x"}', "{", "[]", '"x"'])
def test_a_bad_line_is_named(tmp_path: Path, bad: str) -> None:
    path = tmp_path / "conversations" / "bank.jsonl"
    write(path, turn(1, "customer", "y", 0))
    path.write_text(path.read_text() + bad + "\n")
    with pytest.raises(LabelledDataError, match=r"bank\.jsonl line 3"):
        read_labelled_turns(tmp_path)


def test_a_trap_without_text_is_named(tmp_path: Path) -> None:
    write(tmp_path / "traps.jsonl", {"why": "negation"})
    with pytest.raises(LabelledDataError, match=r"traps\.jsonl line 1"):
        read_labelled_turns(tmp_path)
