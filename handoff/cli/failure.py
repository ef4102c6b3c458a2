"""How a command ends that could not do what it was asked for."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from typing import Any

INTERRUPTED = 130
"""Exit code of a command that Ctrl-C ended, as shells count it: 128 + SIGINT."""


class CommandFailed(Exception):
    """Ends the command. `message` is for people, `code` and `data` for scripts, `status` is the exit code."""

    def __init__(
        self, message: str, *, code: str = "failed", data: Mapping[str, Any] | None = None, status: int = 1
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.data = dict(data or {})
        self.status = status


def tell(failure: CommandFailed, *, as_json: bool) -> None:
    """Say it on standard error and, for scripts, as the one JSON object on standard output."""
    sys.stderr.write(f"baton: {failure.message} [{failure.code}]\n")
    if as_json:
        error = {"code": failure.code, "message": failure.message, "data": failure.data}
        # Escaped: a path that is not UTF-8 must not stop the message about it.
        sys.stdout.write(json.dumps({"error": error}) + "\n")
        sys.stdout.flush()
