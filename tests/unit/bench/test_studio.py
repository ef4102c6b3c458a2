"""The studio's benchmark: a small one for real, and the figures that scripts read out."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench import studio


def test_the_names_that_scripts_read() -> None:
    took = {
        "open": [1.0, 2.0, 3.0],
        "list": [10.0, 20.0, 30.0],
        "first_ms": [400.0],
        "import_ms": [500.0],
        "preview_ms": [600.0],
        "hold_ms": [2.0, 17.0, 3.0],
        "idle_ms": [1.0, 2.0],
    }
    found = studio.figures(took, 5_000, 10, {"cores": 2})
    assert (found["bench"], found["n"], found["variants"], found["rounds"]) == ("studio", 5_000, 50_000, 3)
    assert (found["open_p50_ms"], found["list_p50_ms"], found["list_p95_ms"]) == (2.0, 20.0, 29.0)
    assert (found["first_ms"], found["longest_hold_ms"], found["idle_hold_ms"]) == (400.0, 17.0, 2.0)
    assert found["machine"] == {"cores": 2}


def test_articles_are_the_same_each_time_and_no_question_comes_twice() -> None:
    made = studio.made(300, 7)
    assert made == studio.made(300, 7)
    questions = [question for article in made for question in article.questions]
    assert len({article.id for article in made}) == 300
    assert len(questions) == len(set(questions)) == 2_100


@pytest.mark.parametrize("words", [["--n", "0"], ["--rounds", "0"], ["--variants", "-1"]])
def test_what_cannot_be_measured_is_refused(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        studio.run(words, None)
    assert "--n" in capsys.readouterr().err


def test_a_small_one_goes_through_and_leaves_its_log_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert studio.run(["--n", "30", "--variants", "2", "--rounds", "2", "--json"], tmp_path) == 0
    found = json.loads(capsys.readouterr().out.splitlines()[-1])
    for name in ("open", "save", "list", "search", "changes"):
        assert found[f"{name}_p95_ms"] >= found[f"{name}_p50_ms"] > 0
    assert found["longest_hold_ms"] > 0
    assert [path.name for path in tmp_path.iterdir()] == ["logs"]
