"""`--home DIR` works on every command, before or after its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


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


def _folder(value: str) -> str:
    # An empty one, as from a shell variable that is not set, must not make the current folder a home.
    if not value:
        raise SystemExit("baton: --home needs a folder: baton --home DIR COMMAND")
    return str(Path(value).absolute())
