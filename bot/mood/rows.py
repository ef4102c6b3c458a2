"""The file of `baton evaluate-frustration`: a CSV with the columns conversation_id, turn, text and frustrated."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from kb_index.evaluate import MAX_FILE_BYTES, MAX_TEXT, EvaluationFileError

COLUMNS: Final = ("conversation_id", "turn", "text", "frustrated")
LABELS: Final = {"0": False, "1": True}


@dataclass(frozen=True, slots=True)
class Row:
    """A customer's message. `turn` orders the messages of a conversation; `line` is where the row begins."""

    line: int
    conversation_id: str
    turn: int
    text: str
    frustrated: bool


def read_rows(path: Path) -> list[Row]:
    """All rows, conversation by conversation in the order of first mention, each in the order of its turns.

    Raises:
        EvaluationFileError: with every fault and its line.
    """
    reader = csv.reader(io.StringIO(_content(path), newline=""), strict=True)
    problems: list[tuple[int, str]] = []
    rows: list[Row] = []
    seen: dict[tuple[str, int], int] = {}
    line = 0
    try:
        header = [name.strip() for name in next(reader, [])]
        if sorted(header) != sorted(COLUMNS):
            raise EvaluationFileError(path.name, [(1, f"the header must be {','.join(COLUMNS)}")])
        line = reader.line_num + 1
        for cells in reader:
            at, line = line, reader.line_num + 1
            if not cells:
                continue
            row = _row(at, cells, header)
            if isinstance(row, Row):
                first = seen.setdefault((row.conversation_id, row.turn), at)
                if first == at:
                    rows.append(row)
                    continue
                row = f"turn {row.turn} of {row.conversation_id[:100]!r} stands in line {first} already"
            problems.append((at, row))
    except csv.Error as error:
        problems.append((line, f"the quoting is broken: {error}"))
    if not rows and not problems:
        problems.append((0, "there is no message in it"))
    if problems:
        raise EvaluationFileError(path.name, problems)
    order = {name: place for place, name in enumerate(dict.fromkeys(row.conversation_id for row in rows))}
    return sorted(rows, key=lambda row: (order[row.conversation_id], row.turn))


def _row(line: int, cells: Sequence[str], header: Sequence[str]) -> Row | str:
    """The row, or what is wrong with it."""
    if len(cells) != len(header):
        return f"this row has {len(cells)} cells, the header {len(header)}"
    given = dict(zip(header, cells, strict=True))
    conversation, turn, label = (given[name].strip() for name in ("conversation_id", "turn", "frustrated"))
    if not conversation:
        return "the conversation_id is empty"
    if not (turn.isascii() and turn.isdigit() and len(turn) <= 9):
        return f"turn must be a whole number from 0, not {turn[:100]!r}"
    if not given["text"].strip():
        return "the text is empty"
    if len(given["text"]) > MAX_TEXT:
        return f"the text has more than {MAX_TEXT:,} characters"
    if label not in LABELS:
        return f"frustrated must be 0 or 1, not {label[:100]!r}"
    return Row(line, conversation, int(turn), given["text"], LABELS[label])


def _content(path: Path) -> str:
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise EvaluationFileError(path.name, [(0, f"the file is larger than {MAX_FILE_BYTES:,} bytes")])
        return path.read_bytes().removeprefix(b"\xef\xbb\xbf").decode("utf-8")
    except FileNotFoundError:
        raise EvaluationFileError(path.name, [(0, "there is no such file")]) from None
    except UnicodeDecodeError as error:
        raise EvaluationFileError(path.name, [(0, f"the file is not UTF-8 (byte {error.start})")]) from None
