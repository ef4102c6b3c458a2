"""Publishing and going back, with who did it and why. The files are the truth; the audit log tells of them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import structlog

from handoff.adapters.clock import SystemClock
from handoff.content.errors import ReleaseRefused
from handoff.content.releases import list_releases, live_and_previous, publish_release, rollback_release
from handoff.domain.storage import why_there
from handoff.ports import BotNotReadyError, BotReleaseRefusedError, Workbench
from handoff.studio.journal import Entry, Journal
from handoff.studio.live import LiveContent
from handoff.studio.reports import Reports
from handoff.wire.times import rfc3339
from kb_index.editions import EditionMoved
from kb_index.releases import Release, ReleaseError, ReleaseStore
from kb_index.serving import Serving, ServingError, read_serving

WHY_AT_MOST: Final = 500
PUBLISH_WAIT_S: Final = 20.0
"""How long a publication waits for bots to load the release: a tuned one with 10,000 variants takes some seconds."""
ROLL_BACK_WAIT_S: Final = 1.2
"""The same for going back, which must not take 2 s. Bots keep what was live before in memory."""
log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Moved:
    """What is live now, and what was so before; `noted` says whether the audit log has it."""

    release_id: str
    before: str | None
    noted: bool


class Releases:
    """The releases of a home."""

    def __init__(
        self, home: Path, live: LiveContent, journal: Journal, bench: Workbench | None = None
    ) -> None:
        """Without `bench` (a command beside running bots) bots load a release once it is live, and the one before answers
        meanwhile."""
        self._home = home
        self._live = live
        self._journal = journal
        self._bench = bench
        self.reports = Reports(home)

    async def all(self, on_trial: str | None) -> list[dict[str, Any]]:
        """Every release, newest first, as it is shown; `on_trial` is the one that a canary tries."""
        lines = await list_releases(self._home)
        _, previous = await live_and_previous(self._home)
        judged = await asyncio.to_thread(self.reports.known)
        return [
            {
                "id": line.id,
                "created_at": line.created_at,
                "live": line.live,
                "canary": line.id == on_trial,
                "previous": line.id == previous,
                "figures": line.figures,
                "problem": line.problem,
                "note": line.note,
                "asked_by": line.asked_by,
                "has_report": line.id in judged,
            }
            for line in lines
        ]

    async def checked(self, release_id: str) -> Release:
        """A release whose files are what they were when it was made. Raises `ReleaseRefused`."""
        return await asyncio.to_thread(self._checked, release_id, whole=True)

    async def known(self, release_id: str) -> Release:
        """A release, its files unchecked. Raises `ReleaseRefused`."""
        return await asyncio.to_thread(self._checked, release_id, whole=False)

    async def derived(self, release_id: str, changes: Mapping[str, Any], *, at_ms: int) -> Release:
        """A release that answers as this one does but with other values (`risk`, `frustration`). Nothing is live yet.

        Raises:
            ReleaseRefused: it cannot be read, or does not know what that risk asks for (it was trained before that was kept).
        """
        return await asyncio.to_thread(self._derived, release_id, changes, at_ms)

    async def publish(
        self, release_id: str, *, by: str, why: str | None, action: str = "published_release"
    ) -> Moved:
        """Make a release live. Bots have it loaded before, so that the next turn is answered by it and none waits.

        Articles that were published while it was trained stay as they are live.

        Raises:
            ReleaseRefused: unknown or corrupt, or a bot cannot use it; what was live still is.
            StorageUnavailable: what is live cannot be carried over; it still is.
        """
        await self.checked(release_id)
        before, _ = await live_and_previous(self._home)
        if before != release_id:
            try:
                await self._live.carry_over(release_id, by=by)
            except EditionMoved:
                # Another publication of the same release came first.
                await self._live.carry_over(release_id, by=by)
            await self._have_loaded(release_id, PUBLISH_WAIT_S)
        entry = _entry(release_id, before, by, why, action)
        return await self._move(lambda: publish_release(self._home, release_id, by=by), entry)

    async def never_live(self, release_id: str) -> bool:
        """Whether it is there, and customers have never had it."""

        def look() -> bool:
            store = ReleaseStore(self._home / "releases")
            try:
                store.get(release_id)
                return all(release_id not in (line["release"], line["previous"]) for line in store.history())
            except ReleaseError:
                return False

        return await asyncio.to_thread(look)

    async def curve(self) -> list[Any] | None:
        """What each risk would bring, as the live release found it; None where it did not."""
        live, _ = await live_and_previous(self._home)
        try:
            figures = {} if live is None else (await self.known(live)).manifest.get("figures")
        except ReleaseRefused:
            return None
        knowledge = figures.get("knowledge") if isinstance(figures, dict) else None
        curve = knowledge.get("curve") if isinstance(knowledge, dict) else None
        return curve if isinstance(curve, list) else None

    async def values(self) -> dict[str, float | None]:
        """`risk` and `frustration` that the live release serves with; None for one that is not known."""
        live, _ = await live_and_previous(self._home)
        try:
            release = None if live is None else await self.known(live)
            served = Serving() if release is None else await asyncio.to_thread(read_serving, release.path)
        except (ReleaseRefused, ServingError):
            release, served = None, Serving()
        figures = {} if release is None else release.manifest.get("figures")
        trained = figures.get("risk") if isinstance(figures, dict) and served.threshold is None else None
        return {
            "risk": trained if served.risk is None else served.risk,
            "frustration": served.frustration_threshold,
        }

    async def chosen_values(self, release_id: str) -> dict[str, Any]:
        """`risk`, `frustration` and `voice` as somebody chose them for a release that was derived from another for that;
        what both have alike is nobody's choice. Raises `ReleaseRefused`."""
        manifest = (await self.known(release_id)).manifest
        if not manifest.get("derived_from"):
            return {}
        served = manifest.get("serving") or {}
        try:
            source = (await self.known(str(manifest["derived_from"]))).manifest.get("serving") or {}
        except ReleaseRefused:
            source = {}
        names = {"risk": "risk", "frustration": "frustration_threshold", "voice": "voice"}
        return {
            name: served[field]
            for name, field in names.items()
            if served.get(field) is not None and served[field] != source.get(field)
        }

    async def roll_back(self, *, by: str, why: str | None, to: str | None = None) -> Moved:
        """Make live what was so before, its texts included; `to` is the one that is meant, live already or not.

        Raises:
            ReleaseRefused: there is none, it is another, or it is corrupt, or a bot cannot use it; what was live still is.
        """
        before, previous = await live_and_previous(self._home)
        target = to or previous
        if target is not None:
            await self._have_loaded(target, ROLL_BACK_WAIT_S)
        entry = None if target is None else _entry(target, before, by, why, "rolled_back_to")
        return await self._move(lambda: rollback_release(self._home, by=by, to=target), entry)

    async def _have_loaded(self, release_id: str, limit_s: float) -> None:
        """Bots that are away or slow do not hold up a publication: they follow by themselves."""
        if self._bench is None:
            return
        try:
            async with asyncio.timeout(limit_s):
                if not await self._bench.has_loaded(release_id):
                    await self._bench.load(release_id)
        except BotReleaseRefusedError as refused:
            raise ReleaseRefused(
                "release_refused", f"The bot cannot use {release_id}: {refused}"
            ) from refused
        except (BotNotReadyError, TimeoutError) as failure:
            log.info("release_not_loaded_before", release=release_id, why=repr(failure))

    async def _move(self, work: Callable[[], Awaitable[Release]], entry: Entry | None) -> Moved:
        """Have `work` make live what `entry` says, and the audit log say so. None: there is nothing, as `work` tells."""
        if entry is None or entry.release_id == entry.data["before"]:
            done = await work()
            return Moved(done.id, done.id, noted=True)
        await self._journal.settle()
        # Where the database is away it is live all the same, and noted later.
        async with self._journal.entry(entry) as noting:
            done = await work()
        return Moved(done.id, entry.data["before"], noted=noting.noted)

    def _derived(self, release_id: str, changes: Mapping[str, Any], at_ms: int) -> Release:
        store = ReleaseStore(self._home / "releases")
        source = self._checked(release_id, whole=False)
        knowledge = (source.manifest.get("figures") or {}).get("knowledge") or {}
        if "risk" in changes and not knowledge.get("curve"):
            raise ReleaseRefused(
                "risk_unknown", "The live release does not know what another risk asks for. Train once more."
            )
        try:
            serving = read_serving(source.path).as_dict()
            if "risk" in changes:
                serving |= {"risk": changes["risk"], "threshold": None}
            if "frustration" in changes:
                serving["frustration_threshold"] = changes["frustration"]
            if "voice" in changes:
                serving["voice"] = changes["voice"]
            new_id = f"r{datetime.fromtimestamp(at_ms / 1000, UTC):%Y%m%d-%H%M%S}-v{secrets.token_hex(2)}"
            return store.derive(release_id, new_id, serving, at=rfc3339(at_ms))
        except (ReleaseError, ServingError) as error:
            raise ReleaseRefused(error.code, str(error)) from error
        except OSError as error:
            raise ReleaseRefused("storage_failed", f"{why_there(error)}.") from error

    def _checked(self, release_id: str, *, whole: bool) -> Release:
        if not (self._home / "releases").is_dir():
            raise ReleaseRefused("unknown_release", "There are no releases yet. Train one.")
        store = ReleaseStore(self._home / "releases")
        try:
            return store.verify(release_id) if whole else store.get(release_id)
        except ReleaseError as error:
            raise ReleaseRefused(error.code, str(error)) from error
        except OSError as error:
            raise ReleaseRefused("storage_failed", f"{why_there(error)}.") from error


def _entry(release_id: str, before: str | None, by: str, why: str | None, action: str) -> Entry:
    """What the audit log is to say once a release is live."""
    return Entry(
        by=by,
        action=action,
        subject=release_id,
        release_id=release_id,
        revision=None,
        at=rfc3339(SystemClock().now_ms()),
        why=None if why is None else why.replace("\0", "")[:WHY_AT_MOST],
        data={"before": before},
    )
