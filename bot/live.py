"""The releases a bot has loaded, and which of them answers."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from kb_index.releases import CorruptRelease, ReleaseStore

if TYPE_CHECKING:
    # Importing it means importing Rasa and TensorFlow, which takes 15 s: the door is open before that.
    from bot.engine import Engine

log = logging.getLogger(__name__)

KEPT: Final = 3
"""Releases in memory at once: the live one, the one before, a candidate. 40 MB each with 10,000 questions."""

POLL_S: Final = 0.5
"""Between two looks at what is live: an edition is answered from within this, and the time that its new texts take."""

AGAIN_S: Final = 0.05
"""Between two looks while somebody waits for what has just been published."""

Load = Callable[[str], "Engine"]


class Following(Protocol):
    """Keeps loaded releases at what is live of each; see `bot.editions`."""

    def look(self, engine: Engine) -> asyncio.Task[None] | None:
        """See whether the release must answer from something else, and return at once: None where it need not."""

    def forget(self, release_id: str) -> None:
        """The release is loaded no longer."""


class Warming(RuntimeError):
    """No release can answer yet. `refused` says which were tried and why they cannot be used."""

    def __init__(self, refused: tuple[Refused, ...]) -> None:
        told = "; ".join(f"{r.release_id}: {r.message}" for r in refused)
        super().__init__(f"No release is loaded. {told}" if told else "No release is loaded yet.")
        self.refused = refused


class ReleaseRefused(RuntimeError):
    """The release that was asked for cannot be used. The message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A release that cannot be loaded."""

    release_id: str
    message: str


class LiveReleases:
    """Loads releases beside the event loop and follows the `current` one.

    A release that cannot be loaded is refused and remembered; the last good one goes on answering.
    """

    def __init__(self, store: ReleaseStore, load: Load, editions: Following | None = None) -> None:
        """`load` verifies and loads one release; it is called on a worker thread, one call at a time. `editions` keeps
        what is loaded at its edition: also releases that are not live, so that going back to one brings its own at once."""
        self._store = store
        self._load = load
        self._editions = editions
        self._engines: OrderedDict[str, Engine] = OrderedDict()
        self._refused: dict[str, str] = {}
        self._loading: dict[str, asyncio.Task[Engine]] = {}
        self._one_at_a_time = asyncio.Lock()
        self._good: str | None = None

    @property
    def loaded(self) -> tuple[str, ...]:
        """Ids of the releases in memory, least recently used first."""
        return tuple(self._engines)

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Releases that could not be loaded."""
        return tuple(Refused(release_id, message) for release_id, message in self._refused.items())

    async def engine_for(self, release_id: str | None) -> Engine:
        """The release that answers a turn: the one named, or the live one.

        A turn never waits for a live one that is being loaded: the one before answers until it is there. Whoever publishes
        without a gap has it loaded first (`load`), and then the very next turn is answered by it.

        Raises:
            Warming: nothing is loaded yet.
            ReleaseRefused: the one named cannot be used.
        """
        if release_id is not None:
            return await self.load(release_id)
        wanted = self._current()
        if wanted is not None and wanted not in self._refused:
            if wanted in self._engines:
                self._good = wanted
            else:
                self._start(wanted)
        if self._good is None:
            raise Warming(self.refused)
        return self._use(self._good)

    async def load(self, release_id: str) -> Engine:
        """Have a release ready, trying again one that was refused. Raises `ReleaseRefused`."""
        if release_id not in self._engines:
            self._refused.pop(release_id, None)
            await asyncio.wait([self._start(release_id)])
        if release_id not in self._engines:
            raise ReleaseRefused(self._refused.get(release_id, "it could not be loaded"))
        return self._use(release_id)

    async def follow(self) -> None:
        """Look twice a second whether another release or edition has gone live. Runs until cancelled."""
        while True:
            wanted = self._current()
            if wanted is not None and wanted not in self._refused:
                if wanted in self._engines:
                    self._good = wanted
                else:
                    self._start(wanted)  # not waited for: editions are looked at meanwhile
            if self._editions is not None:
                for engine in tuple(self._engines.values()):
                    self._editions.look(engine)
            await asyncio.sleep(POLL_S)

    async def take_up(self, release_id: str, revision: int, *, limit_s: float) -> bool:
        """Look at once at what has gone live, in place of with the next poll, and wait for it to be made.

        Returns whether customers are answered by that release, at that revision or a later one; False after `limit_s`, or
        as soon as the release is refused. Raises `Warming` where nobody is answered at all.
        """
        deadline = time.monotonic() + limit_s
        while not self._answers_from(release_id, revision):
            left = deadline - time.monotonic()
            if left <= 0 or release_id in self._refused:
                return False
            task: asyncio.Task[object] | None = None
            if release_id in self._engines:
                task = self._editions.look(self._engines[release_id]) if self._editions is not None else None
            elif self._good is None:
                raise Warming(self.refused)
            else:
                task = self._start(release_id)
            # What is made or loaded goes on where it takes longer than anybody waits.
            await asyncio.wait([task], timeout=left) if task else await asyncio.sleep(min(AGAIN_S, left))
        return True

    def _answers_from(self, release_id: str, revision: int) -> bool:
        engine = self._engines.get(release_id)
        return engine is not None and engine.content.revision >= revision and self._current() == release_id

    def _current(self) -> str | None:
        try:
            return self._store.current()
        except CorruptRelease as error:
            if self._refused.get("current") != str(error):
                log.warning("%s", error)
                self._refused["current"] = str(error)
            return None

    def _use(self, release_id: str) -> Engine:
        self._engines.move_to_end(release_id)
        return self._engines[release_id]

    def _start(self, release_id: str) -> asyncio.Task[Engine]:
        task = self._loading.get(release_id)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._load_one(release_id))
            self._loading[release_id] = task
            task.add_done_callback(lambda done: self._ended(release_id, done))
        return task

    async def _load_one(self, release_id: str) -> Engine:
        async with self._one_at_a_time:
            return await asyncio.to_thread(self._load, release_id)

    def _ended(self, release_id: str, task: asyncio.Task[Engine]) -> None:
        del self._loading[release_id]
        if task.cancelled():
            return
        error = task.exception()
        if error is not None:
            self._refused[release_id] = str(error) or repr(error)
            log.error("release %s is refused: %s", release_id, error, exc_info=error)
            return
        self._engines[release_id] = task.result()
        log.info("release %s is loaded", release_id)
        for old in list(self._engines)[:-KEPT]:
            if old != self._good:
                del self._engines[old]
                if self._editions is not None:
                    self._editions.forget(old)
