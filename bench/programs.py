"""Programs of a benchmark: started tied to this process, waited for, measured from /proc, stopped."""

from __future__ import annotations

import os
import resource
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from handoff.adapters.tether import tethered
from handoff.settings import PROJECT_ROOT

BOT_PYTHON: Final = PROJECT_ROOT / ".envs" / "bot" / "bin" / "python"
QUIET: Final[Mapping[str, str]] = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "CUDA_VISIBLE_DEVICES": "-1",
    "TOKENIZERS_PARALLELISM": "false",
    "RASA_TELEMETRY_ENABLED": "false",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "LOG_LEVEL": "ERROR",
    "SANIC_ACCESS_LOG": "false",
    "PYTHONWARNINGS": "ignore",
    "PYTHONPATH": str(PROJECT_ROOT),
}
"""One thread for each process and no logging, for Baton and its peers alike."""

_TICKS: Final = os.sysconf("SC_CLK_TCK")
_PAGE: Final = os.sysconf("SC_PAGE_SIZE")


class BenchError(RuntimeError):
    """A benchmark cannot go on. The message says why, and where to look."""


@dataclass(frozen=True)
class Usage:
    """What a program and all its descendants have used: CPU seconds since their start, resident bytes now."""

    cpu_s: float
    rss: int


class Program:
    """A running program with its descendants. `log` has what it said."""

    def __init__(
        self, name: str, argv: Sequence[str], *, cwd: Path, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                tethered(list(argv)),
                cwd=cwd,
                env={**os.environ, **QUIET, **(env or {})},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        """Wait for its end. Raises `BenchError` unless it ended well."""
        if self._process.wait() != 0:
            raise BenchError(f"{self.name} ended with {self._process.returncode}: {self.last_words()}")

    def wait_until(self, well: Callable[[], bool], limit_s: float) -> None:
        """Wait until `well()`. Raises `BenchError` when the program ends before or takes longer than `limit_s`."""
        end = time.monotonic() + limit_s
        while not well():
            if self._process.poll() is not None:
                raise BenchError(
                    f"{self.name} ended with {self._process.returncode} before it was ready: {self.last_words()}"
                )
            if time.monotonic() > end:
                raise BenchError(f"{self.name} was not ready after {limit_s:.0f} s: {self.last_words()}")
            time.sleep(0.2)

    def usage(self) -> dict[int, Usage]:
        """Usage of the program's processes that work, by process id; those that only wait are a few MB."""
        return {pid: usage for pid in _family(self._process.pid) if (usage := _usage(pid)) is not None}

    def stop(self) -> None:
        """Ask it to end; kill its whole group after 15 s."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(15)
            except subprocess.TimeoutExpired:
                os.killpg(self._process.pid, signal.SIGKILL)
                self._process.wait()

    def last_words(self) -> str:
        """The end of its log, and where all of it is."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return " | ".join(lines[-5:]) + f" (all of it: {self.log})"


def generated(module: str, plan: str) -> str:
    """What a load generator, `python -m MODULE`, made of a plan. Raises `BenchError` where it failed."""
    done = subprocess.run(
        [sys.executable, "-P", "-m", module],
        input=plan,
        capture_output=True,
        text=True,
        check=False,
        cwd=PROJECT_ROOT,
        env={**QUIET},
    )
    if done.returncode != 0:
        raise BenchError(f"the load generator failed: {done.stderr[-2000:]}")
    return done.stdout


def allow_open_files(many: int) -> None:
    """Let this process, and those it starts, hold `many` files open. Raises `BenchError` where the machine does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft >= many:
        return
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (many, max(many, hard)))
    except (ValueError, OSError):
        raise BenchError(
            f"{many} open files are needed and this machine allows {hard}; raise it with `ulimit -n {many}`"
        ) from None


def free_port() -> int:
    """A port of the loopback that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def lasting_port() -> int:
    """A port for a server that is killed and started again.

    From below those that the system gives to clients: while such a server is away, none of them may sit on its port.
    """
    while True:
        port = secrets.randbelow(32_768 - 16_384) + 16_384
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def answers(url: str) -> bool:
    """Whether a GET of `url` succeeds."""
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(url, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def listens(port: int) -> bool:
    """Whether somebody accepts connections at a port of the loopback."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def used_between(before: Mapping[int, Usage], after: Mapping[int, Usage]) -> float:
    """CPU seconds that the processes alive at both moments used in between."""
    return sum(after[pid].cpu_s - before[pid].cpu_s for pid in after.keys() & before.keys())


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU seconds that these processes have used since their start; those that are gone count nothing."""
    return sum(usage.cpu_s for pid in pids if (usage := _usage(pid)) is not None)


def busy_seconds() -> float:
    """CPU seconds that the whole machine has worked since its start, over all cores."""
    words = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    user, nice, system, _idle, _waiting, *interrupts = (int(word) for word in words[1:8])
    return (user + nice + system + sum(interrupts)) / _TICKS


def resident_bytes(pids: Iterable[int]) -> int:
    """Resident memory of these processes, those that are gone left out."""
    return sum(usage.rss for pid in pids if (usage := _usage(pid)) is not None)


def _family(pid: int) -> list[int]:
    """A process and its descendants."""
    found = [pid]
    for parent in found:
        for children in Path(f"/proc/{parent}/task").glob("*/children"):
            try:
                found += [int(child) for child in children.read_text().split()]
            except OSError:  # the thread ended while we looked
                continue
    return found


def _usage(pid: int) -> Usage | None:
    try:
        # The name in parentheses may hold spaces; the numbers follow the last one.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return Usage((int(fields[11]) + int(fields[12])) / _TICKS, int(fields[21]) * _PAGE)
