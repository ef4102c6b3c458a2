"""`python -m bot.serve`: the bot's process. Listens at once, loads Rasa behind the door, follows the live release."""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import importlib
import json
import logging
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

import uvloop

from bot.dialogues import Dialogues
from bot.editions import Editions
from bot.encoders import EncodersInUse
from bot.figures import Figures
from bot.http import make_app
from bot.live import LiveReleases
from bot.quiet import hush
from bot.settings import Settings, SettingsError, from_environment
from bot.turns import Turns
from kb_index.editions import EditionStore
from kb_index.releases import ReleaseStore

if TYPE_CHECKING:
    from bot.engine import Engine

log = logging.getLogger(__name__)

SWITCH_S: Final = 0.001
"""How long a thread that computes in Python keeps the loop's thread waiting (Python's own 5 ms is a stall at every turn
while a release loads)."""

LOADING_SWITCH_S: Final = 0.0002
"""The same while a release loads. A turn gives the interpreter away some twenty times, and has it back this much later each
time: with `SWITCH_S` a turn in a hundred took over three times the usual."""

SETTLE_S: Final = 5.0
"""How long turns in progress may take to finish after a signal: the relay's own limit for a turn."""


class Loader:
    """Loads releases, those of one encoder with one copy of it. Called on worker threads, one call at a time."""

    def __init__(self, store: ReleaseStore, settings: Settings, figures: Figures, editions: Editions) -> None:
        self._store = store
        self._editions = editions
        self._figures = figures
        self._settings = settings
        self._encoders = EncodersInUse(settings)
        self._one_at_a_time = threading.Lock()

    def prepare(self) -> None:
        """Import Rasa, which takes 15 s and more, so that a first release need not wait for it."""
        with self._one_at_a_time:
            importlib.import_module("bot.engine")
            # TensorFlow and Rasa stay: walking through their objects stops every turn for tenths of a second. What a
            # release loads is not frozen, because a release goes again.
            gc.collect()
            gc.freeze()

    def __call__(self, release_id: str) -> Engine:
        """Verify every file, then load. Raises what makes a release unusable."""
        with self._one_at_a_time, _yielding():
            began = time.monotonic()
            release = self._store.verify(release_id)
            from bot.engine import Engine  # noqa: PLC0415 - imports Rasa, beside an open door

            vectors = self._encoders.vectors_of(release.path)
            edition, at = self._editions.first(release_id)
            engine = Engine.load(release_id, release.path, vectors, self._settings, at=at, edition=edition)
            self._figures.loads.observe(time.monotonic() - began)
            return engine


@contextlib.contextmanager
def _yielding() -> Iterator[None]:
    """Give way to turns more often; for one thread at a time."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(LOADING_SWITCH_S)
    try:
        yield
    finally:
        sys.setswitchinterval(usual)


async def serve(settings: Settings, host: str, port: int) -> None:
    """Serve until SIGTERM or SIGINT. Prints one JSON line with the address when it listens.

    Raises:
        OSError: the port is taken.
    """
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    store = ReleaseStore(settings.releases)
    figures = Figures()
    editions = Editions(EditionStore(settings.editions), observe=figures.revisions.observe)
    loader = Loader(store, settings, figures, editions)
    releases = LiveReleases(store, loader, editions)
    dialogues = Dialogues(settings.dialogues)
    turns = Turns(dialogues, releases.engine_for)
    app = make_app(settings.secret, turns, releases, editions, figures)
    with socket.create_server((host, port), backlog=128) as listener:
        server = await app.create_server(sock=listener, return_asyncio_server=True, access_log=False)
        await server.startup()
        await server.start_serving()
        address = listener.getsockname()
        sys.stdout.write(json.dumps({"listening": {"host": address[0], "port": address[1]}}) + "\n")
        sys.stdout.flush()
        figures.start()
        following = loop.create_task(releases.follow(), name="follow")
        preparing = loop.create_task(asyncio.to_thread(loader.prepare), name="prepare")
        await stop.wait()
        figures.stop()
        preparing.cancel()
        server.close()
        following.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await following
        with contextlib.suppress(asyncio.TimeoutError):
            await asyncio.wait_for(turns.settle(), SETTLE_S)
    dialogues.close()


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.serve")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    given = parser.parse_args(arguments)
    hush()
    sys.setswitchinterval(SWITCH_S)
    try:
        settings = from_environment(given.home)
        uvloop.run(serve(settings, given.host, given.port))
    except (SettingsError, ValueError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
