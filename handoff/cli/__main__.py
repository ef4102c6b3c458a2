"""`python -m handoff.cli`: takes `--home DIR` wherever it stands and passes on to the commands."""

from __future__ import annotations

import os
import sys

from handoff.cli.arguments import split_home


def main() -> None:
    """Run the command line."""
    home, arguments = split_home(sys.argv[1:])
    if home is not None:
        # An environment variable, so that every process this one starts works on the same home.
        os.environ["BATON_HOME"] = home
    if arguments and arguments[0] in ("serve", "relay", "bot"):
        from handoff.cli.serving import commands  # noqa: PLC0415 - starts in half the time without the others

        commands(arguments, prog_name="baton")
    else:
        from handoff.cli.app import app  # noqa: PLC0415

        app(arguments, prog_name="baton")


if __name__ == "__main__":
    main()
