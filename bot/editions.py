"""Which content loaded releases answer from: what is live of each by its own edition, and drafts for who tries them out."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from bot.live import Refused
from kb_index.editions import CorruptEdition, Edition, EditionStore

if TYPE_CHECKING:
    # Importing it means importing Rasa and TensorFlow, which takes 15 s: the door is open before that.
    from bot.content import Content
    from bot.engine import Engine

log = logging.getLogger(__name__)

RETRY_S: Final = 10.0
"""After a failure that may pass: a disk that is full, a file that could not be opened."""

Stamp = tuple[int, int] | None


class DraftRefused(RuntimeError):
    """The draft cannot be used. The message says why and what to do."""


@dataclass(slots=True)
class _Followed:
    """One release: the last edition that could be used, the stamp of the file that was looked at last, and what is wrong
    with that. `retry_at` is set after a failure that may pass, on the monotonic clock."""

    edition: Edition | None = None
    seen: Stamp = None
    message: str | None = None
    retry_at: float | None = None


@dataclass(frozen=True, slots=True)
class _Drafted:
    """A draft's content, made of the file with this stamp for this engine."""

    stamp: Stamp
    engine: Engine
    content: Content


def now_utc() -> str:
    """The time in the form of an article's bounds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Editions:
    """Keeps loaded releases at their editions. An edition that cannot be used is refused and told once; the last good one
    goes on. Belongs to the event loop's thread, but for `first`."""

    def __init__(
        self,
        store: EditionStore,
        *,
        now: Callable[[], str] = now_utc,
        observe: Callable[[float], None] = lambda _seconds: None,
    ) -> None:
        """`observe` is told what each new content took to make, in seconds."""
        self._store = store
        self._now = now
        self._observe = observe
        self._followed: dict[str, _Followed] = {}
        self._making: dict[str, asyncio.Task[None]] = {}
        self._drafts: dict[str, _Drafted] = {}
        self._drafting: dict[str, asyncio.Lock] = {}

    @property
    def refused(self) -> tuple[Refused, ...]:
        """Editions that cannot be used."""
        return tuple(
            Refused(release_id, followed.message)
            for release_id, followed in list(self._followed.items())
            if followed.message is not None
        )

    def first(self, release_id: str) -> tuple[Edition | None, str]:
        """The edition to load a release with, and the time. Reads the file; may be called on another thread.

        An edition that cannot be used is none: without a last good one, what was trained is live.
        """
        followed = _Followed()
        try:
            followed.seen = self._store.stamp(release_id)
            followed.edition = self._store.current(release_id)
        except CorruptEdition as error:
            followed.message = _told(release_id, error)
        except OSError as error:
            followed.message, followed.retry_at = _told(release_id, error), time.monotonic()
        self._followed[release_id] = followed
        return followed.edition, self._now()

    def look(self, engine: Engine) -> asyncio.Task[None] | None:
        """See whether `engine` must answer from something else, and have it made beside the loop. Returns at once: one
        system call."""
        release_id = engine.release_id
        if release_id in self._making:
            return self._making[release_id]
        followed = self._followed.setdefault(release_id, _Followed())
        try:
            stamp = self._store.stamp(release_id)
        except OSError:
            return None  # the folder cannot be looked at just now
        waits = followed.retry_at is not None and time.monotonic() < followed.retry_at
        rests = followed.retry_at is None and not engine.content.is_over(self._now())
        if stamp == followed.seen and (waits or rests):
            return None
        task = asyncio.get_running_loop().create_task(self._follow(engine, followed, stamp))
        self._making[release_id] = task
        task.add_done_callback(lambda _done: self._making.pop(release_id))
        return task

    async def drafted(self, engine: Engine) -> Content:
        """What `engine` would answer from with the draft of its edition; what is live where there is no draft.

        Made beside the loop when the draft has changed, and kept. Raises `DraftRefused`.
        """
        release_id = engine.release_id
        async with self._drafting.setdefault(release_id, asyncio.Lock()):
            stamp = self._store.stamp(release_id, draft=True)
            if stamp is None:
                self._drafts.pop(release_id, None)
                return engine.content
            known = self._drafts.get(release_id)
            if known is not None and known.engine is not engine:
                known = None
            if known is not None and known.stamp == stamp and not known.content.is_over(self._now()):
                return known.content
            beside = engine.content if known is None else known.content
            try:
                draft = await asyncio.to_thread(self._store.draft, release_id)
                content = await asyncio.to_thread(engine.maker.make, draft, self._now(), beside=beside)
            except (CorruptEdition, OSError) as error:
                raise DraftRefused(str(error)) from error
            self._drafts[release_id] = _Drafted(stamp, engine, content)
            return content

    def forget(self, release_id: str) -> None:
        """The release is loaded no longer."""
        for kept in (self._followed, self._drafts, self._drafting):
            kept.pop(release_id, None)

    async def _follow(self, engine: Engine, followed: _Followed, stamp: Stamp) -> None:
        began = time.monotonic()
        edition, message, retry = followed.edition, None, False
        try:
            if stamp != followed.seen or followed.retry_at is not None:
                try:
                    edition = await asyncio.to_thread(self._store.current, engine.release_id)
                except CorruptEdition as error:
                    message = str(error)
            elif followed.message is not None:
                message = followed.message  # an article's time has come while the file is as bad as it was
            at = self._now()
            if edition is not followed.edition or engine.content.is_over(at):
                content = await asyncio.to_thread(engine.maker.make, edition, at, beside=engine.content)
                engine.content = content
                self._observe(time.monotonic() - began)
                log.info("release %s is at revision %d", engine.release_id, content.revision)
        except Exception as error:  # noqa: BLE001 - whatever it is, what was live goes on and the next look comes
            message, retry = str(error) or repr(error), True
            edition = followed.edition
        if message is not None and message != followed.message:
            log.warning("release %s goes on as it is: %s", engine.release_id, message)
        followed.edition, followed.seen, followed.message = edition, stamp, message
        followed.retry_at = time.monotonic() + RETRY_S if retry else None


def _told(release_id: str, error: Exception) -> str:
    log.warning("release %s goes on as it is: %s", release_id, error)
    return str(error)
