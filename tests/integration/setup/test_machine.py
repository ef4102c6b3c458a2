"""On a machine that Baton cannot run on, `./baton` says what is wrong and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def programs(tmp_path: Path) -> Path:
    """A PATH with the few programs that every system has, and no Python."""
    for name in ("sh", "dirname", "readlink", "uname"):
        found = shutil.which(name)
        assert found is not None
        (tmp_path / name).symlink_to(os.path.realpath(found))
    return tmp_path


def script(path: Path, text: str) -> None:
    path.unlink(missing_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def baton(programs: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [ROOT / "baton", "serve"],
        env={"PATH": str(programs), **env},
        capture_output=True,
        text=True,
        check=False,
    )


def test_another_system_is_named(programs: Path) -> None:
    script(programs / "uname", 'case "$1" in -s) echo Darwin;; *) echo arm64;; esac')
    done = baton(programs)
    assert done.returncode == 1
    assert "this machine is Darwin arm64; Baton runs on Linux x86-64" in done.stderr


def test_no_python_names_the_packages(programs: Path) -> None:
    done = baton(programs)
    assert done.returncode == 1
    assert "Python 3.11 was not found" in done.stderr
    assert "apt-get install python3.11 python3.11-venv" in done.stderr


def test_another_python_is_passed_over(programs: Path) -> None:
    script(programs / "python3", "exit 1")
    script(programs / "mine", "exit 1")
    done = baton(programs, BATON_PYTHON=str(programs / "mine"))
    assert done.returncode == 1
    assert f"BATON_PYTHON={programs / 'mine'} is not a Python 3.11" in done.stderr
    assert "Python 3.11 was not found" in done.stderr
