"""A program that cannot outlive its parent: the kernel kills it when the parent dies, however the parent dies.

`tethered(argv)` gives the command line to start. It runs this file as a script, which asks the kernel
(`prctl(PR_SET_PDEATHSIG)`), looks whether the parent is still there, and becomes the program. No code runs between
fork and exec in the parent's image, so it is safe from a process with threads.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from collections.abc import Sequence

PR_SET_PDEATHSIG = 1

LIFELINE = "BATON_LIFELINE"
"""Names the descriptor of a pipe's reading end, for what outlives the part that started it and must still end with the
supervisor: its other end closes when the supervisor ends, however it does."""


def tethered(argv: Sequence[str]) -> list[str]:
    """The command line that runs `argv` (its first word a path) as a child tied to the calling process.

    Start it from a thread that lives as long as the process: the kernel watches the thread that forked.
    """
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *argv]


def _become(parent: int, argv: Sequence[str]) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    try:
        os.execv(argv[0], list(argv))  # noqa: S606 (a list, no shell)
    except OSError as error:
        sys.exit(f"{argv[0]}: {error.strerror}")


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
