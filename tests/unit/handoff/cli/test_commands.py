"""The command line as scripts see it: one JSON object last on standard output, and errors people can read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[4]
ARTICLE = {"id": "track", "title": "Tracking", "answer": "Look here.", "questions": ["Where is it?"]}


def baton(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {k: v for k, v in os.environ.items() if not k.startswith("BATON_")}
    return subprocess.run(
        [sys.executable, "-P", "-m", "handoff.cli", *arguments],
        env={**env, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


def refused(done: subprocess.CompletedProcess[str], *words: str) -> None:
    assert done.returncode != 0
    assert "Traceback" not in done.stdout + done.stderr
    for word in words:
        assert word in done.stderr


@pytest.fixture
def home(tmp_path: Path) -> str:
    return str(tmp_path / "home")


def test_a_result_is_one_json_object_on_the_last_line(home: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(ARTICLE) + "\n", encoding="utf-8")
    done = baton("--home", home, "content", "import", str(path), "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1])["added"] == 1
    assert len(done.stdout.splitlines()) == 1
    again = baton("user", "add", "ana", "--role", "agent", "--json", "--home", home)
    assert json.loads(again.stdout)["role"] == "agent"


def test_what_is_refused_is_said_without_a_stack_trace(home: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({**ARTICLE, "title": ""}) + "\n", encoding="utf-8")
    refused(baton("--home", home, "content", "import", str(path), "--json"), "a.jsonl:1", "missing_title")
    refused(baton("--home", home, "user", "add", "ana", "--role", "king"), "baton: ")
    refused(baton("--home", home, "no-such-command"), "no-such-command")


def test_a_home_that_cannot_be_one_is_said_to_be(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("", encoding="utf-8")
    refused(baton("--home", str(file), "user", "list"), str(file))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "baton.db").write_text("not a database" * 500, encoding="utf-8")
    refused(baton("--home", str(tmp_path / "broken"), "user", "list"), "storage_unavailable")


def test_a_setting_that_is_wrong_is_named(home: str) -> None:
    refused(baton("--home", home, "user", "list", BATON_TURN_LIMIT="soon"), "BATON_TURN_LIMIT")
