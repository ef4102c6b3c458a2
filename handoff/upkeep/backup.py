"""`baton backup`: everything an installation is, in one file, while it runs."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from handoff.adapters.clock import SystemClock
from handoff.adapters.database import open_engine
from handoff.adapters.migrate import revision
from handoff.settings import Settings
from handoff.upkeep.archive import write_archive
from handoff.upkeep.databases import (
    POSTGRES_FILE,
    SQLITE_FILE,
    CopyFailedError,
    copy_sqlite,
    dump_postgres,
    is_sqlite,
)
from handoff.upkeep.errors import BackupRefused
from handoff.wire.times import rfc3339
from kb_index.releases import ReleaseError, ReleaseStore

FOLDERS: Final = ("editions", "reports", "sources")
"""Of a home, beside its releases: what is published into them, what their judge found, how imported files were written."""


@dataclass(frozen=True, slots=True)
class Backup:
    """What was made. Counts are None where only a restore could tell them."""

    path: Path
    bytes: int
    made_at: str
    database: str
    conversations: int | None
    events: int | None
    releases: int
    live_release: str | None


def back_up(settings: Settings, path: Path) -> Backup:
    """Write database, releases with what stands beside them, and secrets to `path`, consistent with each other, while the home is in use.

    Raises:
        BackupRefused: there is nothing to save, something stands at `path`, or the database cannot be copied.
        OSError: it cannot be written.
    """
    url = sa.make_url(settings.database)
    if path.exists():
        raise BackupRefused(f"{path} is there already. Name a file that is not.")
    if not path.absolute().parent.is_dir():
        raise BackupRefused(f"{path.absolute().parent} is not a folder.")
    made_at = rfc3339(SystemClock().now_ms())
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=path.absolute().parent) as scratch:
        staging = Path(scratch)
        files: dict[str, Path] = {}
        try:
            about = _database(url, staging, files)
        except CopyFailedError as failure:
            raise BackupRefused(str(failure)) from failure
        # After the database: every release that its conversations name was complete before it was named.
        live = _releases(settings.home / "releases", staging, files)
        for folder in FOLDERS:
            _copied(settings.home, folder, staging, files)
        secrets = settings.home / "secrets.json"
        if secrets.exists():
            files[secrets.name] = secrets
        write_archive(path, {"made_at": made_at, "database": about, "live_release": live}, files)
    return Backup(
        path=path,
        bytes=path.stat().st_size,
        made_at=made_at,
        database=str(about["kind"]),
        conversations=about.get("conversations"),
        events=about.get("events"),
        releases=sum(name.endswith("/manifest.json") and name.count("/") == 2 for name in files),
        live_release=live,
    )


def _database(url: sa.URL, staging: Path, files: dict[str, Path]) -> dict[str, Any]:
    if is_sqlite(url):
        source = Path(str(url.database))
        if not source.is_file():
            raise CopyFailedError(f"There is no database at {source}, so there is nothing to save.")
        files[SQLITE_FILE] = staging / SQLITE_FILE
        return copy_sqlite(source, files[SQLITE_FILE])
    schema = asyncio.run(_schema(url))
    if schema is None:
        raise CopyFailedError("The database holds nothing of Baton's yet, so there is nothing to save.")
    files[POSTGRES_FILE] = staging / POSTGRES_FILE
    dump_postgres(url, files[POSTGRES_FILE])
    return {"kind": "postgresql", "schema": schema}


async def _schema(url: sa.URL) -> str | None:
    engine = open_engine(url.render_as_string(hide_password=False))
    try:
        return await revision(engine)
    finally:
        await engine.dispose()


def _releases(root: Path, staging: Path, files: dict[str, Path]) -> str | None:
    """Note the files of every whole release, and of which one is live now; returns that one."""
    if not root.is_dir():
        return None
    store = ReleaseStore(root)
    # `current` and its history are read before the list: what they name is in it, for releases are never changed.
    try:
        live = store.current()
    except ReleaseError:
        live = None
    if live is not None:
        (staging / "current").write_text(f"{live}\n", encoding="utf-8")
        files["releases/current"] = staging / "current"
    history = root / "history.jsonl"
    if history.exists():
        shutil.copyfile(history, staging / "history.jsonl")
        files["releases/history.jsonl"] = staging / "history.jsonl"
    for release in store.list():
        if release.problem is None:
            files.update(
                {
                    f"releases/{release.id}/{file.relative_to(release.path)}": file
                    for file in _files(release.path)
                }
            )
    return live


def _copied(home: Path, folder: str, staging: Path, files: dict[str, Path]) -> None:
    """Note the files of a folder, as copies: they may be replaced, or go, while the archive is written."""
    for file in _files(home / folder):
        name = file.relative_to(home)
        if any(part.startswith(".") for part in name.parts):
            continue  # one that is being written, or a lock
        target = staging / name
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            shutil.copyfile(file, target)
        except FileNotFoundError:
            continue
        files[name.as_posix()] = target


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink())
