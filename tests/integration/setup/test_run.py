"""`tests/run.py` counts what happened, and nothing that was left out passes for a success."""

from __future__ import annotations

import importlib.util
import os
import sys
import time
from collections import Counter
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def run() -> ModuleType:
    spec = importlib.util.spec_from_file_location("baton_tests_run", ROOT / "tests" / "run.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # dataclasses look their module up
    spec.loader.exec_module(module)
    return module


REPORT = """<testsuites><testsuite>
<testcase name="a"/><testcase name="b"/>
<testcase name="c"><failure message="no"/></testcase>
<testcase name="d"><error message="no"/></testcase>
<testcase name="e"><skipped message="Chromium not found"/></testcase>
</testsuite></testsuites>"""


def test_tests_are_counted_from_the_report(run: ModuleType, tmp_path: Path) -> None:
    report = tmp_path / "report.xml"
    report.write_text(REPORT)
    result = run.count("pytest", 1, "", report)
    assert (result.passed, result.failed, result.not_run) == (2, 2, Counter({"Chromium not found": 1}))


@pytest.mark.parametrize("kind", ["check", "pytest", "node"])
def test_a_command_that_fails_without_a_failed_test_is_one_failure(
    run: ModuleType, kind: str, tmp_path: Path
) -> None:
    result = run.count(kind, 2, "", tmp_path / "none.xml")
    assert (result.passed, result.failed) == (0, 1)


def test_a_check_counts_as_one_test(run: ModuleType, tmp_path: Path) -> None:
    assert run.count("check", 0, "", tmp_path / "none.xml").passed == 1


@pytest.mark.parametrize("mark", ["#", "\u2139"])
def test_the_pages_tests_are_counted_from_their_summary(run: ModuleType, tmp_path: Path, mark: str) -> None:
    told = "".join(
        f"{mark} {line}\n" for line in ("tests 9", "pass 6", "fail 1", "cancelled 1", "skipped 1", "todo 0")
    )
    result = run.count("node", 1, told, tmp_path / "none.xml")
    assert (result.passed, result.failed, result.not_run.total()) == (6, 2, 1)


def suite(run: ModuleType, code: str) -> object:
    return run.Suite("sample", "tests", (sys.executable, "-c", code))


@pytest.mark.parametrize(("everything", "expected"), [(False, 0), (True, 1)])
def test_what_was_not_run_fails_only_when_everything_was_asked_for(
    run: ModuleType, capsys: pytest.CaptureFixture[str], everything: bool, expected: int
) -> None:
    result = run.Result(passed=3, not_run=Counter({"Chromium not found: apt-get install chromium": 2}))
    assert run.summarise([(suite(run, ""), ())], [result], everything=everything) == expected
    lines = capsys.readouterr().out.splitlines()
    assert "Not run: 2 of sample (Chromium not found: apt-get install chromium)" in lines
    assert lines[-1] == ("3 passed, 2 failed" if everything else "3 passed, 0 failed")


def test_nothing_at_all_is_no_success(run: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.summarise([(suite(run, ""), ())], [run.Result()], everything=False) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "0 passed, 0 failed"


def test_a_failure_shows_what_was_said_and_all_is_told_in_the_stated_order(
    run: ModuleType, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = run.Suite("slow", "tests", (sys.executable, "-c", "import time; time.sleep(0.5)"), lane=0)
    fast = run.Suite("fast", "tests", (sys.executable, "-c", "raise SystemExit('the reason')"), lane=1)
    todo = [(slow, ()), (fast, ())]
    assert run.summarise(todo, run.run_lanes(todo), everything=False) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "slow" in lines[0]
    assert "fast" in lines[1]
    assert "the reason" in lines[2]
    assert lines[-1] == "1 passed, 1 failed"


def test_a_program_that_is_missing_is_a_failure(run: ModuleType) -> None:
    result = run.run(run.Suite("gone", "tests", ("/nowhere/program",)), ())
    assert (result.passed, result.failed) == (0, 1)
    assert "/nowhere/program" in result.output


def test_a_suite_that_is_missing_or_empty_is_a_failure(run: ModuleType, tmp_path: Path) -> None:
    missing = run.Suite("missing", "tests/nowhere", (sys.executable, "-c", ""))
    assert run.run(missing, ()).failed == 1
    empty = run.Suite("empty", str(tmp_path), (sys.executable, "-m", "pytest", "-q"), "pytest")
    assert run.run(empty, [str(tmp_path)]).failed == 1
    assert run.run(empty, ["-k", "nothing", str(tmp_path)]).failed == 0


ENDLESS = """
import subprocess, sys
print(subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]).pid, flush=True)
"""


def test_what_hangs_is_ended_with_all_it_started(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "LIMIT_S", 3)
    code, output = run.execute((sys.executable, "-c", ENDLESS), os.environ, ROOT)
    assert code == -1
    assert "it took longer than 3 s" in output
    grandchild = int(output.split()[0])
    deadline = time.monotonic() + 20
    while Path(f"/proc/{grandchild}").exists() and " Z " not in Path(f"/proc/{grandchild}/stat").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_every_test_file_belongs_to_a_suite(run: ModuleType) -> None:
    assert run.unlisted() == []


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("tests/unit/bot", ["bot: unit"]),
        ("tests/integration/bot/test_x.py::test_y", ["bot: integration"]),
        ("tests/integration/setup", ["setup"]),
        ("tests/unit", ["relay: unit", "bench: unit", "knowledge base: unit", "bot: unit"]),
        ("tests/unit/handoff/domain/test_decide.py", ["relay: unit"]),
    ],
)
def test_a_path_chooses_its_suites(run: ModuleType, path: str, names: list[str]) -> None:
    chosen = [each.name for each in run.SUITES if each.kind == "pytest" and run.selected(each, [ROOT / path])]
    assert chosen == names
