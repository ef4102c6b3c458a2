"""The command line as scripts see it: one JSON object last on standard output, and errors people can read."""

from __future__ import annotations

import json
import os
import signal
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


@pytest.mark.parametrize(
    ("arguments", "status", "code"),
    [
        (("content", "import", "nowhere.jsonl"), 1, "content_refused"),
        (("content", "export", "x.pdf"), 1, "export_refused"),
        (("user", "add", "ana", "--role", "king"), 1, "invalid_role"),
        (("release", "publish", "nope"), 1, "unknown_release"),
        (("release", "rollback"), 1, "no_previous_release"),
        (("train", "--risk", "2"), 2, "usage"),
        (("no-such-command",), 2, "usage"),
        (("user", "add"), 2, "usage"),
        (("user", "list", "--bogus"), 2, "usage"),
        (("user", "list", "--home"), 2, "usage"),
    ],
)
def test_a_failure_is_one_json_object_too(
    home: str, arguments: tuple[str, ...], status: int, code: str
) -> None:
    done = baton(*arguments, "--json", BATON_HOME=home)
    assert done.returncode == status, done.stderr
    (line,) = done.stdout.splitlines()
    error = json.loads(line)["error"]
    assert set(error) == {"code", "message", "data"}
    assert error["code"] == code
    assert f"baton: {error['message']} [{code}]" in done.stderr


def test_a_validation_that_fails_prints_its_findings_alone(home: str, tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({**ARTICLE, "title": ""}) + "\n", encoding="utf-8")
    done = baton("--home", home, "content", "validate", str(path), "--json")
    assert done.returncode == 1
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["ok"] is False


def test_a_fault_of_the_file_as_a_whole_has_no_line(home: str, tmp_path: Path) -> None:
    done = baton("--home", home, "content", "import", str(tmp_path / "articles.txt"))
    assert done.stderr.startswith("articles.txt: There is no such file")


def test_a_preview_shows_changes_and_faults_and_changes_nothing(home: str, tmp_path: Path) -> None:
    pages = tmp_path / "site"
    pages.mkdir()
    (pages / "pay.html").write_text(
        "<html><head><title>Paying | Shop</title></head><body><main>"
        '<h2 id="card">Can I pay by card?</h2><p>Yes.</p></main></body></html>'
    )
    done = baton("--home", home, "content", "import", str(pages), "--preview")
    assert done.returncode == 0
    assert done.stdout.splitlines() == [
        "+ can-i-pay-by-card: Can I pay by card?",
        "1 would be added, 0 changed, 0 unchanged. 0 errors.",
    ]
    (pages / "old.html").write_bytes(b"<p>\n\xff")
    done = baton("--home", home, "content", "import", str(pages), "--preview", "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("old.html:2: The page is not UTF-8")
    (line,) = done.stdout.splitlines()
    told = json.loads(line)
    assert told["counts"]["errors"] == 1
    assert [(e["file"], e["line"], e["code"]) for e in told["errors"]] == [("old.html", 2, "bad_encoding")]
    refused(baton("--home", home, "content", "import", str(pages)), "old.html:2", "nothing was imported")
    (pages / "old.html").unlink()
    assert baton("--home", home, "content", "import", str(pages)).returncode == 0
    again = baton("--home", home, "content", "import", str(pages), "--preview")
    assert again.stdout == "0 would be added, 0 changed, 1 unchanged. 0 errors.\n"


def test_a_project_comes_in_and_goes_out_as_it_was(home: str, tmp_path: Path) -> None:
    project = tmp_path / "bot"
    texts = {
        "data/nlu.yml": 'version: "3.1"\nnlu:\n# Hello.\n- intent: greet\n  examples: |\n    - hi there\n',
        "articles/pay.md": "---\n# paying\ntitle: 'How can I pay?'\n---\nBy card.\n",
    }
    for name, text in texts.items():
        (project / name).parent.mkdir(parents=True)
        (project / name).write_text(text)
    assert baton("--home", home, "content", "import", str(project)).returncode == 0
    done = baton("--home", home, "content", "export", str(tmp_path / "out"), "--format", "rasa", "--json")
    assert json.loads(done.stdout)["written"] == ["data/nlu.yml", "kb_index/articles/pay.md"]
    assert (tmp_path / "out" / "data" / "nlu.yml").read_text() == texts["data/nlu.yml"]
    assert (tmp_path / "out" / "kb_index" / "articles" / "pay.md").read_text() == texts["articles/pay.md"]
    (project / "articles" / "gone.md").write_text("---\ntitle: Gone\n---\nx\n")
    done = baton("--home", home, "content", "export", str(project))
    assert "0 files written, 2 unchanged, 0 removed." in done.stdout
    assert "articles/gone.md: this home has no such article." in done.stderr
    done = baton("--home", home, "content", "export", str(project), "--prune")
    assert not (project / "articles" / "gone.md").exists()


def test_asking_does_not_make_a_home(home: str) -> None:
    done = baton("--home", home, "release", "list", "--json")
    assert json.loads(done.stdout) == {"releases": [], "live": None}
    assert not Path(home).exists()


def test_an_import_ends_the_first_start(home: str, tmp_path: Path) -> None:
    mark = Path(home) / "run" / "first-start"
    mark.parent.mkdir(parents=True)
    mark.touch()
    path = tmp_path / "a.jsonl"
    path.write_text("", encoding="utf-8")
    refused(baton("--home", home, "content", "import", str(path)), "no_articles")
    assert mark.exists()
    path.write_text(json.dumps(ARTICLE) + "\n", encoding="utf-8")
    assert baton("--home", home, "content", "import", str(path)).returncode == 0
    assert not mark.exists()


INTERRUPTED = """
import signal, sys
from handoff.cli import __main__ as command, people
people.with_database = lambda work: signal.raise_signal(signal.SIGINT)
sys.argv = ["baton", "user", "list", "--json"]
command.main()
"""


def test_ctrl_c_is_no_stack_trace() -> None:
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
        # A shell that runs the tests in the background has them ignore it.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    assert done.returncode == 130
    assert json.loads(done.stdout)["error"]["code"] == "interrupted"
    assert "Traceback" not in done.stderr


def test_a_home_that_cannot_be_written_is_refused_by_serve_in_words(home: str) -> None:
    Path(home).mkdir()
    # A file where a folder must be: refused to root too.
    (Path(home) / "releases").write_text("", encoding="utf-8")
    refused(baton("--home", home, "serve", "--port", "0"), "releases", "storage_failed")


def test_the_doctor_tells_scripts_and_people_and_fails_with_what_it_finds(home: str) -> None:
    # Without the bot's environment, which not every machine that runs these tests has.
    missing = {"BATON_BOT_PYTHON": "/nowhere/python", "BATON_PORT": "0"}
    done = baton("--home", home, "doctor", "--json", **missing)
    told = json.loads(done.stdout)
    assert (done.returncode, told["ok"]) == (1, False)
    found = {check["name"]: check for check in told["checks"]}
    assert {name for name, check in found.items() if check["status"] == "fail"} == {"environments", "encoder"}
    people = baton("--home", home, "doctor", **missing)
    assert len(people.stdout.splitlines()) == len(found)
    assert not Path(home).exists()
