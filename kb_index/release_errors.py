"""Why a release cannot be made, read or published. Standard library only."""

from __future__ import annotations


class ReleaseError(RuntimeError):
    """A release cannot be made, read or published. `code` is stable, the message says what to do."""

    code = "release_error"


class BadReleaseId(ReleaseError):
    code = "bad_release_id"


class ReleaseExists(ReleaseError):
    code = "release_exists"


class UnknownRelease(ReleaseError):
    code = "unknown_release"


class NoPreviousRelease(ReleaseError):
    code = "no_previous_release"


class ReleaseMoved(ReleaseError):
    """Something else went live meanwhile."""

    code = "release_moved"


class CorruptRelease(ReleaseError):
    """`file` is the damaged or missing file, relative to the release's folder (or to the store's)."""

    code = "corrupt_release"

    def __init__(self, release_id: str, file: str, problem: str) -> None:
        super().__init__(
            f"Release {release_id}: {file} {problem}. Publish another release, or train a new one (baton train)."
        )
        self.release_id = release_id
        self.file = file
        self.problem = problem
