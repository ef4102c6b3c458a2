"""`python -m tests.integration.bot.standing_bot --home HOME --port 0`: a bot that stands still where a test says, to be killed there.

It does at `load` (a release is being read into memory) or `make` (a content is being made of an edition or a draft) from
when the file `HOME/stand at PLACE` is there, and makes `HOME/standing` then.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bot import serve
from bot.content import ContentMaker
from kb_index.knowledge import Knowledge


def standing(real: Callable[..., Any], home: Path, place: str) -> Callable[..., Any]:
    """`real`, which never comes to its end once the test has said so."""

    def call(*given: Any, **named: Any) -> Any:
        if (home / f"stand at {place}").exists():
            (home / "standing").touch()
            threading.Event().wait()
        return real(*given, **named)

    return call


def main() -> int:
    home = Path(sys.argv[sys.argv.index("--home") + 1])
    Knowledge.load = standing(Knowledge.load, home, "load")  # type: ignore[method-assign]
    ContentMaker.make = standing(ContentMaker.make, home, "make")  # type: ignore[method-assign]
    return serve.main()


if __name__ == "__main__":
    sys.exit(main())
