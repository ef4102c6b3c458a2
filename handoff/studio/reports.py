"""The judges' reports, HOME/reports/<release>.json, or why there is none, HOME/reports/<release>.problem.json.

Files, because a release is files: both are backed up and restored together. Standard library and orjson, no loop: call
these off it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

import orjson

from handoff.studio.errors import ReportMissing

WHOLE_AT_MOST: Final = 2_000_000
"""Bytes of a report that is sent whole. Of a larger one the lists of changes are cut, and asked for page by page."""
FIRST: Final = 500
"""Changes of each list that a larger report begins with."""
PAGE: Final = 500

Part = Literal["exam", "asked"]
ORDER: Final = ("worse", "no_longer_answered", "other_answer", "other", "better", "now_answered")
"""What an editor wants to see first: what got worse."""


@dataclass(frozen=True, slots=True)
class Page:
    """Some changes of a report's part, and how many there are of the kind that was asked for."""

    changes: list[Any]
    total: int


class Reports:
    """The reports of a home. Release ids must have been checked by whoever asks."""

    def __init__(self, home: Path) -> None:
        self._root = home / "reports"

    def write(self, release_id: str, report: Mapping[str, Any]) -> None:
        """Store a report in the place of whatever is there. Raises OSError."""
        ordered = dict(report)
        for part in ("exam", "asked"):
            section = ordered.get(part)
            if isinstance(section, dict) and isinstance(section.get("changes"), list):
                changes = sorted(section["changes"], key=_rank)
                ordered[part] = {**section, "changes": changes}
        self._put(f"{release_id}.json", ordered)
        (self._root / f"{release_id}.problem.json").unlink(missing_ok=True)

    def write_problem(self, release_id: str, code: str, message: str) -> None:
        """Store why there is no report. Raises OSError."""
        self._put(f"{release_id}.problem.json", {"code": code, "message": message})

    def known(self) -> frozenset[str]:
        """Ids of the releases that have a report."""
        try:
            names = [path.name for path in self._root.iterdir()]
        except FileNotFoundError:
            return frozenset()
        return frozenset(
            name.removesuffix(".json")
            for name in names
            if name.endswith(".json") and not name.endswith(".problem.json")
        )

    def text(self, release_id: str) -> bytes:
        """A report as JSON; of a large one the changes are cut, with `more_changes` for how many were.

        Raises:
            ReportMissing: there is none, with the reason where one is known.
        """
        data = self._read(release_id)
        if len(data) <= WHOLE_AT_MOST:
            return data
        report = _parsed(release_id, data)
        for part in ("exam", "asked"):
            section = report.get(part)
            if isinstance(section, dict) and isinstance(section.get("changes"), list):
                changes = section["changes"]
                report[part] = {
                    **section,
                    "changes": changes[:FIRST],
                    "more_changes": max(0, len(changes) - FIRST),
                }
        return orjson.dumps(report)

    def page(self, release_id: str, part: Part, verdict: str | None, offset: int, limit: int) -> Page:
        """Changes of one part, those that got worse first, or those of one verdict. Raises `ReportMissing`."""
        section = _parsed(release_id, self._read(release_id)).get(part)
        changes = section.get("changes") if isinstance(section, dict) else None
        found = [
            change
            for change in (changes if isinstance(changes, list) else [])
            if verdict is None or (isinstance(change, dict) and change.get("verdict") == verdict)
        ]
        return Page(found[offset : offset + min(limit, PAGE)], len(found))

    def _read(self, release_id: str) -> bytes:
        try:
            return (self._root / f"{release_id}.json").read_bytes()
        except FileNotFoundError:
            raise ReportMissing(*self._why(release_id)) from None

    def _why(self, release_id: str) -> tuple[str]:
        try:
            told = orjson.loads((self._root / f"{release_id}.problem.json").read_bytes())
            return (f"This release was not judged: {told['message']}",)
        except (OSError, ValueError, KeyError, TypeError):
            return (
                "This release was not judged: it was trained from the command line, or is older than the judge.",
            )

    def _put(self, name: str, content: Mapping[str, Any]) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        beside = self._root / f".{name}.{os.getpid()}"
        try:
            with beside.open("wb") as stream:
                stream.write(orjson.dumps(dict(content)))
                stream.flush()
                os.fsync(stream.fileno())
            beside.replace(self._root / name)
        finally:
            beside.unlink(missing_ok=True)
        folder = os.open(self._root, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _parsed(release_id: str, data: bytes) -> dict[str, Any]:
    try:
        report = orjson.loads(data)
    except ValueError:
        report = None
    if not isinstance(report, dict):
        raise ReportMissing(
            f"The report of {release_id} is damaged. Restore it from a backup, or train again."
        )
    return report


def _rank(change: Any) -> int:
    verdict = change.get("verdict") if isinstance(change, dict) else None
    return ORDER.index(verdict) if verdict in ORDER else len(ORDER)
