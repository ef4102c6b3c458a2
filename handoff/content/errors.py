"""Refusals of the content part: what is wrong with a file, and why a training came to nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from handoff.domain.errors import HandoffError

if TYPE_CHECKING:
    from kb_index.formats import RowError  # with its parsers, which few commands need


class ContentRefused(HandoffError):
    """Content with faults: nothing of it was imported. `errors` lists them with file and line.

    `more_errors` counts the faults beyond the listed ones.
    """

    code = "content_refused"
    http_status = 422

    def __init__(self, errors: Sequence[RowError], more_errors: int = 0) -> None:
        count = len(errors) + more_errors
        rows: list[dict[str, Any]] = [
            {"file": e.file, "line": e.line, "code": e.code, "message": e.message} for e in errors
        ]
        super().__init__(
            f"{count} {'fault' if count == 1 else 'faults'}; nothing was imported.",
            errors=rows,
            more_errors=more_errors,
        )
        self.errors = tuple(errors)
        self.more_errors = more_errors


class ContentMoved(HandoffError):
    """Somebody changed content between an import's preview and the import: what was shown is not what would happen."""

    code = "content_moved"
    http_status = 409


class ImportExpired(HandoffError):
    """There is no such preview any more: it was applied, is older than an hour, or newer ones took its place."""

    code = "import_expired"
    http_status = 404


class ExportRefused(HandoffError):
    """The content cannot be written to this path."""

    code = "export_refused"
    http_status = 422


class ReleaseRefused(HandoffError):
    """A release cannot be published, or there is none to go back to. What was live still is."""

    code = "release_refused"
    http_status = 409

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        # The store's own code is passed on, so that scripts can tell the reasons apart.
        self.code = code  # type: ignore[misc]


class TrainingFailed(HandoffError):
    """A training made no release. Nothing live has moved. `code` says why, `data.log` where to read more."""

    code = "training_failed"
    http_status = 500

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message, **data)
        # The trainer's own code is passed on, so that scripts can tell the reasons apart.
        self.code = code  # type: ignore[misc]


class ProgramFailed(HandoffError):
    """Work in the bot's environment (grouping, judging, replaying) came to nothing. `code` says why, `data.log` where to read more."""

    code = "program_failed"
    http_status = 500

    def __init__(self, code: str, message: str, **data: Any) -> None:
        super().__init__(message, **data)
        # The program's own code is passed on, so that scripts can tell the reasons apart.
        self.code = code  # type: ignore[misc]
