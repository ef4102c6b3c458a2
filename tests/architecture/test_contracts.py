"""Each import contract catches a planted violation; a contract that catches nothing is decoration."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("handoff", "bot", "kb_index")
LINT = "from importlinter.cli import lint_imports_command; lint_imports_command()"


def lint(project: Path, config: str) -> tuple[int, str]:
    command = [sys.executable, "-P", "-c", LINT, "--no-cache", "--no-logo", "--config", config]
    env = {**os.environ, "PYTHONPATH": str(project), "NO_COLOR": "1", "COLUMNS": "200"}
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    """The packages and the contracts, to plant in."""
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__", "*.md")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    for config in Path(__file__).parent.glob("*.importlinter.ini"):
        shutil.copy(config, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("environment", "contract", "module", "statement"),
    [
        ("handoff", "handoff: cli >", "handoff/domain/planted.py", "import handoff.service"),
        ("handoff", "handoff: cli >", "handoff/service/planted.py", "import handoff.adapters.database"),
        ("handoff", "handoff: cli >", "handoff/service/planted.py", "import handoff.relay"),
        ("handoff", "handoff: cli >", "handoff/settings.py", "import handoff.accounts"),
        ("handoff", "handoff: cli >", "handoff/a_new_folder_without_a_place/__init__.py", ""),
        ("handoff", "the domain and the sessions", "handoff/domain/planted.py", "import sqlite3"),
        ("handoff", "the domain and the sessions", "handoff/domain/planted.py", "from time import monotonic"),
        ("handoff", "the domain and the sessions", "handoff/domain/planted.py", "import random"),
        ("handoff", "the domain and the sessions", "handoff/relay/session.py", "import asyncio"),
        (
            "handoff",
            "the domain and the sessions",
            "handoff/relay/cursor.py",
            "from sqlalchemy import select",
        ),
        ("handoff", "the domain checks its own", "handoff/domain/planted.py", "import pydantic"),
        ("handoff", "the relay sees only contract", "handoff/api/planted.py", "import bot.answering"),
        (
            "handoff",
            "the relay sees only contract",
            "handoff/api/planted.py",
            "from kb_index import knowledge",
        ),
        ("handoff", "nothing that the relay reaches", "handoff/api/planted.py", "import numpy"),
        ("handoff", "nothing that the relay reaches", "kb_index/article.py", "import kb_index.index"),
        ("handoff", "only bootstrap picks", "handoff/api/planted.py", "import handoff.adapters.log_sql"),
        ("bot", "bot > kb_index", "kb_index/planted.py", "import bot.contract"),
        ("bot", "bot and knowledge base know", "bot/planted.py", "import handoff.domain.events"),
        ("bot", "bot and knowledge base know", "kb_index/planted.py", "import handoff.settings"),
        ("bot", "what decides is pure", "bot/answering.py", "from rasa.shared.core.events import SlotSet"),
        ("bot", "what decides is pure", "bot/frustration.py", "import time"),
        ("bot", "the knowledge base is a library", "kb_index/planted.py", "import rasa"),
    ],
)
def test_a_planted_violation_breaks_its_contract(
    copied: Path, environment: str, contract: str, module: str, statement: str
) -> None:
    planted = copied / module
    planted.parent.mkdir(exist_ok=True)
    with planted.open("a") as file:
        file.write(f"\n{statement}\n")
    code, said = lint(copied, f"{environment}.importlinter.ini")
    broken = [line for line in said.splitlines() if " BROKEN" in line]
    assert code == 1, said
    assert any(line.startswith(contract) for line in broken), said


@pytest.mark.parametrize("environment", ["handoff", "bot"])
def test_without_one_all_are_kept(copied: Path, environment: str) -> None:
    code, said = lint(copied, f"{environment}.importlinter.ini")
    assert code == 0, said
    assert "0 broken" in said
