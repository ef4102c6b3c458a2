"""`python -m handoff.cli`: takes `--home DIR` wherever it stands and passes on to the commands."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence

from handoff.cli.arguments import asks_for_json, split_home
from handoff.cli.failure import INTERRUPTED, CommandFailed, tell
from handoff.cli.loading import uncollected


def main() -> None:
    """Run the command line."""
    given = sys.argv[1:]
    try:
        status = _run(given)
    except CommandFailed as failure:
        tell(failure, as_json=asks_for_json(given))
        status = failure.status
    except KeyboardInterrupt:
        # What a command changes it changes in one transaction, so there is nothing to tidy up.
        tell(
            CommandFailed("Interrupted. Nothing was changed by half.", code="interrupted"),
            as_json=asks_for_json(given),
        )
        status = INTERRUPTED
    except Exception:
        # A fault of ours: the trace goes to standard error, and a script still gets its one object.
        tell(
            CommandFailed("This is a fault in Baton; what follows says where.", code="internal"),
            as_json=asks_for_json(given),
        )
        raise
    sys.exit(status)


def _run(given: Sequence[str]) -> int:
    home, arguments = split_home(given)
    if home is not None:
        # An environment variable, so that every process this one starts works on the same home.
        os.environ["BATON_HOME"] = home
    with uncollected():
        if arguments and arguments[0] in ("serve", "relay", "bot"):
            # Starts in half the time without the others.
            from handoff.cli.serving import commands as app  # noqa: PLC0415
        else:
            from handoff.cli.app import app  # noqa: PLC0415
        from typer import TyperException  # noqa: PLC0415

    try:
        # Not standalone: it would end the process itself, and tell scripts nothing of a wrong command line.
        status = int(app(arguments, prog_name="baton", standalone_mode=False) or 0)
    except TyperException as wrong:
        raise _misused(wrong) from None
    if status == INTERRUPTED:
        # What Typer makes of Ctrl-C inside a command.
        raise KeyboardInterrupt
    return status


def _misused(wrong: Exception) -> CommandFailed:
    """What to say of a command line that cannot be read: where to find what can be."""
    context = getattr(wrong, "ctx", None)
    command = context.command_path if context is not None else "baton"
    message = wrong.format_message() if hasattr(wrong, "format_message") else str(wrong)
    # Without any word the help has been printed already.
    message = f"{message.rstrip('.')}." if message else "Name a command."
    return CommandFailed(f"{message} Try `{command} --help`.", code="usage", status=2)


if __name__ == "__main__":
    main()
