"""`--home DIR` works on every command, before or after its name."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile
from pathlib import Path

from handoff.cli.failure import CommandFailed


def split_home(arguments: Sequence[str]) -> tuple[str | None, list[str]]:
    """The value of `--home`, made absolute, and the arguments without it. What follows `--` is left alone."""
    home: str | None = None
    rest: list[str] = []
    pending = iter(arguments)
    for argument in pending:
        if argument == "--":
            rest.append(argument)
            rest.extend(pending)
            break
        if argument == "--home":
            home = _folder(next(pending, ""))
        elif argument.startswith("--home="):
            home = _folder(argument.removeprefix("--home="))
        else:
            rest.append(argument)
    return home, rest


def asks_for_json(arguments: Sequence[str]) -> bool:
    """Whether the caller wants one JSON object, also of a command line that cannot be read any further."""
    return "--json" in takewhile(lambda argument: argument != "--", arguments)


def _folder(value: str) -> str:
    # An empty one, as from a shell variable that is not set, must not make the current folder a home.
    # Nor is the option that follows a `--home` whose folder was forgotten; a folder of that name is ./--name.
    if not value or value.startswith("--"):
        raise CommandFailed("--home needs a folder: baton --home DIR COMMAND", code="usage", status=2)
    return str(Path(value).absolute())
