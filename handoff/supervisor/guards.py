"""What must hold before anything starts: one `serve` per home, and a port that is free."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from handoff.upkeep.errors import HomeBusy
from handoff.upkeep.locks import SERVE, refuse_half_restored


class ServeRefusedError(Exception):
    """Nothing was started; the message says why and what to do."""


class PortTakenError(ServeRefusedError):
    """Another program listens on the port."""


@contextmanager
def sole_serve(home: Path) -> Iterator[Callable[[int], None]]:
    """Hold the home for this process; gives the function that notes the port for those who are refused.

    Raises `ServeRefusedError` naming the process and port that hold it, or saying why the home cannot be used. The kernel lets go of the lock when the process ends, in whatever way, so no stale lock can be left.
    """
    folder = home / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        opened = (folder / SERVE).open("a+")
    except OSError as error:
        raise ServeRefusedError(f"cannot write in the home {home}: {error.strerror}.") from None
    with opened as lock:

        def note(port: int) -> None:
            lock.truncate(0)
            lock.write(json.dumps({"pid": os.getpid(), "port": port}))
            lock.flush()

        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise ServeRefusedError(
                f"this home is served already {_holder(lock.read())}: {home}. Stop that one, or give another --home."
            ) from None
        try:
            refuse_half_restored(home)
        except HomeBusy as busy:
            raise ServeRefusedError(busy.message) from None
        yield note


def _holder(written: str) -> str:
    try:
        holder = json.loads(written)
        return f"by process {int(holder['pid'])} on port {int(holder['port'])}"
    except (ValueError, KeyError, TypeError):  # it has the lock, but has not yet written who it is
        return "by another process"


def claim_port(host: str, port: int) -> int:
    """The port to listen on: `port` itself if it is free on `host`, or any free one for 0.

    Raises `PortTakenError`, or `ServeRefusedError` where the address cannot be used at all.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTakenError(
                    f"port {port} on {host} is taken by another program. Stop it, or choose one: --port {port + 1}"
                    " (--port 0: any free one)."
                ) from None
            raise ServeRefusedError(
                f"cannot listen on {host}, port {port}: {error.strerror or error}."
            ) from None
        return int(probe.getsockname()[1])
