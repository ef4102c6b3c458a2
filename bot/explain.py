"""`python -m bot.explain`: everything that leads to the decision on one question."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path
from typing import Any

from bot.commands import tell
from bot.evaluate import EXPECTED
from bot.explanation import as_lines
from bot.load import load_release
from bot.settings import from_environment


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.explain")
    parser.add_argument("text")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--release")
    parser.add_argument("--locale", default="en", help="of the page that the customer is on")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)

    def find() -> dict[str, Any]:
        engine = load_release(from_environment(given.home), given.release)
        return asyncio.run(engine.explain(given.text, given.locale))

    return tell(find, as_json=given.as_json, lines=as_lines, expected=EXPECTED, failed="explain_failed")


if __name__ == "__main__":
    sys.exit(main())
