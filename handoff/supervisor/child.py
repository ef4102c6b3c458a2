"""One child process: started tied to this one, its words forwarded line by line, stopped with all it started."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from handoff.adapters.tether import tethered

LONGEST_LINE = 65_536
"""Bytes without a line's end that are forwarded as a line, so that memory stays bounded."""

Forward = Callable[[str], None]
"""Takes one line of a child's output, without its end."""


class Child:
    """A running child. It leads a session of its own, so that a terminal's Ctrl-C reaches only the supervisor."""

    def __init__(self, process: asyncio.subprocess.Process, output: asyncio.Task[None]) -> None:
        self._process = process
        self._output = output

    @classmethod
    async def start(
        cls, argv: Sequence[str], env: Mapping[str, str], forward: Forward, keeps: Sequence[int] = ()
    ) -> Child:
        """Start `argv` with exactly `env`; the descriptors in `keeps` stay open in it. Raises OSError if there is no memory or no process to be had."""
        # A pipe of our own: asyncio's would tie the wait for the process to its grandchildren's hold on the pipe.
        reading, writing = os.pipe()
        try:
            process = await asyncio.create_subprocess_exec(
                *tethered(argv),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=writing,
                stderr=writing,
                env=dict(env),
                start_new_session=True,
                pass_fds=tuple(keeps),
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return cls(process, asyncio.create_task(_forward_lines(reading, forward)))

    @property
    def pid(self) -> int:
        return self._process.pid

    async def wait(self) -> int:
        """Wait for the end; everything it said is forwarded by then. Returns the exit code, -N for signal N."""
        code = await self._process.wait()
        self._kill_group()
        await self._output
        return code

    def ask_to_stop(self) -> None:
        """Send SIGTERM to the child itself, which ends its own children in its own order."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def stop(self, grace: float) -> None:
        """Ask the child to stop, and after `grace` seconds kill it and all it started."""
        self.ask_to_stop()
        try:
            await asyncio.wait_for(self._process.wait(), grace)
        except TimeoutError:
            self._kill_group()
        await self.wait()

    def kill(self) -> None:
        """Kill the child and all it started, at once."""
        self._kill_group()

    def _kill_group(self) -> None:
        # The group outlives its leader while anything is left in it, and its number is not given away meanwhile.
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, signal.SIGKILL)


async def _forward_lines(reading: int, forward: Forward) -> None:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    transport, _ = await loop.connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", buffering=0)
    )
    rest = b""
    try:
        while chunk := await reader.read(LONGEST_LINE):
            *lines, rest = (rest + chunk).split(b"\n")
            if len(rest) >= LONGEST_LINE:
                lines.append(rest)
                rest = b""
            for line in lines:
                forward(line.decode(errors="replace").rstrip("\r"))
        if rest:
            forward(rest.decode(errors="replace"))
    finally:
        transport.close()
