"""The files that an import is made of: one file, a folder, or a zip, read one at a time and never unpacked to disk.

Whoever made the zip may mean harm. Names that lead out of it, symbolic links, encrypted entries and bombs are
refused; what an entry says of its size is not believed.
"""

from __future__ import annotations

import io
import os
import stat
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

MAX_BYTES: Final = 32 * 1024 * 1024
"""Of the one file that is handed over, packed."""
MAX_UNPACKED: Final = 256 * 1024 * 1024
MAX_ENTRY: Final = 64 * 1024 * 1024
MAX_FILES: Final = 20_000
MAX_RATIO: Final = 200
"""Unpacked to packed, of entries over a megabyte. Text shrinks to a tenth, the most repetitive page to a hundredth."""
MAX_NAME: Final = 500

_RATIO_FROM: Final = 1024 * 1024
_NOT_ENTERED: Final = frozenset(("node_modules", "__pycache__", "__MACOSX"))
_BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    EOFError,
    NotImplementedError,
    OSError,
    ValueError,
    RuntimeError,
)


@dataclass(frozen=True, slots=True)
class FileFault:
    """Why a file is not read; `name` is that of the bundle where it is the bundle as a whole."""

    name: str
    code: str
    message: str


class BundleError(Exception):
    """One file, or all of them, cannot be had."""

    def __init__(self, name: str, code: str, message: str) -> None:
        super().__init__(message)
        self.fault = FileFault(name, code, message)


class Bundle(Protocol):
    """Files by name. Names are relative, with `/`."""

    @property
    def names(self) -> tuple[str, ...]:
        """Every file that can be read, sorted."""

    @property
    def faults(self) -> tuple[FileFault, ...]:
        """What will not be read, found before reading."""

    def read(self, name: str) -> bytes:
        """The bytes of one file. Raises `BundleError`."""


def open_bundle(source: Path | bytes, name: str) -> Bundle:
    """The files of a path, or of bytes that came with a file name.

    Raises:
        BundleError: there is nothing, or it is too large, or no zip that can be read.
    """
    if isinstance(source, Path) and source.is_dir():
        return _Folder(source)
    if isinstance(source, Path) and not source.is_file():
        raise BundleError(name, "not_found", "There is no such file or folder.")
    size = source.stat().st_size if isinstance(source, Path) else len(source)
    zipped = PurePosixPath(name).suffix.lower() == ".zip"
    limit = MAX_BYTES if zipped or isinstance(source, bytes) else MAX_ENTRY
    if size > limit:
        raise BundleError(name, "too_large", f"The file has {size:,} bytes; {limit:,} are allowed.")
    data = _bytes(source, name) if isinstance(source, Path) else source
    return _Zip(data, name) if zipped else _One(name, data)


def _bytes(path: Path, name: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(name, "unreadable", f"It cannot be read: {error.strerror}.") from error


class _One:
    faults: tuple[FileFault, ...] = ()

    def __init__(self, name: str, data: bytes) -> None:
        self.names = (name,)
        self._data = data

    def read(self, name: str) -> bytes:
        assert name == self.names[0]
        return self._data


class _Folder:
    def __init__(self, root: Path) -> None:
        self._root = root
        found, faults = [], []
        for path in _walk(root):
            name = path.relative_to(root).as_posix()
            if path.is_symlink():
                # It may show what is no part of the folder: a password file, itself.
                faults.append(FileFault(name, "symbolic_link", "A symbolic link is not followed."))
            else:
                found.append(name)
            if len(found) + len(faults) > MAX_FILES:
                raise BundleError(root.name, "too_many_files", f"There are more than {MAX_FILES:,} files.")
        self.names = tuple(sorted(found))
        self.faults = tuple(faults)
        self._left = MAX_UNPACKED

    def read(self, name: str) -> bytes:
        path = self._root / name
        try:
            # Not through a link that came to stand there since.
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
            with os.fdopen(handle, "rb") as stream:
                if not stat.S_ISREG(os.fstat(handle).st_mode):
                    raise BundleError(name, "unreadable", "This is no plain file.")
                data = stream.read(MAX_ENTRY + 1)
        except OSError as error:
            raise BundleError(name, "unreadable", f"It cannot be read: {error.strerror}.") from error
        self._left -= len(data)
        return _bounded(name, data, self._left)


def _walk(root: Path) -> Iterator[Path]:
    for folder, folders, files in os.walk(root):
        kept = []
        for name in sorted(folders):
            if name.startswith(".") or name in _NOT_ENTERED:
                continue
            path = Path(folder, name)
            if path.is_symlink():
                yield path
            else:
                kept.append(name)
        folders[:] = kept
        yield from (Path(folder, name) for name in sorted(files) if not name.startswith("."))


def _bounded(name: str, data: bytes, left: int) -> bytes:
    if len(data) > MAX_ENTRY:
        raise BundleError(name, "too_large", f"The file has more than {MAX_ENTRY:,} bytes.")
    if left < 0:
        raise BundleError(name, "too_large", f"All files together have more than {MAX_UNPACKED:,} bytes.")
    return data


class _Zip:
    def __init__(self, data: bytes, name: str) -> None:
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
            entries = self._zip.infolist()
        except _BROKEN as error:
            raise BundleError(name, "bad_zip", "This is not a zip file that can be read.") from error
        if len(entries) > MAX_FILES:
            raise BundleError(name, "too_many_files", f"There are more than {MAX_FILES:,} files in it.")
        self._entries: dict[str, zipfile.ZipInfo] = {}
        faults = []
        declared = 0
        for entry in entries:
            # What `ZipFile` made of it is cut at a NUL and has its slashes turned; the name as it stands tells more.
            said = entry.orig_filename
            if said.endswith("/") or _is_left_out(said):
                continue
            fault = _entry_fault(entry, said) or (
                ("bad_zip", "The zip holds this name twice.") if said in self._entries else None
            )
            if fault is not None:
                faults.append(FileFault(_shown(said), *fault))
                continue
            declared += entry.file_size
            self._entries[said] = entry
        if declared > MAX_UNPACKED:
            raise BundleError(
                name, "zip_bomb", f"Unpacked it has {declared:,} bytes; {MAX_UNPACKED:,} are allowed."
            )
        self.names = tuple(sorted(self._entries))
        self.faults = tuple(faults)
        self._left = MAX_UNPACKED

    def read(self, name: str) -> bytes:
        try:
            with self._zip.open(self._entries[name]) as stream:
                # One byte more than it said: an entry that goes on past its size is a trap.
                data = stream.read(min(self._entries[name].file_size, MAX_ENTRY) + 1)
        except _BROKEN as error:
            raise BundleError(name, "bad_zip", "This entry of the zip is damaged.") from error
        self._left -= len(data)
        return _bounded(name, data, self._left)


def _entry_fault(entry: zipfile.ZipInfo, name: str) -> tuple[str, str] | None:
    parts = name.split("/")
    if (
        len(name) > MAX_NAME
        or not name.isprintable()
        or "\\" in name
        or name.startswith("/")
        or ":" in parts[0]
        or ".." in parts
        or "." in parts
        or "" in parts
    ):
        return "unsafe_name", "This name leads out of the zip, or is none that every system knows."
    mode = entry.external_attr >> 16
    if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
        return "symbolic_link", "A symbolic link or special file is not read."
    if entry.flag_bits & 0x1:
        return "encrypted", "This entry is encrypted."
    if entry.file_size > MAX_ENTRY:
        return "too_large", f"The file has {entry.file_size:,} bytes; {MAX_ENTRY:,} are allowed."
    if entry.file_size > _RATIO_FROM and entry.file_size > MAX_RATIO * max(1, entry.compress_size):
        return "zip_bomb", f"It unpacks to more than {MAX_RATIO} times its size."
    return None


def _is_left_out(name: str) -> bool:
    parts = name.split("/")
    # `..` begins with a dot too, and is a fault, not something to pass over.
    return any(part in _NOT_ENTERED or (part.startswith(".") and part.strip(".")) for part in parts)


def _shown(name: str) -> str:
    return "".join(c if c.isprintable() else "?" for c in name[:200])
