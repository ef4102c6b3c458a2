"""A small project of its own to set up: the real `baton` and setup, one small package in place of hundreds."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]

CLI = """
import os, sys
import idna
print(os.getcwd(), *sys.argv[1:])
sys.exit(int(os.environ.get("EXIT", "0")))
"""

Baton = Callable[..., subprocess.CompletedProcess[str]]


def pinned(name: str) -> str:
    """One package of the relay's lock file, with its hashes. It lies in uv's cache since this environment was made."""
    lock = (ROOT / "requirements" / "handoff-test.txt").read_text()
    entry = re.search(rf"^{name}==(?:.*\\\n)*.*\n", lock, re.MULTILINE)
    assert entry is not None
    return entry[0]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A checkout with the installer in place and nothing else made."""
    folder = tmp_path / "a project"
    (folder / "requirements").mkdir(parents=True)
    shutil.copy(ROOT / "baton", folder)
    for path in [*(ROOT / "requirements").glob("*.py"), *(ROOT / "requirements").glob("[unb]*.txt")]:
        shutil.copy(path, folder / "requirements")
    (folder / "requirements" / "handoff.txt").write_text(pinned("idna"))
    (folder / "requirements" / "handoff-test.txt").write_text(pinned("idna") + pinned("iniconfig"))
    (folder / "handoff" / "cli").mkdir(parents=True)
    (folder / "handoff" / "__init__.py").touch()
    (folder / "handoff" / "cli" / "__init__.py").touch()
    (folder / "handoff" / "cli" / "__main__.py").write_text(CLI)
    (folder / ".envs").mkdir()
    shutil.copytree(ROOT / ".envs" / "uv", folder / ".envs" / "uv", symlinks=True)
    (folder / ".envs" / "uv" / "stamp").write_text(ask(folder, "environments.uv_stamp()"))
    return folder


def ask(project: Path, expression: str, env: Mapping[str, str] | None = None) -> str:
    """What an expression over the setup's modules gives in `project`."""
    code = f"import environments, machine, pages, provision, sys; sys.stdout.write({expression})"
    setup = {**os.environ, **(env or {}), "PYTHONPATH": str(project / "requirements")}
    done = subprocess.run([sys.executable, "-c", code], env=setup, capture_output=True, text=True, check=True)
    return done.stdout


@pytest.fixture
def baton(project: Path) -> Baton:
    """Run `./baton` in the project."""

    def run(*arguments: str, **env: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [project / "baton", *arguments],
            env={**os.environ, **env},
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )

    return run
