"""Every check and every test of the project, each in the environment it belongs to: `./baton test`.

    ./baton test                  everything this machine can run; names at the end what it could not
    ./baton test --all            the same, and whatever was not run is a failure (this is what .ci/run calls)
    ./baton test PATH... -k ...   a selection: paths choose the environment, the rest is pytest's

Two lanes run side by side, results are told in the stated order. Standard library only.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ET
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NoReturn

ROOT = Path(__file__).resolve().parent.parent
ENVS = ROOT / ".envs"
LIMIT_S = 1200
"""A suite that takes longer hangs; .ci/run has 30 minutes for all of them."""

NOTHING_COLLECTED = 5
"""pytest's exit code when it found no test."""

Kind = Literal["check", "pytest", "node"]


@dataclass(frozen=True)
class Suite:
    """One command whose outcome counts: a check counts as one test, a test run as its tests.

    `of` is the folder or file that the suite is about, relative to the project. `lane` says which of the two lanes
    runs it.
    """

    name: str
    of: str
    command: tuple[str, ...]
    kind: Kind = "check"
    lane: int = 0
    without: tuple[str, ...] = ()
    folder: str = "."


@dataclass
class Result:
    """What became of one suite."""

    passed: int = 0
    failed: int = 0
    not_run: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    output: str = ""


running: set[subprocess.Popen[str]] = set()
"""The commands that run now, to be ended with this process."""


def python(environment: str) -> str:
    return str(ENVS / environment / "bin" / "python")


def program(environment: str, name: str) -> str:
    return str(ENVS / environment / "bin" / name)


def typed(environment: str, *targets: str) -> tuple[str, ...]:
    """mypy over the targets that exist, with a cache of its own so that the environments do not undo each other's."""
    present = [target for target in targets if (ROOT / target).exists()]
    return (python(environment), "-m", "mypy", "--strict", f"--cache-dir=.mypy_cache/{environment}", *present)


def imports(environment: str) -> Suite:
    config = f"tests/architecture/{environment}.importlinter.ini"
    return Suite(
        f"imports: {environment}",
        config,
        (program(environment, "lint-imports"), "--no-cache", "--no-logo", "--config", config),
        lane=1,
    )


def pytest_suite(
    name: str, folder: str, environment: str = "handoff", *, without: tuple[str, ...] = ()
) -> Suite:
    lane = 1 if environment == "bot" else 0
    return Suite(name, folder, (python(environment), "-m", "pytest", "-q"), "pytest", lane, without)


RUFF = program("handoff", "ruff")
OF_RELAY = (
    "handoff", "bot/contract.py", "kb_index/article.py", "kb_index/formats.py", "kb_index/releases.py",
    "bench", "tests/run.py", "requirements",
)  # fmt: skip
SUITES = (
    Suite("ruff check", ".", (RUFF, "check", "."), lane=1),
    Suite("ruff format", ".", (RUFF, "format", "--check", "."), lane=1),
    Suite("mypy: relay", "handoff", typed("handoff", *OF_RELAY), lane=1),
    Suite("mypy: bot", "bot", typed("bot", "bot", "kb_index"), lane=1),
    imports("handoff"),
    imports("bot"),
    Suite(
        "TypeScript",
        "web_widget/package.json",
        ("npm", "run", "--silent", "check"),
        folder="web_widget",
        lane=1,
    ),
    Suite(
        "ESLint", "web_widget/package.json", ("npm", "run", "--silent", "lint"), folder="web_widget", lane=1
    ),
    Suite(
        "pages: unit",
        "web_widget/test",
        ("npm", "run", "--silent", "test"),
        "node",
        folder="web_widget",
        lane=1,
    ),
    pytest_suite("architecture", "tests/architecture"),
    pytest_suite("relay: unit", "tests/unit/handoff"),
    pytest_suite("bench: unit", "tests/unit/bench"),
    pytest_suite("contracts", "tests/contract"),
    pytest_suite(
        "integration", "tests/integration", without=("tests/integration/bot", "tests/integration/setup")
    ),
    pytest_suite("faults", "tests/faults"),
    pytest_suite("setup", "tests/integration/setup"),
    pytest_suite("browser", "tests/browser"),
    pytest_suite("knowledge base: unit", "tests/unit/kb_index", "bot"),
    pytest_suite("bot: unit", "tests/unit/bot", "bot"),
    pytest_suite("bot: integration", "tests/integration/bot", "bot"),
    Suite("bot: conversations", "bot/golden.py", (python("bot"), "-m", "bot.golden"), lane=1),
)


def selected(suite: Suite, paths: Sequence[Path]) -> list[str]:
    """The parts of `suite` that the paths ask for: what they and its folder have in common."""
    of = ROOT / suite.of
    found = []
    for path in paths:
        bare = Path(str(path).partition("::")[0])
        if any(bare.is_relative_to(ROOT / other) for other in suite.without):
            continue
        if bare.is_relative_to(of):
            found.append(str(path))
        elif of.is_relative_to(bare):
            found.append(str(of))
    return found


def run(suite: Suite, extra: Sequence[str]) -> Result:
    """Run one suite and count."""
    if not (ROOT / suite.of).exists():
        return Result(failed=1, output=f"{suite.of} is missing")
    command = list(suite.command)
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
        "OMP_NUM_THREADS": "1",
        "PYTHONUNBUFFERED": "1",
    }
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="baton-test-") as folder:
        report = Path(folder, "report.xml")
        if suite.kind == "pytest":
            command += [f"--ignore={other}" for other in suite.without]
            command += [f"--junitxml={report}", *extra]
        code, output = execute(command, env, ROOT / suite.folder)
        if code == NOTHING_COLLECTED and list(extra) != [suite.of]:
            code = 0  # a selection may leave a suite without tests, all of it may not
        result = count(suite.kind, code, output, report)
    result.seconds = time.monotonic() - started
    result.output = output
    return result


def execute(command: Sequence[str], env: Mapping[str, str], folder: Path) -> tuple[int, str]:
    """Run one command to its end or to the limit. Returns its exit code (-1: it has none) and all it said."""
    try:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,  # so that it can be ended with all it started
        )
    except OSError as error:
        return -1, f"{command[0]}: {error}"
    running.add(process)
    try:
        output, _ = process.communicate(timeout=LIMIT_S)
    except subprocess.TimeoutExpired:
        end(process)
        output, _ = process.communicate()
        return -1, f"{output}\nstopped: it took longer than {LIMIT_S} s"
    finally:
        running.discard(process)
    return process.returncode, output


def end(process: subprocess.Popen[str]) -> None:
    """End a command and all it started."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def told_to_stop(number: int, _: object) -> NoReturn:
    """Leave nothing running behind."""
    for process in tuple(running):
        end(process)
    os._exit(128 + number)


def count(kind: Kind, code: int, output: str, report: Path) -> Result:
    """Tests passed, failed and not run. A command that fails without a failed test counts as one failure."""
    result = Result()
    if kind == "pytest" and report.is_file():
        for case in ET.parse(report).getroot().iter("testcase"):
            skipped = case.find("skipped")
            if case.find("failure") is not None or case.find("error") is not None:
                result.failed += 1
            elif skipped is not None:
                result.not_run[skipped.get("message") or "skipped"] += 1
            else:
                result.passed += 1
    elif kind == "node":
        told = {
            word: int(number)
            for word, number in re.findall(r"^(?:#|\u2139) (\w+) (\d+)$", output, re.MULTILINE)
        }
        result.passed = told.get("pass", 0)
        result.failed = told.get("fail", 0) + told.get("cancelled", 0)
        if told.get("skipped", 0) + told.get("todo", 0):
            result.not_run["skipped"] = told.get("skipped", 0) + told.get("todo", 0)
    else:
        result.passed = int(code == 0)
    if code != 0 and result.failed == 0:
        result.failed = 1
    return result


def unlisted() -> list[str]:
    """Test files that no suite would run."""
    folders = [ROOT / suite.of for suite in SUITES if suite.kind == "pytest"]
    files = sorted((ROOT / "tests").rglob("test_*.py"))
    return [
        str(file.relative_to(ROOT)) for file in files if not any(folder in file.parents for folder in folders)
    ]


def run_lanes(todo: Sequence[tuple[Suite, Sequence[str]]]) -> list[Result]:
    """Run the suites, lane beside lane; tell each result in the stated order as soon as those before it are told."""
    results: dict[int, Result] = {}
    busy: dict[int, str] = {}
    changed = threading.Condition()

    def lane(number: int) -> None:
        for position, (suite, extra) in enumerate(todo):
            if suite.lane == number:
                with changed:
                    busy[number] = suite.name
                result = run(suite, extra)
                with changed:
                    results[position] = result
                    busy.pop(number)
                    changed.notify_all()

    for number in sorted({suite.lane for suite, _ in todo}):
        threading.Thread(target=lane, args=(number,), daemon=True).start()
    told = []
    for position, (suite, _) in enumerate(todo):
        with changed:
            while not changed.wait_for(lambda: position in results, timeout=60):  # noqa: B023 (called at once)
                print(f"  ... running: {', '.join(busy[key] for key in sorted(busy))}", flush=True)
        told.append(results[position])
        tell(position, len(todo), suite, results[position])
    return told


def tell(position: int, total: int, suite: Suite, result: Result) -> None:
    """One line about a suite; all it said if something failed."""
    numbers = f"{result.passed} passed" + (f", {result.failed} FAILED" if result.failed else "")
    if result.not_run:
        numbers += f", {result.not_run.total()} not run"
    print(f"[{position + 1:2}/{total}] {suite.name:<22} {numbers}  ({result.seconds:.1f} s)", flush=True)
    if result.failed:
        print("\n".join(f"        {line}" for line in result.output.rstrip().splitlines()), flush=True)


def summarise(
    todo: Sequence[tuple[Suite, Sequence[str]]], results: Sequence[Result], *, everything: bool
) -> int:
    """The table, what was not run, and the last line. Returns the exit code."""
    print(f"\n{'suite':<22} {'passed':>7} {'failed':>7} {'not run':>8} {'seconds':>8}")
    for (suite, _), result in zip(todo, results, strict=True):
        numbers = f"{result.passed:>7} {result.failed:>7} {result.not_run.total():>8} {result.seconds:>8.1f}"
        print(f"{suite.name:<22} {numbers}")
    passed = sum(result.passed for result in results)
    failed = sum(result.failed for result in results)
    for (suite, _), result in zip(todo, results, strict=True):
        for why, number in sorted(result.not_run.items()):
            print(f"Not run: {number} of {suite.name} ({why})")
            failed += number if everything else 0
    print(f"{passed} passed, {failed} failed", flush=True)
    return 0 if failed == 0 and passed > 0 else 1


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, told_to_stop)
    everything = "--all" in arguments
    rest = [argument for argument in arguments if argument != "--all"]
    if not rest:
        for file in unlisted():
            print(f"{file} belongs to no suite of tests/run.py: nothing would ever run it", file=sys.stderr)
            return 2
        todo = [(suite, [suite.of]) for suite in SUITES]
    else:
        paths = [Path(word).absolute() for word in rest if Path(word.partition("::")[0]).exists()]
        options = [word for word in rest if not Path(word.partition("::")[0]).exists()]
        todo = []
        for suite in SUITES:
            asked = selected(suite, paths) if paths else [suite.of]
            if asked and (suite.kind == "pytest" or (paths and suite.kind == "node")):
                todo.append((suite, [*options, *asked]))
        if not todo:
            print(f"no suite has tests in {' '.join(rest)}", file=sys.stderr)
            return 2
    lanes = len({suite.lane for suite, _ in todo})
    print(f"Running {len(todo)} suites{', two at a time' if lanes > 1 else ''}.", flush=True)
    return summarise(todo, run_lanes(todo), everything=everything)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
