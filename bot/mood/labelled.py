"""The labelled conversations of `nlu_data/frustration`: how they are written is told in its GUIDE.md."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

CONVERSATIONS: Final = "conversations"
TRAPS: Final = "traps.jsonl"
TRAP: Final = "trap"
"""The field of traps: single messages that sound upset to a list of words and are not."""


class LabelledDataError(ValueError):
    """A data file cannot be used. The message names file and line."""

    code = "bad_labelled_data"


@dataclass(frozen=True, slots=True)
class LabelledTurn:
    """A customer's message and whether its writer is upset. `field` is the trade that the conversation is about."""

    conversation_id: str
    text: str
    frustrated: bool
    field: str = ""


def read_labelled_turns(folder: Path) -> list[LabelledTurn]:
    """All customers' turns that carry a label, conversation by conversation in order, then the traps, all calm.

    None where there are no files.

    Raises:
        LabelledDataError: a line is not what it should be.
    """
    turns = []
    for path in sorted((folder / CONVERSATIONS).glob("*.jsonl")):
        for number, row in _rows(path):
            try:
                if row["actor"] == "customer":
                    turn = LabelledTurn(
                        str(row["conversation_id"]), str(row["text"]), bool(row["frustrated"]), path.stem
                    )
                    turns.append(turn)
            except KeyError as error:
                raise LabelledDataError(f"{path.name} line {number}: {error} is missing") from error
    traps = folder / TRAPS
    for number, row in _rows(traps) if traps.exists() else ():
        if not isinstance(row.get("text"), str):
            raise LabelledDataError(f"{TRAPS} line {number}: 'text' is missing")
        turns.append(LabelledTurn(f"{TRAP} {number}", row["text"], frustrated=False, field=TRAP))
    return turns


def _rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise LabelledDataError(f"{path.name} line {number}: no JSON: {error}") from error
        if not isinstance(row, dict):
            raise LabelledDataError(f"{path.name} line {number}: not an object")
        yield number, row
