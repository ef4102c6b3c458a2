"""The installation's secrets: made once, by whichever process comes first, and read by their owner alone."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

from handoff.adapters.secrets_file import Secrets, load_secrets

ROOT = Path(__file__).resolve().parents[4]
PROGRAM = """
import sys
from pathlib import Path
from handoff.adapters.secrets_file import load_secrets
print("ready", flush=True)
sys.stdin.readline()
print(load_secrets(Path(sys.argv[1])))
"""


def test_they_are_made_once_and_kept(tmp_path: Path) -> None:
    made = load_secrets(tmp_path)
    assert len(made.signing) >= 32
    assert len(made.identity) >= 32
    assert made.signing != made.identity
    assert load_secrets(tmp_path) == made
    assert load_secrets(tmp_path) == Secrets(**json.loads((tmp_path / "secrets.json").read_text()))


def test_another_home_has_others(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    assert load_secrets(tmp_path / "one") != load_secrets(tmp_path / "two")


def test_only_their_owner_can_read_them(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        load_secrets(tmp_path)
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "secrets.json").stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]


def test_processes_that_start_at_once_have_the_same(tmp_path: Path) -> None:
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, str(tmp_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    told = {process.communicate(timeout=30)[0] for process in started}
    assert told == {f"{load_secrets(tmp_path)}\n"}
    assert [path.name for path in tmp_path.iterdir()] == ["secrets.json"]
