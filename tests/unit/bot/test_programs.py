"""Rows of the relay's files, the one result line, and files that are there whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from bot.group import read
from bot.judge import read_exam
from bot.programs import BadRows, run, write_whole
from bot.replaying import MOST_TURNS, read_conversations
from kb_index.article import ArticleError


def written(path: Path, *rows: object) -> Path:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


class LibraryError(Exception):
    """A library's exception, whose code is not one of ours."""

    code = 3

    def __str__(self) -> str:
        return "a library's own"


class TestResult:
    def test_is_the_last_line_and_libraries_print_beside_it(self, capsys: pytest.CaptureFixture[str]) -> None:
        def work() -> Mapping[str, Any]:
            print("chatter")
            return {"n": 1}

        assert run(work, failed="x_failed") == 0
        out, err = capsys.readouterr()
        assert json.loads(out) == {"ok": True, "n": 1}
        assert err == "chatter\n"

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (BadRows("a.jsonl line 3: no"), "bad_rows", "a.jsonl line 3: no"),
            (OSError("disk full"), "x_failed", "disk full"),
            (RuntimeError(), "x_failed", "RuntimeError()"),
            (KeyError("a"), "x_failed", "'a'"),
            (LibraryError(), "x_failed", "a library's own"),
        ],
    )
    def test_of_a_failure_has_a_code(
        self, capsys: pytest.CaptureFixture[str], error: Exception, code: str, message: str
    ) -> None:
        def work() -> Mapping[str, Any]:
            raise error

        assert run(work, failed="x_failed") == 1
        assert json.loads(capsys.readouterr().out) == {
            "ok": False,
            "error": {"code": code, "message": message},
        }


class TestWritingWhole:
    def test_replaces(self, tmp_path: Path) -> None:
        path = tmp_path / "out.json"
        path.write_text("old")
        write_whole(path, "new \ud800 é")
        assert path.read_text(encoding="utf-8") == "new ? é"
        assert list(tmp_path.iterdir()) == [path]

    def test_leaves_the_old_one_where_it_fails(self, tmp_path: Path) -> None:
        path = tmp_path / "out"
        path.mkdir()
        (path / "kept").write_text("x")
        with pytest.raises(OSError, match="out"):
            write_whole(path, "new")
        assert [found.name for found in tmp_path.iterdir()] == ["out"]


class TestQuestionsToGroup:
    def test_those_that_differ_in_spelling_alone_are_one(self, tmp_path: Path) -> None:
        found = read(
            written(
                tmp_path / "q.jsonl",
                {"key": "1", "text": "Where is my order?", "locale": "en-GB"},
                {"key": "2", "text": "  where is my ORDER", "locale": "en"},
                "",
                {"key": "3", "text": "Wo ist es?", "locale": "de"},
                {"key": "s", "text": "Who won?", "locale": "en", "settled": "out_of_scope"},
            )
        )
        assert {language: list(texts) for language, texts in found.asked.items()} == {
            "en": ["where is my order"],
            "de": ["wo ist es"],
        }
        assert found.asked["en"]["where is my order"].keys == ["1", "2"]
        assert found.asked["en"]["where is my order"].spelling == "Where is my order?"
        assert [e.text for e in found.exemplars["en"]] == ["who won"]
        assert found.left_out == 0

    def test_what_is_too_much_is_counted(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("bot.group.MOST_TEXTS", 2)
        monkeypatch.setattr("bot.group.MOST_EXEMPLARS", 1)
        rows = [{"key": str(n), "text": f"question {n % 3}", "locale": "en"} for n in range(6)]
        rows += [{"key": f"s{n}", "text": "x", "settled": "dismiss"} for n in range(3)]
        found = read(written(tmp_path / "q.jsonl", *rows))
        assert found.asked["en"]["question 1"].keys == ["1", "4"]
        assert found.left_out == 4

    @pytest.mark.parametrize(
        ("row", "problem"),
        [
            ("{", "line 1: this is not JSON"),
            ("[" * 100_000, "line 1: this is not JSON"),
            ("[]", "a row is an object"),
            ({"text": "x"}, "key must be text"),
            ({"key": "1", "text": " "}, "text must be text of 1 to 4,000"),
            ({"key": "1", "text": "x" * 4_001}, "text must be text of 1 to 4,000"),
            ({"key": "1", "text": "x", "locale": 3}, "locale must be text"),
            ({"key": "1", "text": "x", "settled": ""}, "settled must be text"),
        ],
    )
    def test_a_bad_row_is_named(self, tmp_path: Path, row: object, problem: str) -> None:
        with pytest.raises(BadRows, match=problem):
            read(written(tmp_path / "q.jsonl", row))

    def test_a_key_is_given_once(self, tmp_path: Path) -> None:
        row = {"key": "1", "text": "x"}
        with pytest.raises(BadRows, match="line 2: the key '1' is given twice"):
            read(written(tmp_path / "q.jsonl", row, row))

    def test_a_file_that_is_not_there_and_one_that_is_no_text(self, tmp_path: Path) -> None:
        with pytest.raises(BadRows, match="there is no such file"):
            read(tmp_path / "none.jsonl")
        (tmp_path / "bytes.jsonl").write_bytes(b'{"key": "\xff"}\n')
        with pytest.raises(BadRows, match="not JSON in UTF-8"):
            read(tmp_path / "bytes.jsonl")


class TestConversations:
    def test_are_read_and_bounded(self, tmp_path: Path) -> None:
        turns = [{"turn": n, "text": f"m{n}", "choice": None} for n in range(1, MOST_TURNS + 6)]
        rows = [{"id": f"c{n}", "locale": "en", "turns": turns if n == 0 else turns[:2]} for n in range(4)]
        found, left_out = read_conversations(written(tmp_path / "c.jsonl", *rows), 3)
        assert [len(conversation.messages) for conversation in found] == [MOST_TURNS, 2, 2]
        assert (left_out.conversations, left_out.turns) == (1, 5)

    @pytest.mark.parametrize(
        ("turns", "problem"),
        [
            (None, "turns must be a list"),
            (["x"], "turn 1: it must be an object"),
            ([{"turn": 0, "text": "x"}], "turn must be a whole number"),
            ([{"turn": True, "text": "x"}], "turn must be a whole number"),
            ([{"turn": 1}], "text must be text"),
            ([{"turn": 2, "text": "x"}, {"turn": 2, "text": "x"}], "turns must rise"),
            ([{"turn": 1, "text": "x", "choice": 5}], "choice must be text"),
        ],
    )
    def test_a_bad_one_is_named(self, tmp_path: Path, turns: object, problem: str) -> None:
        with pytest.raises(BadRows, match=problem):
            read_conversations(written(tmp_path / "c.jsonl", {"id": "c", "turns": turns}), 3)


def test_the_exam_is_read_and_bounded(tmp_path: Path) -> None:
    rows = [
        {"id": "1", "text": "a", "article_id": "x", "locale": "de", "set": "exam"},
        {"id": "2", "text": "b", "article_id": None},
        {"id": "3", "text": "c"},
    ]
    found, left_out = read_exam(written(tmp_path / "e.jsonl", *rows), 2, "fr")
    assert [(q.id, q.article_id, q.locale) for q in found] == [("1", "x", "de"), ("2", None, "fr")]
    assert left_out == 1
    with pytest.raises(ArticleError):
        read_exam(written(tmp_path / "e.jsonl", {"id": "1", "text": "a", "article_id": "No Id"}), 2, "fr")
