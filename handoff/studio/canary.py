"""A release on trial: which conversations it answers, and how the trial ends.

Each relay looks at the one row every second and decides from memory in between. A trial never costs a customer an answer:
a turn that the candidate does not answer is asked of the live release at once, and a candidate that fails ends the trial.
"""

from __future__ import annotations

import asyncio
import hashlib
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from handoff.domain.errors import BotUnavailable, HandoffError, StorageUnavailable
from handoff.ports import BotNotReadyError, BotReleaseRefusedError, Workbench
from handoff.studio.audit import Audit
from handoff.studio.canary_store import Canary, CanaryStore, Note, Outcome
from handoff.studio.errors import CanaryRefused, NoCanary, NothingLive
from handoff.studio.live import LiveContent
from handoff.studio.releases import Releases
from handoff.wire.times import rfc3339
from kb_index.editions import EditionMoved, EditionStore
from kb_index.releases import CorruptRelease, ReleaseStore

LOOK_S: Final = 1.0
FAILURES_AT_MOST: Final = 3
"""Turns that a candidate may leave unanswered, on one relay, before its trial ends. One that bots refuse ends at once."""
LEAST, MOST = 0.01, 0.5
BY: Final = "Baton"
"""Who ends a trial that no person ended."""
log = structlog.get_logger(__name__)


class Canaries:
    """`ReleaseTrial` by the row in the database, and what editors do with it."""

    def __init__(
        self,
        *,
        store: CanaryStore,
        bench: Workbench,
        releases: Releases,
        live: LiveContent,
        audit: Audit,
        home: Path,
    ) -> None:
        self._store = store
        self._bench = bench
        self._releases = releases
        self._live = live
        self._audit = audit
        self._root = home / "releases"
        self._editions = EditionStore(home / "editions")
        self._canary: Canary | None = None
        self._is_loaded = False
        self._carried: object = None
        self._failures = 0
        self._tasks: list[asyncio.Task[None]] = []
        self._ending: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin to look."""
        self._tasks = [
            asyncio.create_task(_forever(self.look), name="canary-look"),
            asyncio.create_task(_forever(self._have_loaded), name="canary-load"),
        ]

    async def stop(self) -> None:
        """Stop looking. The trial goes on: it is a row."""
        for task in (*self._tasks, *self._ending):
            task.cancel()
        await asyncio.gather(*self._tasks, *self._ending, return_exceptions=True)

    # --- the port of the reactor ------------------------------------------------------------------------------

    @property
    def is_on(self) -> bool:
        """See `ReleaseTrial.is_on`."""
        return self._canary is not None and self._is_loaded

    def release_for(self, conversation_id: str, created_at: int) -> str | None:
        """See `ReleaseTrial.release_for`."""
        canary = self._canary
        if canary is None or not self._is_loaded or created_at < canary.started_at:
            return None
        return canary.release_id if drawn(canary.salt, conversation_id) < canary.share else None

    def went_wrong(self, release_id: str, *, refused: bool) -> None:
        """See `ReleaseTrial.went_wrong`."""
        canary = self._canary
        if canary is None or canary.release_id != release_id:
            return
        self._failures += 1
        log.warning("canary_went_wrong", release=release_id, refused=refused, failures=self._failures)
        if refused or self._failures >= FAILURES_AT_MOST:
            self._canary = None
            why = (
                "A bot cannot use the release." if refused else f"It left {self._failures} turns unanswered."
            )
            task = asyncio.create_task(self._end_failed(canary, why), name="canary-end")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    # --- what editors do --------------------------------------------------------------------------------------

    async def begin(self, release_id: str, share: float, by: str) -> dict[str, Any]:
        """Put a release on trial and return it as it is shown.

        Raises:
            CanaryRefused: it is live already, a bot cannot load it, or another is on trial.
            NothingLive: there is nothing to try it against.
            BotUnavailable: no bot is there to load it.
            ReleaseRefused: there is no such release, or it is corrupt.
        """
        release = await self._releases.checked(release_id)
        against = await asyncio.to_thread(self._current)
        if against is None:
            raise NothingLive("Nothing is live that this could be tried against. Publish it.")
        if against == release.id:
            raise CanaryRefused(f"{release.id} is live: it answers every conversation.")
        other = await self._store.running()
        if other is not None:
            raise CanaryRefused(f"{other.release_id} is on trial now. Stop that first.")
        # What was published since the training began is not to be missed by the customers it is tried on.
        await self._carry(release.id, by)
        await self._load_everywhere(release.id)

        async def noted(connection: AsyncConnection, begun: Canary) -> None:
            told = {"share": share, "against": against, "canary": begun.id}
            await self._audit.note_in(connection, by, "began_canary", release.id, data=told)

        canary = await self._store.begin(release.id, against, share, by, noted)
        self._take(canary)
        self._is_loaded = True
        return await self.shown(canary)

    async def promote(self, by: str, why: str | None) -> str:
        """Make the release on trial live for all; returns its id. Raises `NoCanary`, `ReleaseRefused`."""
        canary = await self._must_run()
        await self._releases.publish(canary.release_id, by=by, why=why, action="promoted_canary")
        await self._ended(canary, "promoted", by)
        return canary.release_id

    async def end(self, by: str, why: str | None) -> str:
        """End the trial; all go to the live release. Returns the release that was tried. Raises `NoCanary`."""
        canary = await self._must_run()
        await self._ended(canary, "stopped", by, await self._noted(by, "stopped_canary", canary, why))
        return canary.release_id

    async def went_live(self, by: str) -> None:
        """A release went live: a trial, if there is one, has nothing to compare with any more."""
        canary = await self._store.running()
        if canary is not None:
            await self._unless_over(canary, by)

    async def running(self) -> Canary | None:
        """The trial that runs."""
        return await self._store.running()

    async def was_tried(self, release_id: str) -> bool:
        """Whether some customers have had it, or have it now."""
        return await self._store.has_been(release_id)

    async def current(self) -> dict[str, Any] | None:
        """The trial that runs, as it is shown."""
        canary = await self._store.running()
        return None if canary is None else await self.shown(canary)

    async def shown(self, canary: Canary) -> dict[str, Any]:
        """A trial with its figures."""
        return {
            "id": canary.id,
            "release_id": canary.release_id,
            "against": canary.against,
            "share": canary.share,
            "since": rfc3339(canary.started_at),
            "by": canary.started_by,
            "figures": await self._store.figures(canary),
        }

    # --- looking ----------------------------------------------------------------------------------------------

    async def look(self) -> None:
        """See what is on trial now; end it where something else went live without us (a command, another relay)."""
        try:
            canary = await self._store.running()
            if canary is not None:
                canary = await self._unless_over(canary, BY)
        except HandoffError as failure:
            # What was known goes on: a trial is not ended by a database that is away.
            log.warning("canary_unreadable", error=failure.code)
            return
        self._take(canary)
        if canary is not None:
            await self._keep_up(canary)

    async def _unless_over(self, canary: Canary, by: str) -> Canary | None:
        live = await asyncio.to_thread(self._current)
        if live is None or live == canary.against:
            return canary
        # A release that went live while it was on trial was promoted, by whatever way.
        outcome: Outcome = "promoted" if live == canary.release_id else "superseded"

        async def noted(connection: AsyncConnection, ended: Canary) -> None:
            await self._audit.note_in(
                connection, by, "canary_superseded", ended.release_id, data={"live": live}
            )

        await self._ended(canary, outcome, by, noted if outcome == "superseded" else None)
        return None

    def _take(self, canary: Canary | None) -> None:
        if _is_same(canary, self._canary):
            return
        self._canary = canary
        self._failures = 0
        self._is_loaded = False
        self._carried = None

    async def _keep_up(self, canary: Canary) -> None:
        """What is published meanwhile goes live for both."""
        stamp = await asyncio.to_thread(self._editions.stamp, canary.against)
        if stamp == self._carried:
            return
        with suppress(HandoffError):
            await self._carry(canary.release_id, BY)
            self._carried = stamp

    async def _carry(self, release_id: str, by: str) -> None:
        with suppress(EditionMoved):
            # Another relay was first, with the same.
            await self._live.carry_over(release_id, by=by)

    async def _have_loaded(self) -> None:
        """Bots that were started since have it loaded before they are asked for it: loading takes longer than a turn may."""
        canary = self._canary
        if canary is None:
            return
        try:
            await self._load_everywhere(canary.release_id)
        except CanaryRefused as refused:
            await self._end_failed(canary, refused.message)
        except BotUnavailable:
            self._is_loaded = False
        else:
            self._is_loaded = self._is_loaded or _is_same(canary, self._canary)

    async def _load_everywhere(self, release_id: str) -> None:
        """Have every bot that is there load a release. Raises `CanaryRefused`, `BotUnavailable` where none is."""
        try:
            if not await self._bench.has_loaded(release_id):
                self._is_loaded = False
                await self._bench.load(release_id)
        except BotNotReadyError as failure:
            raise BotUnavailable("No bot is ready to load the release. Try again in a moment.") from failure
        except BotReleaseRefusedError as refused:
            raise CanaryRefused(f"The bot cannot use {release_id}: {refused}") from refused

    # --- ending -----------------------------------------------------------------------------------------------

    async def _must_run(self) -> Canary:
        canary = await self._store.running()
        if canary is None:
            raise NoCanary("No release is on trial.")
        return canary

    async def _noted(self, by: str, action: str, canary: Canary, why: str | None) -> Note:
        """What the audit log is to say at the end of a trial, with what it came to."""
        figures = await self._store.figures(canary)

        async def note(connection: AsyncConnection, ended: Canary) -> None:
            await self._audit.note_in(connection, by, action, ended.release_id, why=why, data=figures)

        return note

    async def _ended(self, canary: Canary, outcome: Outcome, by: str, note: Note | None = None) -> bool:
        ended = await self._store.end(canary, outcome, by, note)
        if _is_same(canary, self._canary):
            self._take(None)
        return ended

    async def _end_failed(self, canary: Canary, why: str) -> None:
        try:
            await self._ended(canary, "failed", BY, await self._noted(BY, "canary_failed", canary, why[:500]))
        except StorageUnavailable as failure:
            # The next failure, on this relay or another, ends it.
            log.warning("canary_not_ended", release=canary.release_id, error=failure.code)

    def _current(self) -> str | None:
        if not self._root.is_dir():
            return None
        try:
            return ReleaseStore(self._root).current()
        except CorruptRelease:
            return None


def _is_same(one: Canary | None, other: Canary | None) -> bool:
    return (one.id if one else None) == (other.id if other else None)


def drawn(salt: str, conversation_id: str) -> float:
    """Where a conversation falls between 0 and 1: the same on every relay, and evenly spread."""
    digest = hashlib.sha256(f"{salt}:{conversation_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64


async def _forever(step: Any) -> None:
    while True:
        try:
            await step()
        except Exception:
            # Whatever it was, nobody would look any more if it ended this task.
            log.exception("canary_look_failed")
        await asyncio.sleep(LOOK_S)
