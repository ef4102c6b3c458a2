"""A backup as one file: a gzipped tar whose first member is a manifest with the size and SHA-256 of all others.

manifest.json  {format, made_at, database: {kind, schema, ...}, live_release, files: {name: {bytes, sha256}}}
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import secrets
import tarfile
import zlib
from collections.abc import Mapping
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Final

from handoff.upkeep.errors import BackupRefused, RestoreRefused

FORMAT: Final = 1
MANIFEST: Final = "manifest.json"
MANIFEST_AT_MOST: Final = 64_000_000
CHUNK: Final = 1 << 20
COMPRESSION: Final = 3
"""Gzip level: models hardly shrink, text does at any level."""


def write_archive(path: Path, about: Mapping[str, Any], files: Mapping[str, Path]) -> dict[str, Any]:
    """Write `files` (name in the archive -> file) to `path`, all of it or nothing; returns the manifest.

    Readable by its owner alone, for it holds the installation's secrets.

    Raises:
        BackupRefused: there is something at `path` already.
        OSError: it cannot be written.
    """
    if path.exists() or path.is_symlink():
        raise BackupRefused(f"{path} is there already. Name a file that is not.")
    entries: dict[str, dict[str, Any]] = {
        name: {"bytes": file.stat().st_size, "sha256": _digest(file)} for name, file in files.items()
    }
    manifest = {"format": FORMAT, **about, "files": entries}
    draft = path.parent / f".{path.name}.{secrets.token_hex(4)}.partial"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            with tarfile.open(fileobj=stream, mode="w:gz", compresslevel=COMPRESSION) as tar:
                text = json.dumps(manifest, indent=1, sort_keys=True).encode()
                _add(tar, MANIFEST, io.BytesIO(text), len(text))
                for name, file in files.items():
                    with file.open("rb") as source:
                        _add(tar, name, source, entries[name]["bytes"])
            stream.flush()
            os.fsync(stream.fileno())
        try:
            # A link fails where something came to stand meanwhile; a rename would replace it.
            os.link(draft, path)
        except FileExistsError:
            raise BackupRefused(f"{path} is there already. Name a file that is not.") from None
        sync(path.parent)
    finally:
        draft.unlink(missing_ok=True)
    return manifest


def unpack(path: Path, into: Path) -> dict[str, Any]:
    """Unpack an archive into an empty folder and return its manifest; every byte was compared with it.

    Raises:
        RestoreRefused: it is no backup, is damaged, or holds anything but what its manifest names.
    """
    try:
        with gzip.open(path) as stream, tarfile.open(fileobj=stream, mode="r:") as tar:
            manifest = _manifest(tar)
            missing = dict(manifest["files"])
            while (member := tar.next()) is not None:
                if member.name not in missing or not member.isreg():
                    raise RestoreRefused(f"{path} holds {member.name!r}, which its manifest does not name.")
                _extract(tar, member, missing.pop(member.name), into / member.name)
            # To its end, where gzip's own checksum of everything stands.
            while stream.read(CHUNK):
                pass
    except (tarfile.TarError, EOFError, zlib.error, OSError) as damage:
        if isinstance(damage, OSError) and damage.errno is not None:
            raise
        raise RestoreRefused(f"{path} is damaged or no backup of Baton.") from damage
    if missing:
        raise RestoreRefused(f"{path} lacks {min(missing)}.")
    return manifest


def sync(path: Path) -> None:
    """Make a file, or the names in a folder, durable."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _manifest(tar: tarfile.TarFile) -> dict[str, Any]:
    first = tar.next()
    if first is None or first.name != MANIFEST or not first.isreg() or first.size > MANIFEST_AT_MOST:
        raise RestoreRefused("This is no backup of Baton: it does not begin with a manifest.")
    stream = tar.extractfile(first)
    assert stream is not None
    try:
        manifest = json.loads(stream.read())
        files = manifest["files"]
        is_sound = all(
            _is_plain(name) and isinstance(entry["bytes"], int) and isinstance(entry["sha256"], str)
            for name, entry in files.items()
        )
        known = manifest["format"] == FORMAT
        has_database = isinstance(manifest["database"]["kind"], str)
    except (ValueError, KeyError, TypeError, AttributeError):
        raise RestoreRefused("The backup's manifest cannot be read.") from None
    if not known:
        raise RestoreRefused("The backup was made by a newer version of Baton. Restore it with that version.")
    if not is_sound or not has_database:
        raise RestoreRefused("The backup's manifest cannot be read.")
    found: dict[str, Any] = manifest
    return found


def _is_plain(name: str) -> bool:
    """Whether a name stays inside the folder it is unpacked into."""
    parts = PurePosixPath(name).parts
    return bool(parts) and not name.startswith("/") and ".." not in parts and "\0" not in name


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, entry: Mapping[str, Any], target: Path) -> None:
    stream = tar.extractfile(member)
    if stream is None or member.size != entry["bytes"]:
        raise RestoreRefused(f"{member.name} of the backup is damaged.")
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with target.open("xb") as out:
        target.chmod(0o600)
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
            out.write(chunk)
        out.flush()
        os.fsync(out.fileno())
    if digest.hexdigest() != entry["sha256"]:
        raise RestoreRefused(f"{member.name} of the backup is damaged.")


def _add(tar: tarfile.TarFile, name: str, source: BinaryIO, size: int) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode = size, 0o600
    tar.addfile(info, source)


def _digest(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
