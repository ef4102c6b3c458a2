"""`--home DIR` wherever it stands."""

from __future__ import annotations

from pathlib import Path

import pytest

from handoff.cli.arguments import asks_for_json, split_home
from handoff.cli.failure import CommandFailed


@pytest.mark.parametrize(
    ("arguments", "home", "rest"),
    [
        ([], None, []),
        (["serve"], None, ["serve"]),
        (["--home", "/a", "serve", "--port", "1"], "/a", ["serve", "--port", "1"]),
        (["serve", "--home", "/a"], "/a", ["serve"]),
        (["content", "--home=/a", "import", "x.csv"], "/a", ["content", "import", "x.csv"]),
        (["--home", "/a", "serve", "--home", "/b"], "/b", ["serve"]),
        (["explain", "--", "--home", "/a"], None, ["explain", "--", "--home", "/a"]),
        (["--home", "/a", "explain", "--", "--home=x"], "/a", ["explain", "--", "--home=x"]),
        (["serve", "--homes", "/a"], None, ["serve", "--homes", "/a"]),
    ],
)
def test_it_is_taken_out(arguments: list[str], home: str | None, rest: list[str]) -> None:
    assert split_home(arguments) == (home, rest)


def test_a_relative_folder_is_that_of_the_caller(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert split_home(["--home", "mine", "serve"])[0] == str(tmp_path / "mine")
    assert split_home(["--home=mine"])[0] == str(tmp_path / "mine")


@pytest.mark.parametrize(
    "arguments",
    [
        ["serve", "--home"],
        ["user", "list", "--home", "--json"],
        ["--home", "", "serve"],
        ["--home=", "serve"],
    ],
)
def test_without_a_folder_it_is_refused(arguments: list[str]) -> None:
    with pytest.raises(CommandFailed, match="--home needs a folder"):
        split_home(arguments)


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["user", "list", "--json"], True),
        (["--json", "no-such-command"], True),
        (["user", "list"], False),
        (["explain", "--", "--json"], False),
    ],
)
def test_json_is_asked_for_before_what_is_literal(arguments: list[str], wanted: bool) -> None:
    assert asks_for_json(arguments) is wanted
