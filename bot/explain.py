"""`python -m bot.explain`: everything that leads to the decision on one question."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bot.evaluate import EXPECTED
from bot.explanation import as_lines
from bot.load import load_release
from bot.quiet import hush
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
    hush()
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        engine = load_release(from_environment(given.home), given.release)
        found = asyncio.run(engine.explain(given.text, given.locale))
    except EXPECTED as error:
        code = getattr(error, "code", "explain_failed")
        if given.as_json:
            result: dict[str, Any] = {"error": {"code": code, "message": str(error), "data": {}}}
            out.write(json.dumps(result, ensure_ascii=False) + "\n")
        sys.stderr.write(f"baton: {error} [{code}]\n")
        return 1
    finally:
        sys.stdout = out
    out.write(
        json.dumps(found, ensure_ascii=False) + "\n" if given.as_json else "\n".join(as_lines(found)) + "\n"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
