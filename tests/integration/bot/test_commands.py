"""Training, evaluation, explanation and test conversations from the command line."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path

from tests.integration.bot.running_bot import CONTENT, Bot, environment, home_with, train


def command(module: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", module, *map(str, arguments)],
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )


def test_no_articles_train_too_and_hand_over_what_is_asked(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "content.jsonl").write_text("")
    result = train(tmp_path, tmp_path / "snapshot", tmp_path / "built")
    assert result["ok"], result
    assert result["manifest"]["figures"]["articles"] == 0
    assert {"encoder", "frustration", "model"} <= {line["stage"] for line in result["progress"]}
    bot = Bot(home_with(tmp_path / "built", tmp_path)).ready()
    try:
        talk = bot.talk()
        assert talk.decide("hello") == ("chat", "greet")
        assert talk.decide("where do I find my invoice?") == ("escalate", "low_confidence")
    finally:
        assert bot.stop() == 0


def test_a_bad_snapshot_is_refused_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "snapshot").mkdir()
    (tmp_path / "snapshot" / "content.jsonl").write_text('{"id": "a", "title": "No answer"}\n')
    result = train(tmp_path, tmp_path / "snapshot", tmp_path / "built")
    assert not result["ok"]
    assert result["error"]["code"] == "missing_answer"
    assert "line 1" in result["error"]["message"]


def test_evaluate_asks_every_row(trained: Path, tmp_path: Path) -> None:
    home = home_with(trained, tmp_path)
    rows = tmp_path / "rows.csv"
    rows.write_text(
        "text,article_id\nwhere do I find my invoice?,invoice-copy\ndo you ship abroad,delivery-abroad\n"
        "how tall is mount everest,\n"
    )
    done = command("bot.evaluate", rows, "--home", home, "--json", "--report", tmp_path / "report")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert (found["n"], found["n_answerable"]) == (3, 2)
    assert (found["accuracy_top1"], found["oos_recall"]) == (1.0, 1.0)
    assert {path.name for path in (tmp_path / "report").iterdir()} >= {
        *("report.html", "figures.json", "rows.csv", "coverage.csv", "confusions.csv"),
        *("shares.svg", "coverage.svg", "reliability.svg", "latency.svg"),
    }
    page = (tmp_path / "report" / "report.html").read_text(encoding="utf-8")
    assert "where do I find my invoice?" in page
    kept = json.loads((tmp_path / "report" / "figures.json").read_text(encoding="utf-8"))
    assert {name: kept[name] for name in found} == found
    assert kept["details"]["promise"]["threshold"] > 0
    explained = command("bot.explain", "where do I find my invoice?", "--home", home, "--json")
    told = json.loads(explained.stdout.splitlines()[-1])
    assert told["decision"]["kind"] == "answer"
    assert told["matches"][0]["article_id"] == "invoice-copy"
    assert {part["name"] for part in told["candidates"][0]["parts"]} >= {"question", "passage"}
    assert told["language"]["covered"]
    in_words = command("bot.explain", "where do I find my invoice?", "--home", home)
    assert "Because      The confidence is at least the threshold." in in_words.stdout


TALK = """conversation_id,turn,text,frustrated
a,1,Where is my order?,0
a,2,It was due on Monday.,0
a,3,"This is ridiculous, I have told you three times now and you keep sending the same answer!",1
b,1,Thanks so much!!,0
b,2,How do I change my address?,0
"""


def test_evaluate_frustration_reads_conversations_with_the_releases_head(
    trained: Path, tmp_path: Path
) -> None:
    home = home_with(trained, tmp_path)
    rows = tmp_path / "talk.csv"
    rows.write_text(TALK)
    report = tmp_path / "report"
    done = command("bot.evaluate_frustration", rows, "--home", home, "--json", "--report", report)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert {"n": 5, "auroc": 1.0, "precision": 1.0, "recall": 1.0, "f1": 1.0}.items() <= found.items()
    figures = json.loads((trained / "report.json").read_text())["frustration"]
    assert found["threshold"] == figures["threshold"]
    assert found["by_conversation"]["called_by_first"] == 1.0
    assert figures["traps_called"] < 0.05
    names = {"figures.json", "rows.csv", "thresholds.csv", "thresholds.svg"}
    assert {path.name for path in report.iterdir()} == names
    told = command("bot.evaluate_frustration", rows, "--home", home, "--release", "none", "--json")
    assert json.loads(told.stdout)["error"]["code"] == "unknown_release"


def test_evaluate_frustration_names_bad_rows_and_makes_no_home(tmp_path: Path) -> None:
    rows = tmp_path / "talk.csv"
    rows.write_text(TALK + "c,1,,0\nc,two,x,0\n")
    home = tmp_path / "home"
    done = command("bot.evaluate_frustration", rows, "--home", home, "--json")
    assert done.returncode == 1
    error = json.loads(done.stdout)["error"]
    assert error["code"] == "bad_evaluation_file"
    assert "line 7: the text is empty; line 8: turn must be a whole number" in error["message"]
    assert not home.exists()


def test_an_older_releases_head_leaves_frustration_unread_and_customers_answered(
    trained: Path, tmp_path: Path
) -> None:
    built = tmp_path / "built"
    shutil.copytree(trained, built)
    (built / "frustration.json").write_text('{"format": 1}')
    bot = Bot(home_with(built, tmp_path)).ready()
    try:
        body = bot.talk().say("THIS IS USELESS, YOU KEEP SENDING THE SAME ANSWER")
        assert body["decision"]["reason"] != "frustration"
        assert bot.talk().decide("where do I find my invoice?")[0] == "answer"
    finally:
        assert bot.stop() == 0


def test_evaluate_refuses_a_file_before_it_loads_anything(tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("question\nhello\n")
    done = command("bot.evaluate", rows, "--home", tmp_path, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "bad_evaluation_file"


def test_a_home_without_a_release(tmp_path: Path) -> None:
    done = command("bot.explain", "hello", "--home", tmp_path, "--json")
    assert done.returncode == 1
    assert json.loads(done.stdout)["error"]["code"] == "unknown_release"


def test_a_conversation_that_goes_otherwise_fails(trained: Path, tmp_path: Path) -> None:
    home = home_with(trained, tmp_path)
    wrong = tmp_path / "conversations"
    wrong.mkdir()
    (wrong / "wrong.yml").write_text(
        'version: "3.1"\nstories:\n'
        '- story: right\n  steps:\n  - user: "hi there"\n    intent: greet\n  - action: utter_greet\n'
        '- story: another action\n  steps:\n  - user: "hi there"\n    intent: greet\n  - action: utter_goodbye\n'
        '- story: another intent\n  steps:\n  - user: "hi there"\n    intent: goodbye\n  - action: utter_goodbye\n'
    )
    done = command("bot.golden", "--home", home, "--conversations", wrong)
    assert done.returncode == 1
    assert json.loads(done.stdout.splitlines()[-1]) == {"passed": 1, "failed": 2}
    assert CONTENT.exists()
