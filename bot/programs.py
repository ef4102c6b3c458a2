"""What the programs that the relay starts have in common: progress, their rows, their one result line, files written whole."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from bot.quiet import hush

MAX_FILE_BYTES: Final = 256 * 1024 * 1024
"""Of a file of rows: a million questions."""


Progress = Callable[[str, int, int, str], None]
"""Told a stage, how much of it is done, of how much, and a message."""


class BadRows(ValueError):
    """A file of rows cannot be used. The message names the line."""

    code = "bad_rows"


def no_progress(_stage: str, _done: int, _total: int, _message: str) -> None:
    """Report to nobody."""


def report_progress(stage: str, done: int, total: int, message: str) -> None:
    """Write one line of progress to standard error."""
    line = json.dumps({"stage": stage, "done": done, "total": total, "message": message})
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


def run(call: Callable[[], Mapping[str, Any]], *, failed: str) -> int:
    """Call `call` and write its result as the last line of standard output; `failed` is the code of an error without one.

    Returns the exit code. What nobody foresaw is told with its traceback on standard error.
    """
    hush()
    # Whatever libraries print belongs beside the result, not before it.
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        result: dict[str, Any] = {"ok": True, **call()}
    except Exception as error:  # noqa: BLE001 - Rasa and the libraries under it have exceptions of their own
        if not isinstance(error, ValueError | RuntimeError | OSError | MemoryError):
            traceback.print_exc()
        code = getattr(error, "code", failed)
        # A library's code may be anything, a number say.
        code = code if isinstance(code, str) else failed
        result = {"ok": False, "error": {"code": code, "message": str(error) or repr(error)}}
    finally:
        sys.stdout = out
    sys.stdout.write(json.dumps(result, ensure_ascii=False) + "\n")
    sys.stdout.flush()
    return 0 if result["ok"] else 1


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a JSONL file. Raises `BadRows`."""
    try:
        if path.stat().st_size > MAX_FILE_BYTES:
            raise BadRows(f"{path.name}: the file is larger than {MAX_FILE_BYTES:,} bytes")
        with path.open("rb") as stream:
            for number, line in enumerate(stream, start=1):
                if not line.strip():
                    continue
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    raise BadRows(f"{path.name} line {number}: this is not JSON in UTF-8") from None
                if not isinstance(row, dict):
                    raise BadRows(f"{path.name} line {number}: a row is an object")
                yield number, row
    except FileNotFoundError:
        raise BadRows(f"{path.name}: there is no such file") from None


def text_of(row: Mapping[str, Any], name: str, longest: int, where: str, default: str | None = None) -> str:
    """A field that is text of 1 to `longest` characters. Raises `BadRows` with `where`."""
    value = row.get(name, default)
    if not isinstance(value, str) or not value.strip() or len(value) > longest:
        raise BadRows(f"{where}: {name} must be text of 1 to {longest:,} characters")
    return value


def optional_text_of(row: Mapping[str, Any], name: str, longest: int, where: str) -> str | None:
    """As `text_of`; None where it is absent or null."""
    return None if row.get(name) is None else text_of(row, name, longest, where)


def write_whole(path: Path, text: str) -> None:
    """Write a file that is there whole or not at all. UTF-8; half of a surrogate pair becomes a "?"."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with beside.open("wb") as stream:
            stream.write(text.encode("utf-8", "replace"))
            stream.flush()
            os.fsync(stream.fileno())
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
