"""`baton release list | publish | rollback`, without the command line around them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from handoff.adapters.clock import SystemClock
from handoff.content.errors import ReleaseRefused
from handoff.domain.storage import why_there
from handoff.wire.times import rfc3339
from kb_index.releases import Release, ReleaseError, ReleaseStore

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release as a list shows it. `problem` says why it cannot be published; `created_at` is RFC 3339."""

    id: str
    created_at: str
    live: bool
    content_hash: str | None
    figures: dict[str, Any]
    problem: str | None
    note: str | None = None
    asked_by: str | None = None


async def list_releases(home: Path) -> list[ReleaseLine]:
    """All releases, newest first. A home that is not there is not made by asking."""
    if not (home / "releases").is_dir():
        return []

    def read(store: ReleaseStore) -> list[ReleaseLine]:
        try:
            live = store.current()
        except ReleaseError:
            # The pointer is damaged: nothing is live, and publishing any of these repairs it.
            live = None
        return [_line(release, live) for release in store.list()]

    return await _in_thread(home, read)


async def live_and_previous(home: Path) -> tuple[str | None, str | None]:
    """The release that is live, and the one that a rollback would make live; None where there is none."""
    if not (home / "releases").is_dir():
        return None, None

    def read(store: ReleaseStore) -> tuple[str | None, str | None]:
        try:
            live = store.current()
        except ReleaseError:
            return None, None
        try:
            return live, store.previous()
        except ReleaseError:
            return live, None

    return await _in_thread(home, read)


async def publish_release(home: Path, release_id: str, *, by: str) -> Release:
    """Verify a release and make it live; a running bot follows within a second or two.

    Raises:
        ReleaseRefused: unknown or corrupt; what was live still is.
    """
    return await _in_thread(
        home, lambda store: store.publish(release_id, at=rfc3339(SystemClock().now_ms()), by=by)
    )


async def rollback_release(home: Path, *, by: str, to: str | None = None) -> Release:
    """Make the release live that was so before the current one; with `to` that one, or nothing where it is live already.

    Raises:
        ReleaseRefused: there is none, it is another, or it is corrupt; what was live still is.
    """
    return await _in_thread(
        home, lambda store: store.rollback(at=rfc3339(SystemClock().now_ms()), by=by, to=to)
    )


async def _in_thread(home: Path, work: Callable[[ReleaseStore], Result]) -> Result:
    def run() -> Result:
        try:
            return work(ReleaseStore(home / "releases"))
        except ReleaseError as error:
            raise ReleaseRefused(error.code, str(error)) from error
        except OSError as error:
            raise ReleaseRefused("storage_failed", f"{why_there(error)}.") from error

    return await asyncio.to_thread(run)


def _line(release: Release, live: str | None) -> ReleaseLine:
    figures = release.manifest.get("figures")
    content_hash = release.manifest.get("content_hash")
    return ReleaseLine(
        id=release.id,
        created_at=release.created_at,
        live=release.id == live,
        content_hash=content_hash if isinstance(content_hash, str) else None,
        figures=figures if isinstance(figures, dict) else {},
        problem=release.problem,
        note=_text(release, "note"),
        asked_by=_text(release, "asked_by"),
    )


def _text(release: Release, name: str) -> str | None:
    value = release.manifest.get(name)
    return value if isinstance(value, str) else None
