"""Editions: how what is live differs from the release that it began with. Standard library only.

A release is a folder that never changes. Between two trainings its articles are corrected, added and taken back by its
edition, one JSON file beside the releases that names what differs:

root/<release id>.json        the live edition of that release
root/draft-<release id>.json  the same form: how the working copy differs
root/.lock                    held while a file is replaced

Each release has its own edition, so that a rollback brings back what was live then. A file is replaced whole and at once: a
process killed at any step leaves the old edition or the new one.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Final

from kb_index.edition import BadEdition, Edition, EditionError, Incident, check_edition, check_incident
from kb_index.release_files import one_writer, sync
from kb_index.releases import check_release_id

__all__ = [
    "BadEdition",
    "CorruptEdition",
    "Edition",
    "EditionError",
    "EditionMoved",
    "EditionStore",
    "Incident",
    "check_edition",
    "check_incident",
]

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""5,000 articles with 50,000 variants take 20 MB."""

_DRAFT: Final = "draft-"
_BESIDE: Final = ".edition-"


class CorruptEdition(EditionError):
    """The file is damaged; what is written next takes its place, whatever its revision."""

    code = "corrupt_edition"

    def __init__(self, release_id: str, file: str, problem: str) -> None:
        super().__init__(
            f"The edition of release {release_id} is damaged: {file} {problem}. Publish the articles again, or delete the "
            "file: then the release is live as it was trained."
        )
        self.release_id = release_id
        self.file = file
        self.problem = problem


class EditionMoved(EditionError):
    """Somebody else has written meanwhile: `revision`, `by` and `at` are those of what is there (0 and empty: nothing)."""

    code = "edition_moved"

    def __init__(self, revision: int, by: str, at: str) -> None:
        who = f"{by} published revision {revision} at {at}" if revision else "no edition is there any more"
        super().__init__(f"What is live has changed: {who}. Read it again and publish on top of it.")
        self.revision = revision
        self.by = by
        self.at = at


class EditionStore:
    """All editions under one folder, which the first `write` makes. Safe for several processes at once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def current(self, release_id: str) -> Edition | None:
        """What is live on that release; None where it is live as it was trained.

        Raises `BadReleaseId`, `CorruptEdition`, or `OSError` where the file cannot be opened.
        """
        return self._read(release_id, draft=False)

    def draft(self, release_id: str) -> Edition | None:
        """How the working copy differs from that release; None where nobody has said. Raises as `current`."""
        return self._read(release_id, draft=True)

    def stamp(self, release_id: str, *, draft: bool = False) -> tuple[int, int] | None:
        """Another one after each write: the file's time in ns and its size; None without a file. One system call."""
        try:
            found = self._path(release_id, draft=draft).stat()
        except FileNotFoundError:
            return None
        return found.st_mtime_ns, found.st_size

    def write(self, edition: Edition, *, draft: bool = False) -> Edition:
        """Put `edition` in the place of what is there, and return it as it will be read.

        What is live is written by revision: one more than the revision that is there, which is 0 before any. A draft
        takes the place of any other.

        Raises:
            EditionMoved: another revision is there than the one that `edition` follows.
            BadEdition: its content is refused.
            BadReleaseId: its release cannot be one.
            OSError: nothing was written.
        """
        checked = check_edition(edition.as_dict())
        if checked.release_id.startswith(_DRAFT):
            # Its file would be that of another release's draft.
            raise BadEdition("bad_release_id", "A release called draft-... has no edition.", "release_id")
        path = self._path(checked.release_id, draft=draft)
        self._root.mkdir(parents=True, exist_ok=True)
        with one_writer(self._root):
            if not draft:
                self._follows(checked)
            for left in self._root.glob(f"{_BESIDE}*"):
                left.unlink()  # of a writer that was killed: whoever has the lock is the only one
            self._replace(
                path, json.dumps(checked.as_dict(), ensure_ascii=False, separators=(",", ":")) + "\n"
            )
        return checked

    def forget(self, release_id: str) -> None:
        """Remove both files of a release. Missing ones are fine."""
        paths = [self._path(release_id, draft=draft) for draft in (False, True)]
        if not self._root.is_dir():
            return
        with one_writer(self._root):
            for path in paths:
                path.unlink(missing_ok=True)
            sync(self._root)

    def _path(self, release_id: str, *, draft: bool) -> Path:
        check_release_id(release_id)
        return self._root / f"{_DRAFT if draft else ''}{release_id}.json"

    def _read(self, release_id: str, *, draft: bool) -> Edition | None:
        path = self._path(release_id, draft=draft)
        try:
            with path.open("rb") as stream:
                data = stream.read(MAX_FILE_BYTES + 1)
        except FileNotFoundError:
            return None
        if len(data) > MAX_FILE_BYTES:
            raise CorruptEdition(release_id, path.name, f"has more than {MAX_FILE_BYTES:,} bytes")
        try:
            raw = json.loads(data.decode("utf-8"))
        except (ValueError, RecursionError):
            raise CorruptEdition(release_id, path.name, "is not valid JSON") from None
        try:
            edition = check_edition(raw)
        except BadEdition as error:
            raise CorruptEdition(release_id, path.name, f"cannot be used: {error}") from error
        if edition.release_id != release_id:
            raise CorruptEdition(release_id, path.name, f"is that of release {edition.release_id[:100]}")
        return edition

    def _follows(self, edition: Edition) -> None:
        try:
            there = self.current(edition.release_id)
        except CorruptEdition:
            return  # a damaged file is repaired by writing a new one
        revision = 0 if there is None else there.revision
        if edition.revision != revision + 1:
            raise EditionMoved(revision, "" if there is None else there.by, "" if there is None else there.at)

    def _replace(self, path: Path, text: str) -> None:
        try:
            before = path.stat().st_mtime_ns
        except FileNotFoundError:
            before = 0
        handle, name = tempfile.mkstemp(dir=self._root, prefix=_BESIDE)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
                stream.write(text)
                stream.flush()
                os.fchmod(stream.fileno(), 0o644)
                # Files get their times from a clock of 4 ms: without this, two writes in a row could have one stamp.
                made = os.fstat(stream.fileno()).st_mtime_ns
                if made <= before:
                    os.utime(stream.fileno(), ns=(before + 1, before + 1))
                os.fsync(stream.fileno())
            os.replace(name, path)  # noqa: PTH105 - tests stop the process here
            sync(self._root)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
