"""What must run anywhere imports the standard library alone: the shapes that both environments share, and the setup."""

from __future__ import annotations

import ast
import sys
from collections.abc import Collection
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SHARED = (
    "bot/contract.py",
    "kb_index/article.py",
    "kb_index/charts.py",
    "kb_index/compare.py",
    "kb_index/edition.py",
    "kb_index/editions.py",
    "kb_index/languages.py",
    "kb_index/rasa_rules.py",
    "kb_index/releases.py",
    "kb_index/rule_file.py",
    "kb_index/rules.py",
    "kb_index/release_files.py",
    "kb_index/serving.py",
    *(f"kb_index/{path.name}" for path in sorted((ROOT / "kb_index").glob("evaluate*.py"))),
)
SETUP = (
    *(f"requirements/{path.name}" for path in sorted((ROOT / "requirements").glob("*.py"))),
    "tests/run.py",
)


def foreign_imports(source: str, *, own: Collection[str] = ()) -> set[str]:
    """Packages that `source` imports and that are neither Python's nor named in `own`."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found.update(alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            found.add("." if node.level else str(node.module).partition(".")[0])
    return found - sys.stdlib_module_names - set(own)


@pytest.mark.parametrize("module", SHARED)
def test_what_both_environments_import_needs_neither(module: str) -> None:
    # Shared modules may lean on each other: kb_index.releases on kb_index.article, say.
    source = (ROOT / module).read_text()
    assert foreign_imports(source, own={"kb_index"} if module.startswith("kb_index") else ()) == set()


@pytest.mark.parametrize("module", SETUP)
def test_what_runs_before_anything_is_installed_needs_nothing(module: str) -> None:
    own = {Path(other).stem for other in SETUP}
    assert foreign_imports((ROOT / module).read_text(), own=own) == set()


@pytest.mark.parametrize(
    "planted", ["import yaml", "from numpy.linalg import norm", "if 1:\n  import rasa", "from . import x"]
)
def test_a_foreign_import_is_seen_wherever_it_stands(planted: str) -> None:
    assert foreign_imports(f"import os\n{planted}\n") != set()
