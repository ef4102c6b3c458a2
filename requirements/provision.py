"""Make what a command needs, only where it is missing or out of date, and become that command.

Run by `baton` with any Python 3.11; standard library only. What a command needs:

    serve                             relay, bot, pages
    train, evaluate, explain, bot     relay and bot
    relay                             relay and pages
    test, bench                       everything, with what tests need
    all others                        relay
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import pages
from environments import BOT, HANDOFF, Environment, cache_folder, make_uv
from machine import ROOT, SetupError, need_room, say, sole_setup


@dataclass(frozen=True)
class Needs:
    """What one command needs. `tests` adds to each environment what its tests need, and node_modules."""

    bot: bool = False
    pages: bool = False
    tests: bool = False

    @property
    def environments(self) -> tuple[Environment, ...]:
        return (HANDOFF, BOT) if self.bot else (HANDOFF,)


RELAY_ONLY = Needs()
NEEDS = {
    "serve": Needs(bot=True, pages=True),
    "relay": Needs(pages=True),
    **dict.fromkeys(("train", "evaluate", "evaluate-frustration", "explain", "bot"), Needs(bot=True)),
    **dict.fromkeys(("test", "bench"), Needs(bot=True, pages=True, tests=True)),
}


def split_command(arguments: Sequence[str]) -> tuple[str, list[str]]:
    """The command's name and everything else in its order; `--home DIR` may stand before the name."""
    position = 0
    while position < len(arguments) and arguments[position].startswith("-"):
        position += 2 if arguments[position] == "--home" else 1
    if position >= len(arguments):
        return "", list(arguments)
    return arguments[position], [*arguments[:position], *arguments[position + 1 :]]


def is_ready(needs: Needs) -> bool:
    """Whether everything stands already; cheap, because every command asks."""
    if not all(environment.is_current(tests=needs.tests) for environment in needs.environments):
        return False
    if not needs.pages or not pages.exist():
        return True
    return pages.are_built() and (not needs.tests or pages.packages_are_current())


def make_ready(needs: Needs) -> None:
    """Make what is missing, alone. Raises `SetupError` or `OSError` (a full disk)."""
    with sole_setup():
        if is_ready(needs):  # another ./baton made it while we waited
            return
        make_uv()
        missing = [
            environment for environment in needs.environments if not environment.is_current(tests=False)
        ]
        if missing:
            need_room(sum(environment.gigabytes for environment in missing), cache_folder())
        for environment in needs.environments:
            environment.make(tests=needs.tests)
        if needs.pages and pages.exist():
            pages.make(built=True)
        say("everything is set up")


def become(command: str, arguments: Sequence[str], rest: Sequence[str]) -> NoReturn:
    """Replace this process by the command, in the relay's environment and the caller's folder."""
    env = dict(os.environ)
    # The checkout alone, whatever the caller's Python was told; -P keeps the caller's folder out of the imports.
    env["PYTHONPATH"] = str(ROOT)
    env.pop("PYTHONHOME", None)
    python = [str(HANDOFF.python), "-P"]
    if command == "test":
        env = {**env, "PATH": pages.node_environment()["PATH"]} if pages.exist() else env
        program = [*python, str(ROOT / "tests" / "run.py"), *rest]
    elif command == "bench":
        program = [*python, "-m", "bench", *rest]
    else:
        program = [*python, "-m", "handoff.cli", *arguments]
    os.execve(program[0], program, env)  # noqa: S606 (a list, no shell)


def main(arguments: Sequence[str]) -> int:
    """Provision and exec; returns only when something is wrong."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    command, rest = split_command(arguments)
    needs = NEEDS.get(command, RELAY_ONLY)
    try:
        if not is_ready(needs):
            make_ready(needs)
        become(command, arguments, rest)
    except SetupError as error:
        say(str(error))
    except OSError as error:
        say(f"setting up failed: {error}")
    except KeyboardInterrupt:
        say("interrupted; the next ./baton goes on from here")
        return 130
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
