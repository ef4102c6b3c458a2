"""Log lines of a relay: one JSON object each, on standard error, and never what a customer wrote.

Only ids, counts and codes are logged on purpose. The rest of this module sees to what would be logged by accident: an
exception's message may quote the text it choked on (a validator its input, a database driver its parameters), and so
may a library's own line. Of an exception its types and places are told, of a library's line the first line of its
template without what was put into it.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import Any, Final, Literal, TextIO

import orjson
import structlog

from handoff.domain.errors import HandoffError

PLACES_AT_MOST: Final = 12
_PROJECT: Final = Path(__file__).resolve().parents[2]


def set_up_logging(form: Literal["json", "text"] = "json", stream: TextIO | None = None) -> None:
    """Write the process's log lines, also those of libraries, to `stream` (standard error)."""
    render: Any = (
        structlog.processors.JSONRenderer(serializer=_json)
        if form == "json"
        else structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"])
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _without_messages,
            render,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.PrintLoggerFactory(stream or sys.stderr),
        # Not where a stream is given: a logger that keeps its first stream would outlive it.
        cache_logger_on_first_use=stream is None,
    )
    logging.root.handlers = [_Library(logging.WARNING)]


class _Library(logging.Handler):
    """Passes on what libraries log through the standard library."""

    def emit(self, record: logging.LogRecord) -> None:
        """Tell who spoke and of what, not what about."""
        log = structlog.get_logger(record.name)
        words = str(record.msg).partition("\n")[0]
        log.log(record.levelno, "library", logger=record.name, words=words, exc_info=record.exc_info)


def _without_messages(
    _logger: Any, _method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    found = event.pop("exc_info", None)
    if found is True:
        found = sys.exc_info()
    error = found[1] if isinstance(found, tuple) else found
    if isinstance(error, BaseException):
        event["exception"] = [_told(each) for each in _chain(error)]
    return event


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it came from, the outermost first."""
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        seen.add(id(current))
        yield current
        current = current.__cause__ or (None if current.__suppress_context__ else current.__context__)


def _told(error: BaseException) -> dict[str, Any]:
    kind = type(error)
    told: dict[str, Any] = {"type": f"{kind.__module__}.{kind.__qualname__}"}
    if isinstance(error, HandoffError):
        told["code"] = error.code
    elif isinstance(error, OSError) and error.errno is not None:
        told["errno"] = error.errno
    sqlstate = getattr(error, "sqlstate", None) or getattr(error, "sqlite_errorname", None)
    if isinstance(sqlstate, str):
        told["sql"] = sqlstate
    frames = traceback.extract_tb(error.__traceback__)[-PLACES_AT_MOST:]
    told["at"] = [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]
    return told


def _short(filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(_PROJECT)) if path.is_relative_to(_PROJECT) else path.name


def _json(event: Any, default: Any = None, **_options: Any) -> str:
    return orjson.dumps(event, default=default or str).decode()
