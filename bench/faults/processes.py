"""The programs of a run, each of which can be killed and started again: relays, bots, Redis, PostgreSQL."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from bench.programs import QUIET, BenchError, lasting_port
from handoff.adapters.tether import tethered
from handoff.settings import PROJECT_ROOT

HOST: Final = "127.0.0.1"
STOP_LIMIT_S: Final = 15.0
RELAY: Final = (sys.executable, "-P", "-m", "handoff.cli", "relay")
POSTGRES_USER: Final = "postgres"
"""Whom the database server runs as where this program is root: PostgreSQL refuses to be root."""


class Server:
    """A program that answers on `port`, started tied to this process. `log` has all it ever said."""

    def __init__(
        self,
        name: str,
        argv: Sequence[str],
        port: int,
        *,
        log: Path,
        env: Mapping[str, str] | None = None,
        ready_path: str | None = None,
        ready_header: str = "",
        limit_s: float = 60.0,
    ) -> None:
        self.name = name
        self.port = port
        self.log = log
        self.kills = 0
        self._argv = list(argv)
        self._env = {**os.environ, **QUIET, **(env or {})}
        self._ready_path = ready_path
        self._ready_header = f"{ready_header}\r\n" if ready_header else ""
        self._limit_s = limit_s
        self._process: asyncio.subprocess.Process | None = None
        self._wanted = False

    @property
    def pid(self) -> int:
        """Its process. Raises `BenchError` when it never ran."""
        if self._process is None:
            raise BenchError(f"{self.name} was never started")
        return self._process.pid

    async def start(self) -> None:
        """Start it and wait until it answers; a program that ends meanwhile is started again, as an init would.

        Raises:
            BenchError: it does not answer in time.
        """
        self._wanted = True
        end = asyncio.get_running_loop().time() + self._limit_s
        while self._wanted:
            if self._process is None or self._process.returncode is not None:
                await self._spawn()
            if await self._answers():
                return
            if asyncio.get_running_loop().time() > end:
                await self.stop()
                raise BenchError(f"{self.name} did not answer in {self._limit_s:.0f} s; see {self.log}")
            await asyncio.sleep(0.1)

    async def kill(self) -> None:
        """kill -9."""
        if self._process is not None and self._process.returncode is None:
            self.kills += 1
            with suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)
            await self._process.wait()

    async def stop(self) -> None:
        """Ask it to end; kill it when it does not."""
        self._wanted = False
        if self._process is None or self._process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            self._process.terminate()
        try:
            await asyncio.wait_for(self._process.wait(), STOP_LIMIT_S)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _spawn(self) -> None:
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("ab") as out:
            self._process = await asyncio.create_subprocess_exec(
                *tethered(self._argv),
                cwd=PROJECT_ROOT,
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )

    async def _answers(self) -> bool:
        try:
            async with asyncio.timeout(2.0):
                reader, writer = await asyncio.open_connection(HOST, self.port)
                try:
                    if self._ready_path is None:
                        return True
                    writer.write(
                        f"GET {self._ready_path} HTTP/1.0\r\nHost: {HOST}\r\n{self._ready_header}\r\n".encode()
                    )
                    return b" 200 " in await reader.readline()
                finally:
                    writer.close()
        except (OSError, TimeoutError):
            return False


class Postgres:
    """A throw-away database server of its own, gone at the end with all it held."""

    def __init__(self, folder: Path) -> None:
        self.restarts = 0
        self._programs = _postgres_programs()
        self._folder = folder
        self._data = folder / "data"
        self._port = lasting_port()

    @property
    def url(self) -> str:
        """Where its one database is."""
        return f"postgresql://baton@{HOST}:{self._port}/baton"

    async def start(self) -> None:
        """Make the cluster and start it. Raises `BenchError`."""
        self._folder.mkdir(parents=True)
        if os.getuid() == 0:
            shutil.chown(self._folder, POSTGRES_USER)
        await self._run(
            "initdb", "-D", str(self._data), "-U", "baton", "-A", "trust", "-E", "UTF8", "--no-locale"
        )
        options = (
            f"-c listen_addresses={HOST} -c unix_socket_directories= -c max_connections=200 -p {self._port}"
        )
        await self._run(
            "pg_ctl", "-D", str(self._data), "-l", str(self._folder / "log"), "-w", "-o", options, "start"
        )
        await self._run("createdb", "-h", HOST, "-p", str(self._port), "-U", "baton", "baton")

    async def restart(self, mode: str) -> None:
        """Restart it: `fast` ends all connections, `immediate` is a crash with recovery at the start."""
        self.restarts += 1
        log = str(self._folder / "log")
        await self._run("pg_ctl", "-D", str(self._data), "-l", log, "-w", "-t", "120", "-m", mode, "restart")

    async def stop(self) -> None:
        """End it."""
        with suppress(BenchError):
            await self._run("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    async def _run(self, program: str, *words: str) -> None:
        become = ("setpriv", f"--reuid={POSTGRES_USER}", f"--regid={POSTGRES_USER}", "--init-groups")
        with (self._folder / "commands.log").open("ab") as out:
            process = await asyncio.create_subprocess_exec(
                *(become if os.getuid() == 0 else ()),
                str(self._programs / program),
                *words,
                cwd=self._folder,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.STDOUT,
            )
            if await process.wait() != 0:
                raise BenchError(f"{program} failed; see {out.name}")


def relay(
    number: int, folder: Path, env: Mapping[str, str], argv: Sequence[str] = RELAY, port: int | None = None
) -> Server:
    """A relay on a free port of its own."""
    port = port or lasting_port()
    name = f"relay-{number}"
    own = {**env, "BATON_PORT": str(port)}
    return Server(name, argv, port, log=folder / f"{name}.log", env=own, ready_path="/health/live")


def redis(folder: Path) -> Server:
    """A Redis without any storage. Raises `BenchError` where there is none on this machine."""
    program = shutil.which("redis-server")
    if program is None:
        raise BenchError("redis-server was not found: apt-get install redis-server")
    port = lasting_port()
    argv = [
        program,
        "--bind",
        HOST,
        "--port",
        str(port),
        "--save",
        "",
        "--appendonly",
        "no",
        "--dir",
        str(folder),
    ]
    return Server("redis", argv, port, log=folder / "redis.log")


def _postgres_programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: path.parts[-3])
    if not found:
        raise BenchError(
            "no PostgreSQL on this machine: apt-get install postgresql, or set BATON_BENCH_DATABASE_URL to an empty database"
        )
    return found[-1].parent
