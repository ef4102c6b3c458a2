"""What commands print: results on standard output, one JSON object with --json; everything else on standard error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import orjson
import typer
from pydantic import ValidationError

from handoff.cli.failure import CommandFailed
from handoff.content.errors import ContentRefused
from handoff.domain.errors import HandoffError
from handoff.settings import Settings
from kb_index.releases import ReleaseError

if TYPE_CHECKING:
    from kb_index.formats import RowError  # with its parsers, which few commands need

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on one line.")]
_T = TypeVar("_T")


def settings() -> Settings:
    """The settings, or a message that names the variable that is wrong."""
    try:
        return Settings()
    except ValidationError as failure:
        first = failure.errors()[0]
        name = "BATON_" + "_".join(str(part) for part in first["loc"]).upper()
        fail(f"{name}: {first['msg']}", code="bad_setting")


def say(line: str) -> None:
    """A line for people, on standard error."""
    typer.echo(line, err=True)


def result(values: Mapping[str, Any], *, as_json: bool, lines: list[str]) -> None:
    """The result: `values` as one line of JSON, or `lines` for people."""
    if as_json:
        typer.echo(orjson.dumps(values, default=_plain).decode())
        return
    for line in lines:
        typer.echo(line)


def fail(message: str, *, code: str = "failed", data: Mapping[str, Any] | None = None) -> NoReturn:
    """End with a message and exit code 1; with --json the message, `code` and `data` are the one object printed."""
    raise CommandFailed(message, code=code, data=data)


def say_row(error: RowError) -> None:
    """One fault of a file; a line of 0 stands for the file as a whole."""
    place = f"{error.file}:{error.line}" if error.line else error.file
    say(f"{f'{place}: ' if place else ''}{error.message} [{error.code}]")


def guarded(work: Callable[[], _T]) -> _T:
    """Run `work`; a refusal ends the command with its message and code, never with a stack trace."""
    try:
        return work()
    except ContentRefused as refused:
        for error in refused.errors:
            say_row(error)
        fail(refused.message, code=refused.code, data=refused.data)
    except HandoffError as refused:
        fail(refused.message, code=refused.code, data=refused.data)
    except ReleaseError as refused:
        fail(str(refused), code=refused.code)
    except OSError as failure:
        fail(f"{failure.filename or 'storage'}: {failure.strerror or failure}", code="storage_failed")


def _plain(value: object) -> object:
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON")
