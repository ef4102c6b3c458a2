"""The file that is evaluated."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.mood.rows import read_rows
from kb_index.evaluate import EvaluationFileError

HEADER = "conversation_id,turn,text,frustrated\n"


def written(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "talk.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def test_conversations_in_order_of_mention_and_turns_in_theirs(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, HEADER + 'b,3,"again, ""no""",1\na,1,x,0\nb,1,"two\nlines",0\n'))
    assert [(r.line, r.conversation_id, r.turn, r.text, r.frustrated) for r in rows] == [
        (3 + 1, "b", 1, "two\nlines", False),
        (2, "b", 3, 'again, "no"', True),
        (3, "a", 1, "x", False),
    ]


def test_columns_may_stand_in_any_order_after_a_byte_order_mark(tmp_path: Path) -> None:
    rows = read_rows(written(tmp_path, b"\xef\xbb\xbffrustrated, text,turn,conversation_id\r\n1,x,0,a\r\n"))
    assert (rows[0].text, rows[0].turn, rows[0].frustrated) == ("x", 0, True)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("a,1,x\n", "line 2: this row has 3 cells, the header 4"),
        (",1,x,0\n", "line 2: the conversation_id is empty"),
        ("a,first,x,0\n", "line 2: turn must be a whole number from 0, not 'first'"),
        ("a,-1,x,0\n", "line 2: turn must be"),
        ("a,1,  ,0\n", "line 2: the text is empty"),
        (f"a,1,{'x' * 4001},0\n", "line 2: the text has more than 4,000 characters"),
        ("a,1,x,yes\n", "line 2: frustrated must be 0 or 1, not 'yes'"),
        ("a,1,x,\n", "line 2: frustrated must be 0 or 1, not ''"),
        ("a,1,x,0\na,1,y,0\n", "line 3: turn 1 of 'a' stands in line 2 already"),
        ('a,1,"x,0\n', "line 2: the quoting is broken"),
        ("", "there is no message in it"),
    ],
)
def test_a_bad_row_is_told_with_its_line(tmp_path: Path, body: str, problem: str) -> None:
    with pytest.raises(EvaluationFileError) as failure:
        read_rows(written(tmp_path, HEADER + body))
    assert f"talk.csv: {problem}" in str(failure.value)


def test_every_fault_is_told_at_once(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFileError) as failure:
        read_rows(written(tmp_path, HEADER + "a,1,,0\na,2,x,0\na,3,x,2\n"))
    assert [line for line, _ in failure.value.problems] == [2, 4]


def test_a_file_that_is_none(tmp_path: Path) -> None:
    with pytest.raises(EvaluationFileError, match="there is no such file"):
        read_rows(tmp_path / "none.csv")
    with pytest.raises(EvaluationFileError, match="not UTF-8"):
        read_rows(written(tmp_path, HEADER.encode() + b"a,1,\xff,0\n"))
    with pytest.raises(
        EvaluationFileError, match="line 1: the header must be conversation_id,turn,text,frustrated"
    ):
        read_rows(written(tmp_path, "text,frustrated\nx,0\n"))
