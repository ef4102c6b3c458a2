"""`baton restore`: a home and its database as a backup has them, or as they were before."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import open_engine, reading
from handoff.settings import Settings
from handoff.upkeep.archive import sync, unpack
from handoff.upkeep.backup import FOLDERS
from handoff.upkeep.databases import (
    POSTGRES_FILE,
    SQLITE_FILE,
    CopyFailedError,
    check_sqlite,
    is_sqlite,
    refuse_unknown,
    restore_postgres,
)
from handoff.upkeep.errors import RestoreRefused
from handoff.upkeep.locks import RESTORING, while_nothing_runs
from handoff.wire.times import rfc3339
from kb_index.releases import ReleaseError, ReleaseStore

BESIDE_SQLITE = ("", "-wal", "-shm")


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored; `before` is the folder that holds what was in the home until now, if anything was."""

    made_at: str
    database: str
    live_release: str | None
    before: Path | None


def restore(settings: Settings, path: Path) -> Restored:
    """Make the home and its database what the backup at `path` holds. What was there is moved aside, not removed.

    Raises:
        RestoreRefused: the backup is damaged or does not fit; nothing was changed.
        HomeBusy: something runs on the home.
        OSError: it cannot be written; nothing was changed.
    """
    url = sa.make_url(settings.database)
    if not path.is_file():
        raise RestoreRefused(f"There is no file {path}.")
    settings.home.mkdir(parents=True, exist_ok=True)
    with (
        while_nothing_runs(settings.home),
        tempfile.TemporaryDirectory(prefix=".restore-", dir=settings.home) as scratch,
    ):
        staging = Path(scratch)
        manifest = unpack(path, staging)
        try:
            _check(manifest, staging, url)
            if not is_sqlite(url):
                asyncio.run(_refuse_filled(url))
            before = _install(settings.home, staging, url)
        except CopyFailedError as failure:
            raise RestoreRefused(str(failure)) from failure
    return Restored(
        str(manifest["made_at"]), manifest["database"]["kind"], manifest.get("live_release"), before
    )


def _check(manifest: dict[str, Any], staging: Path, url: sa.URL) -> None:
    kind = manifest["database"]["kind"]
    wanted = "sqlite" if is_sqlite(url) else "postgresql"
    if kind != wanted:
        raise CopyFailedError(
            f"The backup is of a {kind} database and this home uses {wanted} (BATON_DATABASE_URL)."
        )
    refuse_unknown(manifest["database"].get("schema"))
    if not (staging / (SQLITE_FILE if kind == "sqlite" else POSTGRES_FILE)).is_file():
        raise CopyFailedError("The backup holds no database.")
    if kind == "sqlite":
        refuse_unknown(check_sqlite(staging / SQLITE_FILE)["schema"])
    live = manifest.get("live_release")
    if live is not None:
        try:
            ReleaseStore(staging / "releases").verify(live)
        except ReleaseError as damage:
            raise CopyFailedError(str(damage)) from damage


async def _refuse_filled(url: sa.URL) -> None:
    engine = open_engine(url.render_as_string(hide_password=False))
    try:
        async with reading(engine) as connection:
            tables = await connection.run_sync(lambda sync_: sa.inspect(sync_).get_table_names())
    finally:
        await engine.dispose()
    if tables:
        raise RestoreRefused(
            f"The database {url.database} is not empty. Restore into a new one (createdb) and name that in "
            "BATON_DATABASE_URL."
        )


def _install(home: Path, staging: Path, url: sa.URL) -> Path | None:
    """Move what is there aside and the backup's in; if anything fails, back again."""
    moves = [(staging / name, home / name) for name in ("releases", *FOLDERS, "secrets.json")]
    if is_sqlite(url):
        target = Path(str(url.database))
        target.parent.mkdir(parents=True, exist_ok=True)
        moves += [(staging / SQLITE_FILE, target)]
        # What SQLite keeps beside a database belongs to that one alone.
        moves += [(staging / "none", Path(f"{target}{suffix}")) for suffix in BESIDE_SQLITE[1:]]
    stamp = rfc3339(SystemClock().now_ms()).replace(":", "").replace("-", "").partition(".")[0]
    aside = Path(tempfile.mkdtemp(prefix=f"before-restore-{stamp}-", dir=home))
    with _marked(home, aside), _undone_on_failure() as done:
        for _, place in moves:
            if place.exists():
                _move(place, aside / place.name, done)
        for new, place in moves:
            if new.exists():
                _move(new, place, done)
        for folder in {place.parent for _, place in moves}:
            sync(folder)
        if not is_sqlite(url):
            # Last, for it cannot be taken back: one transaction, all of it or nothing.
            restore_postgres(url, staging / POSTGRES_FILE)
    if not any(aside.iterdir()):
        aside.rmdir()
        return None
    return aside


def _move(source: Path, target: Path, done: list[tuple[Path, Path]]) -> None:
    shutil.move(source, target)
    done.append((source, target))


@contextmanager
def _undone_on_failure() -> Iterator[list[tuple[Path, Path]]]:
    done: list[tuple[Path, Path]] = []
    try:
        yield done
    except BaseException:
        for source, target in reversed(done):
            shutil.move(target, source)
        raise


@contextmanager
def _marked(home: Path, aside: Path) -> Iterator[None]:
    """Nothing starts on this home until it is whole: a process killed in here leaves the mark."""
    mark = home / "run" / RESTORING
    earlier = mark.read_text(encoding="utf-8") if mark.exists() else ""
    mark.write_text(f"{earlier}{aside.name} ", encoding="utf-8")
    sync(mark)
    sync(mark.parent)
    try:
        yield
    except BaseException:
        # Back where it was; an earlier restore that was interrupted still is.
        if earlier:
            mark.write_text(earlier, encoding="utf-8")
        else:
            mark.unlink()
        if not any(aside.iterdir()):
            aside.rmdir()
        raise
    mark.unlink()
    sync(mark.parent)
