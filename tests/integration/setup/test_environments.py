"""`./baton` makes what a command needs, once, and survives what goes wrong meanwhile."""

from __future__ import annotations

import os
import signal
import subprocess
from pathlib import Path

import pytest

from tests.integration.setup.conftest import Baton, ask, pinned


def test_the_first_run_makes_the_environment_and_the_second_nothing(project: Path, baton: Baton) -> None:
    first = baton("content", "list", "--json")
    assert first.returncode == 0, first.stderr
    assert "installing the relay" in first.stderr
    assert first.stdout == f"{Path.cwd()} content list --json\n"
    assert not (project / ".envs" / "bot").exists()
    second = baton("content")
    assert (second.returncode, second.stderr) == (0, "")


def test_it_is_the_command_in_every_respect(project: Path, baton: Baton) -> None:
    assert baton("user", EXIT="3").returncode == 3
    elsewhere = project.parent / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "baton").symlink_to(project / "baton")
    done = subprocess.run(
        ["./baton", "--home", "x y", "content"], cwd=elsewhere, capture_output=True, text=True, check=True
    )
    assert done.stdout == f"{elsewhere} --home x y content\n"


def test_a_changed_lock_file_makes_it_anew(project: Path, baton: Baton) -> None:
    assert baton("content").returncode == 0
    with (project / "requirements" / "handoff.txt").open("a") as lock:
        lock.write(pinned("iniconfig"))
    changed = baton("content")
    assert "installing the relay" in changed.stderr
    assert list((project / ".envs" / "handoff").glob("lib/python3.11/site-packages/iniconfig"))


def test_another_python_of_the_same_version_does_not(project: Path, baton: Baton) -> None:
    assert baton("content").returncode == 0
    other = project.parent / "python3.11"
    other.symlink_to(os.path.realpath(project / ".envs" / "handoff" / "bin" / "python"))
    again = baton("content", BATON_PYTHON=str(other))
    assert (again.returncode, again.stderr) == (0, "")


def test_a_python_that_went_away_makes_it_anew(project: Path, baton: Baton) -> None:
    assert baton("content").returncode == 0
    python = project / ".envs" / "handoff" / "bin" / "python"
    python.unlink()
    python.symlink_to("/nowhere/python3.11")
    assert "installing the relay" in baton("content").stderr


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_an_interrupted_installation_is_done_again(
    project: Path, baton: Baton, number: signal.Signals
) -> None:
    with subprocess.Popen([project / "baton", "content"], stderr=subprocess.PIPE, text=True) as interrupted:
        assert interrupted.stderr is not None
        assert "installing the relay" in interrupted.stderr.readline()
        interrupted.send_signal(number)
        assert interrupted.wait() != 0
    left = project / ".envs" / "handoff" / "left-behind"
    left.parent.mkdir(exist_ok=True)
    left.touch()
    assert baton("content").returncode == 0
    assert not left.exists()


def test_two_at_once_wait_for_each_other(project: Path) -> None:
    started = [
        subprocess.Popen(
            [project / "baton", "content"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        for _ in range(3)
    ]
    said = [process.communicate() for process in started]
    assert [process.returncode for process in started] == [0, 0, 0], said
    assert sum("installing the relay" in err for _, err in said) == 1


def test_one_that_waits_says_for_whom(project: Path) -> None:
    holder = (
        f"import sys; sys.path.insert(0, {str(project / 'requirements')!r}); import machine\n"
        "with machine.sole_setup():\n  print(flush=True); sys.stdin.read()\n"
    )
    with subprocess.Popen(
        ["python3.11", "-c", holder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdout.readline()
        second = subprocess.Popen([project / "baton", "content"], stderr=subprocess.PIPE, text=True)
        assert second.stderr is not None
        assert f"another ./baton (process {first.pid}) is setting things up" in second.stderr.readline()
        first.stdin.close()
        second.communicate()
        assert second.returncode == 0


def test_without_a_network_it_says_so_and_a_second_try_succeeds(project: Path, baton: Baton) -> None:
    nowhere = "http://127.0.0.1:9"
    offline = baton(
        "content",
        UV_NO_CACHE="1",
        UV_HTTP_RETRIES="0",
        HTTPS_PROXY=nowhere,
        HTTP_PROXY=nowhere,
        ALL_PROXY=nowhere,
    )
    assert offline.returncode == 1
    assert "A download did not arrive: check the network" in offline.stderr
    assert "Traceback" not in offline.stderr
    assert offline.stdout == ""
    assert baton("content").returncode == 0


def test_a_file_that_is_not_the_pinned_one_is_refused(project: Path, baton: Baton) -> None:
    lock = project / "requirements" / "handoff.txt"
    version = lock.read_text().split()[0]
    lock.write_text(f"{version} --hash=sha256:{'0' * 64}\n")
    refused = baton("content")
    assert refused.returncode == 1
    assert "not the file that the lock file names" in refused.stderr


def test_no_room_is_said_before_anything_is_installed(project: Path, baton: Baton) -> None:
    environments = project / "requirements" / "environments.py"
    environments.write_text(environments.read_text().replace('"the relay", 0.5', '"the relay", 500_000'))
    full = baton("content")
    assert full.returncode == 1
    assert "not enough room on the disk" in full.stderr
    assert not (project / ".envs" / "handoff").exists()


@pytest.mark.parametrize(
    "words",
    [
        "OSError: [Errno 28] No space left on device",
        "No space left on device (os error 28)",
        "npm error ENOSPC",
    ],
)
def test_a_disk_that_fills_up_meanwhile_is_told_apart(project: Path, words: str) -> None:
    assert "The disk is full" in ask(project, f"machine.meaning_of({words!r})")


def test_what_tests_need_is_added_to_what_stands(project: Path) -> None:
    made = "environments.HANDOFF.make(tests={tests}) or str(environments.HANDOFF.is_current(tests=True))"
    assert ask(project, made.format(tests=False)) == "False"
    assert ask(project, made.format(tests=True)) == "True"
    assert ask(project, "str(environments.HANDOFF.is_current(tests=False))") == "True"


def test_what_the_machine_told_pip_reaches_uv_and_its_own_words_win(project: Path, tmp_path: Path) -> None:
    config = tmp_path / "pip.conf"
    config.write_text(
        "[global]\nindex-url = https://one.invalid/simple\nextra-index-url =\n  https://two.invalid/a\n  https://two.invalid/b\n"
    )
    wanted = "' '.join(str(environments.uv_environment().get(name)) for name in ('UV_DEFAULT_INDEX', 'UV_EXTRA_INDEX_URL'))"
    clean = {"PIP_CONFIG_FILE": str(config), "HOME": str(tmp_path)}
    told = ask(project, wanted, clean)
    assert told.split() == ["https://one.invalid/simple", "https://two.invalid/a", "https://two.invalid/b"]
    assert (
        ask(project, wanted, {**clean, "PIP_INDEX_URL": "https://env.invalid"}).split()[0]
        == "https://env.invalid"
    )
    assert (
        ask(project, wanted, {**clean, "UV_DEFAULT_INDEX": "https://uv.invalid"}).split()[0]
        == "https://uv.invalid"
    )


@pytest.mark.parametrize(
    ("arguments", "command", "rest"),
    [
        (["serve", "--port", "1"], "serve", ["--port", "1"]),
        (["--home", "train", "test", "-k", "x"], "test", ["--home", "train", "-k", "x"]),
        (["--home=x", "train"], "train", ["--home=x"]),
        (["--help"], "", ["--help"]),
        ([], "", []),
    ],
)
def test_the_command_is_found_behind_options(
    project: Path, arguments: list[str], command: str, rest: list[str]
) -> None:
    assert ask(project, f"repr(provision.split_command({arguments!r}))") == repr((command, rest))
