"""What setting up needs from the machine: plain speech, commands whose failures can be read, a lock, room on the disk.

Standard library only, because it runs before anything is installed.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVS = ROOT / ".envs"

GIGABYTE = 1024**3
HEARTBEAT_S = 15
"""A person who sees nothing for longer than this takes an installation for dead."""

_inherited: list[int] = []
"""The lock's descriptor while it is held: commands inherit it, so that the lock outlives this process if it is
killed while one of them still writes."""


Command = Sequence[str | Path]


class SetupError(Exception):
    """Something the person at the keyboard can mend: the message says what happened and what to do."""


def say(message: str) -> None:
    """One line for people. Standard output stays free for what commands print there."""
    sys.stderr.write(f"baton: {message}\n")
    sys.stderr.flush()


def run(
    command: Sequence[str | Path],
    *,
    doing: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> None:
    """Run `command` without input and without noise.

    `doing` completes "still ..." and "... failed". Raises `SetupError` with the end of what the command printed, led by
    what that means where it is known.
    """
    started = time.monotonic()
    process = subprocess.Popen(
        [str(word) for word in command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=dict(os.environ if env is None else env),
        cwd=cwd,
        text=True,
        errors="replace",
        pass_fds=_inherited,
    )
    try:
        while True:
            try:
                output, _ = process.communicate(timeout=HEARTBEAT_S)
                break
            except subprocess.TimeoutExpired:
                say(f"  still {doing} ({time.monotonic() - started:.0f} s)")
    except BaseException:
        process.terminate()
        process.wait()
        raise
    if process.returncode != 0:
        last = "\n".join(f"    {line}" for line in output.strip().splitlines()[-15:])
        raise SetupError(f"{doing} failed. {meaning_of(output)}\n{last}")


def meaning_of(output: str) -> str:
    """What a failed installer's output says, in one sentence that names the remedy."""
    text = output.lower()
    again = "then run the same command again; what is already here is kept"
    if any(
        sign in text for sign in ("no space left on device", "os error 28", "enospc", "disk quota exceeded")
    ):
        return f"The disk is full: make room for about 5 GB, {again}."
    if any(sign in text for sign in ("hash mismatch", "do not match the hashes", "eintegrity")):
        return "A download is not the file that the lock file names. Nothing was installed from it; see requirements/."
    signs = (
        "dns error", "lookup address", "name resolution", "connection refused", "connection error", "connecterror",
        "network is unreachable", "timed out", "timeout", "error sending request", "failed to fetch", "proxy",
        "certificate", "newconnectionerror", "eai_again", "econnrefused", "econnreset", "enotfound", "etimedout",
    )  # fmt: skip
    if any(sign in text for sign in signs):
        return f"A download did not arrive: check the network (and HTTPS_PROXY, PIP_INDEX_URL if you use them), {again}."
    return "What it said last:"


def digest(*parts: str | bytes) -> str:
    """A fingerprint of `parts`, in order."""
    found = hashlib.sha256()
    for part in parts:
        raw = part.encode() if isinstance(part, str) else part
        found.update(len(raw).to_bytes(8, "big"))
        found.update(raw)
    return found.hexdigest()


def read_stamp(path: Path) -> str:
    """What was written last at `path`, or nothing."""
    try:
        return path.read_text()
    except (FileNotFoundError, NotADirectoryError):
        return ""


def write_stamp(path: Path, stamp: str) -> None:
    """Replace the stamp in one step, so that it is whole or absent."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_text(stamp)
    fresh.replace(path)


def remove(path: Path) -> None:
    """Remove a folder that may be half made."""
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(path)


def need_room(gigabytes: float, cache: Path) -> None:
    """Raise `SetupError` unless about `gigabytes` more fit beside this file.

    What `cache` already holds is counted as room when it lies on the same disk: installing links it into place.
    """
    ENVS.mkdir(exist_ok=True)
    free = shutil.disk_usage(ENVS).free
    if free >= gigabytes * GIGABYTE:
        return
    if cache.is_dir() and cache.stat().st_dev == ENVS.stat().st_dev:
        free += sum(
            entry.stat().st_size for entry in cache.rglob("*") if entry.is_file() and not entry.is_symlink()
        )
    if free < gigabytes * GIGABYTE:
        raise SetupError(
            f"not enough room on the disk: {free / GIGABYTE:.1f} GB are free in {ROOT},"
            f" about {gigabytes:g} GB are needed. Make room, then run the same command again."
        )


@contextmanager
def sole_setup() -> Iterator[None]:
    """Hold the one lock of this folder's setup; wait, and say so, while another `./baton` holds it."""
    ENVS.mkdir(exist_ok=True)
    with (ENVS / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            say(
                f"another ./baton (process {lock.read().strip() or 'unknown'}) is setting things up here; waiting for it"
            )
            fcntl.flock(lock, fcntl.LOCK_EX)
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        _inherited.append(lock.fileno())
        try:
            yield
        finally:
            _inherited.clear()
