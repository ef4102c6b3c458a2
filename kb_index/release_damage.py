"""What is wrong with a release's files, by a glance that a list can afford. Standard library only."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from kb_index.release_files import digest


def seen_damage(
    folder: Path, manifest: str, files: Mapping[str, Mapping[str, Any]]
) -> tuple[str, str] | None:
    """The first file that is damaged as far as its size and time tell, and what is wrong with it; None: none is.

    A file written after the manifest is read: that it still has its content is known until it is written again. Others are
    read by `ReleaseStore.verify` alone, before a release is used.
    """
    try:
        made = (folder / manifest).stat().st_mtime_ns
        for name, entry in files.items():
            file = folder / name
            try:
                found = file.lstat()
            except (FileNotFoundError, NotADirectoryError):
                return name, "is missing"
            if not stat.S_ISREG(found.st_mode):
                return name, "is no file"
            if isinstance(entry.get("bytes"), int) and found.st_size != entry["bytes"]:
                return name, f"has {found.st_size:,} bytes instead of {entry['bytes']:,}"
            if found.st_mtime_ns > made and (
                _digest(file, found.st_ino, found.st_mtime_ns, found.st_size) != entry["sha256"]
            ):
                return name, "has changed since the release was made"
    except (OSError, ValueError) as error:
        return manifest, f"cannot be compared with the files: {getattr(error, 'strerror', None) or error}"
    return None


@lru_cache(maxsize=4096)
def _digest(file: Path, _inode: int, _changed_ns: int, _size: int) -> str:
    return digest(file)
