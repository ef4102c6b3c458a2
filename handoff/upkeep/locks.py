"""Who may use a home: any number of relays at once, or one restore alone. Standard library only, so that `serve` stays quick.

Locks of the kernel: they end with the process that holds them, in whatever way it ends. A restore that was killed in
mid-way leaves a mark, so that nothing starts on half of it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from handoff.upkeep.errors import HomeBusy

SERVE, RELAY, RESTORING = "serve.lock", "relay.lock", "restoring"


@contextmanager
def while_running(home: Path) -> Iterator[None]:
    """Hold the home for a relay. Raises `HomeBusy` during a restore and after one that was interrupted."""
    with _locked(
        home, RELAY, fcntl.LOCK_SH, "A restore into this home is under way. Start again when it is done."
    ):
        refuse_half_restored(home)
        yield


@contextmanager
def while_nothing_runs(home: Path) -> Iterator[None]:
    """Hold the home alone. Raises `HomeBusy` while `serve`, a relay or another restore uses it."""
    busy = f"The home {home} is in use. Stop `baton serve` or `baton relay` first."
    with ExitStack() as held:
        for name in (SERVE, RELAY):
            held.enter_context(_locked(home, name, fcntl.LOCK_EX, busy))
        yield


def is_served(home: Path) -> bool:
    """Whether a relay runs on this home now. Makes nothing."""
    try:
        handle = os.open(home / "run" / RELAY, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(handle)
    return False


def refuse_half_restored(home: Path) -> None:
    """Raises `HomeBusy` after a restore that was killed in mid-way."""
    mark = home / "run" / RESTORING
    if mark.exists():
        raise HomeBusy(
            "A restore into this home was interrupted. Run `baton restore` again; what was here before is in "
            f"{mark.read_text(encoding='utf-8').strip()}."
        )


@contextmanager
def _locked(home: Path, name: str, how: int, busy: str) -> Iterator[None]:
    folder = home / "run"
    folder.mkdir(parents=True, exist_ok=True)
    handle = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(handle, how | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomeBusy(busy) from None
        if how == fcntl.LOCK_EX:
            # Whoever is refused because of this one must not be told of a `serve` that ended long ago.
            os.ftruncate(handle, 0)
        yield
    finally:
        os.close(handle)
