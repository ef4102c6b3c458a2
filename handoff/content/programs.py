"""Programs of the bot's environment, `python -m bot.X`: started tied to this process, their progress read, their end judged.

Progress comes as JSON lines on standard error; the last line of standard output is `{"ok": true, ...}` or
`{"ok": false, "error": {"code", "message"}}`. Everything else that they say goes to a log.
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import signal
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from handoff.adapters.tether import tethered
from handoff.content.errors import ProgramFailed
from handoff.content.shielded import to_its_end
from handoff.settings import PROJECT_ROOT

# One thread each: with more, TensorFlow, PyTorch and OpenMP of one process spin against each other, and
# against the bot that answers meanwhile.
ENVIRONMENT: Final[Mapping[str, str]] = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "RASA_TELEMETRY_ENABLED": "false",
    "TOKENIZERS_PARALLELISM": "false",
    "PYTHONUNBUFFERED": "1",
}

_GRACE_S: Final = 1.0
"""Between SIGTERM and SIGKILL. A program obeys at once, and who cancels a job sees it end within two seconds."""

_LONGEST_LINE: Final = 1_048_576
_LONGEST_QUOTE: Final = 300


@dataclass(frozen=True, slots=True)
class Progress:
    """One step of a program. `total` 0: it is not known how much there is to do in this stage."""

    stage: str
    done: int
    total: int
    message: str


OnProgress = Callable[[Progress], None]


@dataclass(frozen=True, slots=True)
class ProgramCall:
    """What a program is started with.

    `environment` is added to this process's. `scratch` is its folder for temporary files, for whoever made it to remove:
    a program that is killed cannot. Descriptors in `keeps` stay open in it for as long as it lives. `named` is what
    messages call it.
    """

    python: Path
    module: str
    arguments: tuple[str, ...]
    log: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    scratch: Path | None = None
    keeps: tuple[int, ...] = ()
    named: str = "program"

    def command(self) -> list[str]:
        """The command line."""
        return [str(self.python), "-m", self.module, *self.arguments]

    def variables(self) -> dict[str, str]:
        """The parent's environment, with one thread for everything and what the program needs to know."""
        scratch = {} if self.scratch is None else {"TMPDIR": str(self.scratch)}
        return {**os.environ, **ENVIRONMENT, **scratch, **self.environment}


async def run_program(call: ProgramCall, on_progress: OnProgress) -> dict[str, Any]:
    """Run a program to its end and return the object of its last line.

    Cancelling ends the process and everything it started; it also ends with this process, however that ends.

    Raises:
        ProgramFailed: with the program's own code, or `bot_environment_missing`, `program_crashed`,
            `bad_program_answer`.
    """
    call.log.parent.mkdir(parents=True, exist_ok=True)
    with call.log.open("wb") as log:
        try:
            if not os.access(call.python, os.X_OK):
                # Asked here: that it is missing would be told by what ties it to this process, as an end like any other.
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            process = await asyncio.create_subprocess_exec(
                *tethered(call.command()),
                cwd=PROJECT_ROOT,
                env=call.variables(),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                # A group of its own, so that what it starts ends with it and Ctrl-C reaches it through us.
                start_new_session=True,
                pass_fds=call.keeps,
            )
        except OSError as error:
            raise ProgramFailed(
                "bot_environment_missing",
                f"The bot's Python does not start ({call.python}: {error.strerror}). ./baton makes it anew.",
            ) from error
        assert process.stdout is not None
        assert process.stderr is not None
        errors = _Errors(on_progress, log)
        output = _LastLine(log)
        try:
            status = await _to_exit(
                process, asyncio.gather(_feed(process.stdout, output), _feed(process.stderr, errors))
            )
        except BaseException:
            await to_its_end(_end(process))
            raise
    return _judge(call, status, output.line, errors.last_words)


class _Lines(ABC):
    """Splits a stream into lines. One without an end does not fill the memory: it is cut."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, chunk: bytes) -> None:
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        self._rest = self._rest[-_LONGEST_LINE:]
        for line in lines:
            self.take(line)

    def close(self) -> None:
        if self._rest:
            self.take(self._rest)
            self._rest = b""

    @abstractmethod
    def take(self, line: bytes) -> None:
        """One whole line, without its end."""


class _LastLine(_Lines):
    """Standard output: the last line that is not empty is the result."""

    def __init__(self, log: BinaryIO) -> None:
        super().__init__()
        self._log = log
        self.line = b""

    def take(self, line: bytes) -> None:
        self._log.write(line + b"\n")
        if line.strip():
            self.line = line


class _Errors(_Lines):
    """Standard error: progress as JSON, between whatever libraries print."""

    def __init__(self, on_progress: Callable[[Progress], None], log: BinaryIO) -> None:
        super().__init__()
        self._on_progress = on_progress
        self._log = log
        self.last_words = ""

    def take(self, line: bytes) -> None:
        self._log.write(line + b"\n")
        progress = _progress(line)
        if progress is not None:
            self._on_progress(progress)
        elif line.strip():
            # A progress bar draws itself anew after each \r; its last state says all.
            words = line.decode("utf-8", "replace").strip().rsplit("\r", 1)[-1]
            if words:
                self.last_words = words[-_LONGEST_QUOTE:]


def _progress(line: bytes) -> Progress | None:
    if not line.startswith(b"{"):
        return None
    try:
        raw = json.loads(line)
        return Progress(
            str(raw["stage"]), int(raw.get("done", 0)), int(raw.get("total", 0)), str(raw.get("message", ""))
        )
    except (ValueError, KeyError, TypeError):
        return None


async def _feed(stream: asyncio.StreamReader, lines: _Lines) -> None:
    while chunk := await stream.read(65_536):
        lines.feed(chunk)
    lines.close()


async def _to_exit(process: asyncio.subprocess.Process, reading: asyncio.Future[Any]) -> int:
    """The status of a process, once it has ended and all it wrote is read.

    Something it started may live on and hold the pipes open, so that they never end: it gets a moment, then
    the whole group is killed.
    """
    exited = asyncio.ensure_future(_exit_of(process.pid))
    try:
        await asyncio.wait({reading, exited}, return_when=asyncio.FIRST_COMPLETED)
        if exited.done() and not reading.done():
            await asyncio.wait({reading}, timeout=_GRACE_S)
            _signal(process, signal.SIGKILL)
        await reading
        return await process.wait()
    finally:
        exited.cancel()
        reading.cancel()
        # Ctrl-C ends the readers too; asyncio would tell of that on standard error.
        reading.add_done_callback(lambda read: read.cancelled() or read.exception())


async def _exit_of(pid: int) -> None:
    """Returns when the process has ended. asyncio's own `wait` may also wait for its pipes to close."""
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()
    loop.add_reader(descriptor, ended.set)
    try:
        await ended.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


async def _end(process: asyncio.subprocess.Process) -> None:
    """End a process and its group: asked first, then made to. Returns when it is gone."""
    _signal(process, signal.SIGTERM)
    await asyncio.wait({asyncio.ensure_future(_exit_of(process.pid))}, timeout=_GRACE_S)
    # Also when the leader obeyed: what it started may not have.
    _signal(process, signal.SIGKILL)
    await process.wait()


def _signal(process: asyncio.subprocess.Process, number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def _judge(call: ProgramCall, status: int, last: bytes, last_words: str) -> dict[str, Any]:
    """The answer of a program that went well. Raises `ProgramFailed` for every other end."""
    log = str(call.log)
    try:
        answer = json.loads(last)
    except ValueError:
        answer = None
    if isinstance(answer, dict) and answer.get("ok") is False and isinstance(answer.get("error"), dict):
        error = answer["error"]
        raise ProgramFailed(
            str(error.get("code") or "program_failed"),
            str(error.get("message") or f"The {call.named} failed without saying why."),
            log=log,
        )
    if status != 0:
        how = f"was ended by {signal.Signals(-status).name}" if status < 0 else f"ended with status {status}"
        said = f" Its last words: {last_words}" if last_words else ""
        raise ProgramFailed("program_crashed", f"The {call.named} {how}.{said}", log=log)
    if not isinstance(answer, dict) or answer.get("ok") is not True:
        raise ProgramFailed("bad_program_answer", f"The {call.named} did not say how it ended.", log=log)
    return answer
