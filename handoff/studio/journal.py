"""What is live stands in files, who made it so in the database: a journal keeps the two together through a crash.

What is about to go live is written down first (HOME/run/journal, one file each, locked for as long as its writer lives)
and struck out once the audit log has it. What a relay that was killed has left there is settled by the next start or the
next publication: if it went live it is noted, with what belongs to it; if not, it is as if nobody had asked. What the
database could not take is tried again every few seconds.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

import orjson
import structlog

from handoff.domain.errors import HandoffError, StorageUnavailable
from handoff.domain.storage import why
from handoff.studio.audit import Audit
from kb_index.editions import EditionError, EditionMoved, EditionStore
from kb_index.releases import ReleaseError, ReleaseStore

log = structlog.get_logger(__name__)

LOOK_S: Final = 5.0
"""Between two looks at what the database could not take."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that goes live: what the audit log is to say, and how the files tell that it did.

    It did with revision `revision` of `release_id`'s edition as of `at`, or where `revision` is None, once that release
    itself went live at `at` (RFC 3339) or later. `then` is what belongs to it, for the finisher of its action.
    """

    by: str
    action: str
    subject: str
    release_id: str
    revision: int | None
    at: str
    why: str | None = None
    data: Mapping[str, Any] = field(default_factory=dict)
    then: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Noting:
    """Whether the audit log has it; known once the entry's block has ended."""

    noted: bool = False


Finisher = Callable[[Entry], Awaitable[None]]


class Journal:
    """The entries that are not told yet."""

    def __init__(self, home: Path, audit: Audit, *, settles: bool = True) -> None:
        """`settles` False: one that leaves others' entries to a relay, because it cannot do what belongs to them."""
        self._settles = settles
        self._folder = home / "run" / "journal"
        self._releases = home / "releases"
        self._editions = EditionStore(home / "editions")
        self._audit = audit
        self._finishers: dict[str, Finisher] = {}
        self._looking: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Settle what was left, and look from time to time for what the database could not take."""
        await self.settle()
        self._looking = asyncio.get_running_loop().create_task(self._look(), name="journal")

    async def stop(self) -> None:
        """End looking."""
        if self._looking is not None:
            self._looking.cancel()
            with suppress(asyncio.CancelledError):
                await self._looking

    def finish(self, action: str, finisher: Finisher) -> None:
        """Have `finisher` do what belongs to entries of this action; doing it twice must change nothing."""
        self._finishers[action] = finisher

    @asynccontextmanager
    async def entry(self, entry: Entry) -> AsyncIterator[Noting]:
        """Around what makes it live. Noted at the end; what fails without going live is forgotten.

        Raises `StorageUnavailable` before anything is live, where there is no room for the entry.
        """
        path, handle = await _kept(lambda: self._open(entry))
        noting = Noting()
        try:
            yield noting
            noting.noted = await self._told(entry, path)
        except EditionMoved:
            # Another's revision is there in its place.
            await _struck(path)
            raise
        except Exception:
            if not await asyncio.to_thread(self._is_live, entry):
                await _struck(path)
            raise
        finally:
            # What is still there is settled by whoever comes next.
            os.close(handle)

    async def settle(self) -> None:
        """Tell what was left; what another relay is busy with is its own. Nothing that is wrong with an entry stops anybody."""
        if not self._settles:
            return
        for path in sorted(self._folder.glob("*.json")):
            try:
                handle = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            except OSError as failure:
                log.warning("journal_entry_unreadable", file=path.name, error=failure.strerror)
                continue
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                if not await self._settle(path):
                    return  # the database is away: the others would wait for it one after the other
            except BlockingIOError:
                continue
            except Exception:
                log.exception("journal_entry_not_settled", file=path.name)
            finally:
                os.close(handle)

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_S)
            await self.settle()

    async def _settle(self, path: Path) -> bool:
        """Whether the next one can be tried."""
        try:
            entry = Entry(**orjson.loads(await asyncio.to_thread(path.read_bytes)))
        except (ValueError, TypeError):
            log.warning("journal_entry_unreadable", file=path.name)
            await _struck(path)
            return True
        if not await asyncio.to_thread(self._is_live, entry):
            await _struck(path)
            return True
        told = await self._told(entry, path)
        if told:
            log.info("journal_settled", action=entry.action, subject=entry.subject)
        return told

    async def _told(self, entry: Entry, path: Path) -> bool:
        """Do what belongs to it and note it, once; False where the database is away."""
        try:
            await self._finish(entry)
            if not await self._is_noted(entry):
                await self._audit.note(
                    entry.by, entry.action, entry.subject, why=entry.why, data=dict(entry.data)
                )
        except StorageUnavailable as failure:
            # It is live all the same; the entry stays until the database is there again.
            log.warning("not_noted_yet", action=entry.action, subject=entry.subject, error=failure.code)
            return False
        await _struck(path)
        return True

    async def _finish(self, entry: Entry) -> None:
        finisher = self._finishers.get(entry.action)
        if finisher is None:
            return
        try:
            await finisher(entry)
        except StorageUnavailable:
            raise
        except HandoffError as refusal:
            # What is live is live, and the audit log is to say so.
            log.warning("not_finished", action=entry.action, subject=entry.subject, error=refusal.code)

    async def _is_noted(self, entry: Entry) -> bool:
        told = (entry.by, entry.action, entry.subject[:200], entry.why, dict(entry.data))
        return any(
            (one["by"], one["action"], one["subject"], one["why"], one["data"]) == told
            for one in await self._audit.entries(limit=200)
            if one["at"] >= entry.at
        )

    def _is_live(self, entry: Entry) -> bool:
        try:
            if entry.revision is None:
                store = ReleaseStore(self._releases)
                return store.current() == entry.release_id or any(
                    (line["release"], line.get("by")) == (entry.release_id, entry.by)
                    and str(line.get("at", "")) >= entry.at
                    for line in store.history()
                )
            there = self._editions.current(entry.release_id)
        except (ReleaseError, EditionError, OSError):
            return False
        if there is None or there.revision < entry.revision:
            return False
        # A later one stands on this one.
        return there.revision > entry.revision or (there.at, there.by) == (entry.at, entry.by)

    def _open(self, entry: Entry) -> tuple[Path, int]:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"{secrets.token_hex(8)}.json"
        beside = path.with_suffix(".new")
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            with os.fdopen(os.dup(handle), "wb") as stream:
                stream.write(orjson.dumps(asdict(entry)))
            os.fsync(handle)
            beside.rename(path)
        except BaseException:
            os.close(handle)
            beside.unlink(missing_ok=True)
            raise
        return path, handle


async def _kept(work: Callable[[], tuple[Path, int]]) -> tuple[Path, int]:
    try:
        return await asyncio.to_thread(work)
    except OSError as error:
        raise StorageUnavailable(
            f"This could not be written: {why(error)}. What was live still is."
        ) from error


async def _struck(path: Path) -> None:
    """Remove an entry."""
    await asyncio.to_thread(path.unlink, missing_ok=True)
