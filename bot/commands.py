"""What commands that somebody reads have in common: one result on standard output, as JSON or as lines; errors told plainly."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from bot.quiet import hush

Found = Mapping[str, Any]


def tell(
    find: Callable[[], Found],
    *,
    as_json: bool,
    lines: Callable[[Found], Iterable[str]],
    expected: tuple[type[Exception], ...],
    failed: str,
) -> int:
    """Call `find` and print what it found. Returns the exit code.

    An `expected` error is told on standard error in one line, with its `code` or `failed`; with `as_json` also as
    `{"error": {"code", "message", "data"}}` on standard output. Every other error is the caller's.
    """
    hush()
    # Whatever libraries print belongs beside the result, not before it.
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        found = find()
    except expected as error:
        code = getattr(error, "code", failed)
        if as_json:
            out.write(_line({"error": {"code": code, "message": str(error), "data": {}}}))
        sys.stderr.write(f"baton: {error} [{code}]\n")
        return 1
    finally:
        sys.stdout = out
    out.write(_line(found) if as_json else "".join(f"{line}\n" for line in lines(found)))
    return 0


def columns(found: Found) -> list[str]:
    """A line for each name and value."""
    return [f"{name:20} {value}" for name, value in found.items()]


def _line(value: Found) -> str:
    return json.dumps(value, ensure_ascii=False) + "\n"
