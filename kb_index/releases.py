"""Releases on disk: what was trained together goes live together, or not at all. Standard library only.

    root/<id>/manifest.json, ...   a release; complete and never changed once its folder has this name
    root/.building-<id>/           one in the making; swept when its maker is gone
    root/current                   one line: the id that is live
    root/history.jsonl             one line for each change of `current`

Every step is durable before the next begins: files, then their folders, then the rename that makes them visible.
A crash at any point leaves the old state or the new one.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from kb_index.release_damage import seen_damage
from kb_index.release_errors import (
    BadReleaseId,
    CorruptRelease,
    NoPreviousRelease,
    ReleaseError,
    ReleaseExists,
    ReleaseMoved,
    UnknownRelease,
)
from kb_index.release_files import digest, lock_folder, one_writer, sync
from kb_index.serving import SERVING_FILE, Serving, serving_text

__all__ = [
    "BadReleaseId",
    "CorruptRelease",
    "NoPreviousRelease",
    "Release",
    "ReleaseError",
    "ReleaseExists",
    "ReleaseMoved",
    "ReleaseStore",
    "UnknownRelease",
    "check_release_id",
]

MANIFEST: Final = "manifest.json"
FORMAT: Final = 1

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
_RESERVED: Final = frozenset(("current", "history.jsonl"))
_BUILDING: Final = ".building-"
_MANIFEST_BYTES: Final = 16 * 1024 * 1024
_OWN_KEYS: Final = frozenset(("format", "id", "files"))


@dataclass(frozen=True, slots=True)
class Release:
    """A committed release. `problem` is set only by `ReleaseStore.list`, for one that is damaged."""

    id: str
    path: Path
    manifest: Mapping[str, Any]
    problem: str | None = None

    @property
    def created_at(self) -> str:
        """RFC 3339, as its maker gave it; empty where the manifest cannot be read."""
        return str(self.manifest.get("created_at", ""))


class ReleaseStore:
    """All releases under one folder, which is made when missing. Safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self._root = root
        root.mkdir(parents=True, exist_ok=True)
        # Open descriptors with a lock on each folder that this store builds: the lock ends with the process,
        # which is how others know what is stale.
        self._held: dict[Path, int] = {}

    def begin(self, release_id: str) -> Path:
        """An empty folder to build `release_id` in. Raises `BadReleaseId`, `ReleaseExists`."""
        check_release_id(release_id)
        building = self._root / f"{_BUILDING}{release_id}"
        with one_writer(self._root):
            if (self._root / release_id).exists() or building.exists():
                raise ReleaseExists(f"The release {release_id} is there already or is being built.")
            building.mkdir()
            self._held[building] = lock_folder(building)
        return building

    def commit(self, building: Path, manifest: Mapping[str, Any]) -> Release:
        """Make the folder from `begin` a release. `manifest` must hold `created_at` (RFC 3339) and may hold more.

        `format`, `id` and `files` (each with sha256 and bytes) are added. Nothing is live yet. Raises
        `ReleaseError` for a folder that `begin` did not give, or for anything in it but files and folders.
        """
        if building.parent != self._root or not building.name.startswith(_BUILDING) or not building.is_dir():
            raise ReleaseError(f"{building.name} is not a folder that this store is building in.")
        release_id = check_release_id(building.name.removeprefix(_BUILDING))
        taken = sorted(_OWN_KEYS & manifest.keys())
        if taken or not isinstance(manifest.get("created_at"), str):
            raise ReleaseError(
                f"A manifest needs created_at, and leaves format, id and files to the store: {taken}."
            )
        files = {
            name: {"sha256": digest(building / name), "bytes": (building / name).stat().st_size}
            for name in _names(building)
            if name != MANIFEST
        }
        return self._made(building, {"format": FORMAT, "id": release_id, **manifest, "files": files}, files)

    def derive(self, release_id: str, new_id: str, serving: Mapping[str, Any], *, at: str) -> Release:
        """A release that answers as `release_id` does but with other values (`kb_index.serving`). Nothing is live yet.

        What was trained is shared on disk (hard links; a release never changes), so this takes some milliseconds
        whatever its size. The manifest is that of `release_id` with `created_at` = `at` (RFC 3339), `derived_from` and
        `serving`. Raises as `get` and `begin` do, and `ServingError`.
        """
        source = self.get(release_id)
        values = Serving.from_dict(serving)
        text = serving_text(values)
        building = self.begin(new_id)
        try:
            written = [SERVING_FILE]
            files: dict[str, Any] = {}
            for name, entry in source.manifest["files"].items():
                if name != SERVING_FILE:
                    files[name] = entry
                    written += _shared(release_id, source.path, building, name)
            (building / SERVING_FILE).write_text(text, encoding="utf-8")
            data = text.encode()
            files[SERVING_FILE] = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
            told = {"created_at": at, "derived_from": release_id, "serving": values.as_dict()}
            manifest = {**source.manifest, **told, "id": new_id, "files": dict(sorted(files.items()))}
            return self._made(building, manifest, written)
        except BaseException:
            self.discard(building)
            raise

    def _made(self, building: Path, whole: Mapping[str, Any], written: Iterable[str]) -> Release:
        """Write the manifest, make all durable that was `written`, and give the folder its name."""
        release_id = str(whole["id"])
        text = json.dumps(whole, ensure_ascii=False, indent=2, sort_keys=True, allow_nan=False) + "\n"
        (building / MANIFEST).write_text(text, encoding="utf-8")
        for name in (*written, MANIFEST):
            sync(building / name)
        for folder in sorted(path for path in building.rglob("*") if path.is_dir()):
            sync(folder)
        sync(building)
        target = self._root / release_id
        with one_writer(self._root):
            if target.exists():
                raise ReleaseExists(f"The release {release_id} is there already.")
            os.replace(building, target)  # noqa: PTH105 - the one name for the step that makes it visible
            sync(self._root)
        self._let_go(building)
        return Release(release_id, target, whole)

    def discard(self, building: Path) -> None:
        """Remove a folder from `begin` whose release will not be. Missing is fine."""
        if building.parent != self._root or not building.name.startswith(_BUILDING):
            raise ReleaseError(f"{building.name} is not a folder that this store is building in.")
        if building.exists():
            shutil.rmtree(building)
        self._let_go(building)

    def discard_stale_buildings(self) -> list[str]:
        """Remove what makers that are gone left behind, and say which release ids that were."""
        swept = []
        with one_writer(self._root):
            for building in sorted(self._root.glob(f"{_BUILDING}*")):
                try:
                    handle = lock_folder(building)
                except BlockingIOError:
                    continue  # its maker lives
                try:
                    shutil.rmtree(building)
                finally:
                    os.close(handle)
                swept.append(building.name.removeprefix(_BUILDING))
            for left in self._root.glob(".current-*"):
                left.unlink()
        return swept

    def get(self, release_id: str) -> Release:
        """One release, its files unchecked. Raises `BadReleaseId`, `UnknownRelease`, `CorruptRelease`."""
        path = self._root / check_release_id(release_id)
        if not path.is_dir():
            raise UnknownRelease(f"There is no release {release_id}; `baton release list` shows them.")
        return Release(release_id, path, _read_manifest(path))

    def verify(self, release_id: str) -> Release:
        """`get`, and every file compared with its sha256. Raises `CorruptRelease` with the first that differs."""
        release = self.get(release_id)
        expected: Mapping[str, Mapping[str, Any]] = release.manifest["files"]
        for name, entry in expected.items():
            file = release.path / name
            if file.is_symlink() or not file.is_file():
                raise CorruptRelease(
                    release_id, name, "is missing" if not os.path.lexists(file) else "is no file"
                )
            if digest(file) != entry["sha256"]:
                raise CorruptRelease(release_id, name, "has changed since the release was made")
        for name in _names(release.path):
            if name != MANIFEST and name not in expected:
                raise CorruptRelease(release_id, name, "does not belong to it")
        return release

    def current(self) -> str | None:
        """The id that is live, or None. Cheap enough for each request. Raises `CorruptRelease`."""
        try:
            text = (self._root / "current").read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise CorruptRelease("?", "current", f"cannot be read ({error.strerror})") from error
        release_id = text.removesuffix("\n")
        if _ID.fullmatch(release_id) is None or release_id in _RESERVED:
            raise CorruptRelease("?", "current", "holds no release id")
        return release_id

    def publish(self, release_id: str, *, at: str, by: str) -> Release:
        """Verify a release and make it live. `at` is RFC 3339, `by` names the person or command.

        The release that is live already stays so and no history is written. Raises as `verify` does.
        """
        return self._publish("publish", lambda: release_id, at, by)

    def rollback(self, *, at: str, by: str, to: str | None = None) -> Release:
        """Make the release live that was so before the current one.

        With `to`, that very one: where it is live already nothing happens, so that two who go back at once are of one mind.

        Raises:
            NoPreviousRelease: nothing was live before.
            ReleaseMoved: it is not `to` that was live before.
        As `verify` does, too.
        """
        return self._publish("rollback", lambda: self._before(to), at, by)

    def _before(self, to: str | None) -> str:
        if to is not None and self.current() == to:
            return to
        before = self.previous()
        if to is not None and before != to:
            raise ReleaseMoved(
                f"{before} was live before, and not {to}: something else has gone live. Look again."
            )
        return before

    def previous(self) -> str:
        """The id that `rollback` would make live. Raises `NoPreviousRelease`, `CorruptRelease`."""
        live = self.current()
        entries = self.history()
        if live is None or not entries:
            raise NoPreviousRelease("Nothing was live before.")
        last = entries[-1]
        # A crash after `current` moved and before its line was written: the last line names the one before.
        before = last["previous"] if last["release"] == live else last["release"]
        if before is None:
            raise NoPreviousRelease(f"{live} is the first release that went live; there is none before it.")
        return str(before)

    def history(self) -> list[dict[str, Any]]:
        """Every change, oldest first: `{action, release, previous, at, by}`. A line cut off by a crash is left out."""
        try:
            data = (self._root / "history.jsonl").read_bytes()
        except FileNotFoundError:
            return []
        except OSError as error:
            raise CorruptRelease("?", "history.jsonl", f"cannot be read ({error.strerror})") from error
        entries = []
        for line in data.split(b"\n"):
            try:
                entry = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(entry, dict) and {"release", "previous"} <= entry.keys():
                entries.append(entry)
        return entries

    def list(self) -> list[Release]:
        """All releases, newest first; one that is damaged, as far as a glance at its files tells, has a `problem`."""
        found = []
        for path in self._root.iterdir():
            if not path.is_dir() or _ID.fullmatch(path.name) is None or path.name in _RESERVED:
                continue
            try:
                manifest = _read_manifest(path)
                damage = seen_damage(path, MANIFEST, manifest["files"])
                found.append(Release(path.name, path, manifest, " ".join(damage) if damage else None))
            except CorruptRelease as error:
                found.append(Release(path.name, path, {}, f"{error.file} {error.problem}"))
        return sorted(found, key=lambda release: (release.created_at, release.id), reverse=True)

    def _publish(self, action: str, chosen: Callable[[], str], at: str, by: str) -> Release:
        with one_writer(self._root):
            release_id = chosen()
            release = self.verify(release_id)
            try:
                live = self.current()
            except CorruptRelease:
                live = None  # a damaged pointer is repaired by writing a new one
            entries = self.history()
            recorded = entries[-1]["release"] if entries else None
            if live != release_id:
                self._write_current(release_id)
            if live != release_id or recorded != release_id:
                previous = live if live != release_id else recorded
                entry = {"action": action, "release": release_id, "previous": previous, "at": at, "by": by}
                self._append_history(entry)
        return release

    def _write_current(self, release_id: str) -> None:
        beside = self._root / f".current-{os.getpid()}"
        beside.write_text(release_id + "\n", encoding="utf-8")
        sync(beside)
        os.replace(beside, self._root / "current")  # noqa: PTH105 - tests stop the process here
        sync(self._root)

    def _append_history(self, entry: Mapping[str, Any]) -> None:
        path = self._root / "history.jsonl"
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        with path.open("a+b") as stream:
            if stream.tell() > 0:
                stream.seek(-1, os.SEEK_END)
                if stream.read(1) != b"\n":
                    line = b"\n" + line
            stream.write(line)
            stream.flush()
            os.fsync(stream.fileno())
        sync(self._root)

    def _let_go(self, building: Path) -> None:
        handle = self._held.pop(building, None)
        if handle is not None:
            os.close(handle)


def check_release_id(release_id: str) -> str:
    """`release_id` if it may name a release. Raises `BadReleaseId`."""
    if _ID.fullmatch(release_id) is None or release_id in _RESERVED:
        raise BadReleaseId(
            f"{release_id[:50]!r} is not a release id: letters, digits, '.', '_' and '-', at most 100."
        )
    return release_id


def _read_manifest(path: Path) -> dict[str, Any]:
    """The manifest in a release's folder, its shape checked. Raises `CorruptRelease`."""
    try:
        with (path / MANIFEST).open("rb") as stream:
            data = stream.read(_MANIFEST_BYTES + 1)
        if len(data) > _MANIFEST_BYTES:
            raise CorruptRelease(path.name, MANIFEST, f"has more than {_MANIFEST_BYTES:,} bytes")
        manifest = json.loads(data)
        # What cannot be written as JSON again (NaN, 1e999, half a character) is refused here: whoever shows it would fail.
        json.dumps(manifest, ensure_ascii=False, allow_nan=False).encode()
    except FileNotFoundError:
        raise CorruptRelease(path.name, MANIFEST, "is missing") from None
    except OSError as error:
        raise CorruptRelease(path.name, MANIFEST, f"cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError):
        raise CorruptRelease(path.name, MANIFEST, "is not valid JSON") from None
    if not isinstance(manifest, dict) or not isinstance(manifest.get("files"), dict):
        raise CorruptRelease(path.name, MANIFEST, "lists no files")
    if manifest.get("format") != FORMAT:
        raise CorruptRelease(path.name, MANIFEST, f"has the format {manifest.get('format')!r}, not {FORMAT}")
    if manifest.get("id") != path.name:
        raise CorruptRelease(path.name, MANIFEST, f"names another release, {manifest.get('id')!r}")
    for name, entry in manifest["files"].items():
        parts = PurePosixPath(name).parts
        if not parts or name.startswith("/") or ".." in parts or not isinstance(entry, dict):
            raise CorruptRelease(path.name, MANIFEST, f"lists the file {name[:50]!r}, which cannot be")
        if not isinstance(entry.get("sha256"), str) or not isinstance(entry.get("bytes", 0), int):
            raise CorruptRelease(path.name, MANIFEST, f"has no sha256 and size of {name[:50]!r}")
    return manifest


def _names(folder: Path) -> list[str]:
    """Every file under `folder`, relative, sorted. Raises `ReleaseError` for links, sockets and the like."""
    names = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            raise ReleaseError(f"{name} is neither a file nor a folder; a release holds nothing else.")
        if path.is_file():
            names.append(name)
    return names


def _shared(release_id: str, source: Path, target: Path, name: str) -> list[str]:
    """Put the release's file under `target` too; its name where it had to be copied, and is to be made durable."""
    (target / name).parent.mkdir(parents=True, exist_ok=True)
    try:
        (target / name).hardlink_to(source / name)
    except FileNotFoundError:
        raise CorruptRelease(release_id, name, "is missing") from None
    except OSError:  # a file system without links, or one that has as many of this file as it can have
        shutil.copyfile(source / name, target / name)
        return [name]
    return []
