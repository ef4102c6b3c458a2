"""The lock files agree with each other and with what the setup installs beside them, and name no registry."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(REQUIREMENTS.glob("*.txt"))


def pins(text: str) -> dict[str, tuple[str, frozenset[str]]]:
    """Package -> (version, hashes) of a hash-pinned requirements file."""
    found = {}
    for entry in re.split(r"\n(?=\S)", text):
        named = re.match(r"([A-Za-z0-9._-]+)==([^\s;\\]+)", entry)
        if named:
            found[named[1]] = (named[2], frozenset(re.findall(r"--hash=(sha256:[0-9a-f]{64})", entry)))
    return found


def lock(name: str) -> dict[str, tuple[str, frozenset[str]]]:
    return pins((REQUIREMENTS / name).read_text())


@pytest.mark.parametrize("environment", ["handoff", "bot"])
def test_what_tests_need_is_added_and_changes_nothing(environment: str) -> None:
    base, superset = lock(f"{environment}.txt"), lock(f"{environment}-test.txt")
    assert {name: superset.get(name) for name in base} == base


@pytest.mark.parametrize("path", LOCKS, ids=lambda path: path.name)
def test_every_package_is_pinned_by_hash_and_no_place_is_named(path: Path) -> None:
    text = path.read_text()
    assert pins(text)
    assert all(hashes for _, hashes in pins(text).values())
    assert not re.search(r"https?:|file:|--(extra-)?index-url|--find-links|@ ", text)


def test_the_torch_that_is_installed_is_the_one_that_was_resolved() -> None:
    declared = tomllib.loads((ROOT / "pyproject.toml").read_text())["dependency-groups"]["bot"]
    installed = re.search(r'^TORCH = "(.+)"$', (REQUIREMENTS / "environments.py").read_text(), re.MULTILINE)
    assert installed is not None
    assert f"torch=={installed[1]}" in declared
    assert "torch" not in lock("bot.txt")


def test_the_two_environments_agree_where_their_code_meets() -> None:
    assert lock("handoff.txt")["pyyaml"] == lock("bot.txt")["pyyaml"]


def test_npm_names_no_registry() -> None:
    for path in (ROOT / "web_widget").glob("package-lock.json"):
        assert '"resolved"' not in path.read_text()
