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
            value = next(pending, None)
            if value is None:
                raise SystemExit("baton: --home needs a folder: baton --home DIR COMMAND")
            home = str(Path(value).absolute())
        elif argument.startswith("--home="):
            home = str(Path(argument.removeprefix("--home=")).absolute())
        else:
            rest.append(argument)
    return home, rest
