"""`python -m bot.explain`: everything that leads to the decision on one question."""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from bot.evaluate import EXPECTED
from bot.load import load_release
from bot.quiet import hush
from bot.settings import from_environment


def as_lines(found: dict[str, Any]) -> list[str]:
    """The explanation for a reader at a terminal."""
    decision = found["decision"]
    lines = [
        f"{found['text']!r} is read as {found['read_as']!r}",
        f"decision    {decision['kind']} ({decision['reason']}), intent {decision['intent']}",
        f"confidence  {decision['confidence']:.3f}, needed {decision['threshold']:.3f}",
        f"frustration {decision['frustration']:.3f}, trips at {decision['frustration_threshold']:.3f}",
    ]
    lines += [f"  signal    {s['name']} {s['weight']:+.3f}" for s in decision["signals"]]
    lines += [f"  article   {c['score']:.3f} {c['article_id']}: {c['title']}" for c in found["candidates"]]
    lines += [f"reply       {reply['text']}" for reply in found["replies"]]
    return lines


def main(arguments: list[str] | None = None) -> int:
    """The command. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.explain")
    parser.add_argument("text")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--release")
    parser.add_argument("--json", action="store_true", dest="as_json")
    given = parser.parse_args(arguments)
    hush()
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        engine = load_release(from_environment(given.home), given.release)
        found = asyncio.run(engine.explain(given.text))
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
