"""`python -m bot.replay`: conversations that took place, held again with a release and, where asked for, with other values.

What would change if the bot were allowed more wrong answers, or handed over upset customers earlier: nothing is trained,
nothing published, nothing of a conversation stored but the file that was asked for.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bot.load import Which, load_release
from bot.programs import Progress, report_progress, run, write_whole
from bot.replaying import Conversation, Replayed, read_conversations, replayed
from bot.settings import from_environment

if TYPE_CHECKING:
    from bot.engine import Engine

MOST_CONVERSATIONS: Final = 10_000
EVERY: Final = 20


async def rows(
    engine: Engine, conversations: Sequence[Conversation], progress: Progress
) -> list[dict[str, Any]]:
    """A row for each message, conversation by conversation."""
    found: list[dict[str, Any]] = []
    total = sum(len(conversation.messages) for conversation in conversations)
    for number, conversation in enumerate(conversations, start=1):
        found += [_row(conversation, entry) async for entry in replayed(engine, conversation)]
        if number % EVERY == 0 or number == len(conversations):
            progress("replay", len(found), total, "")
    return found


def _row(conversation: Conversation, entry: Replayed) -> dict[str, Any]:
    return {
        "conversation_id": conversation.id,
        "turn": entry.message.turn,
        **entry.view.as_dict(),
        "frustration": entry.frustration,
    }


def main(arguments: list[str] | None = None) -> int:
    """The program. Returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bot.replay")
    parser.add_argument("--home", type=Path, required=True)
    parser.add_argument("--release", help="the live one where none is named")
    parser.add_argument("--draft", action="store_true", help="with the draft of its edition")
    parser.add_argument("--risk", type=float, help="share of wrong answers that may be given")
    parser.add_argument("--frustration-threshold", type=float)
    parser.add_argument("--in", type=Path, required=True, dest="file")
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)

    def work() -> Mapping[str, Any]:
        began = time.monotonic()
        settings = from_environment(given.home)
        conversations, left_out = read_conversations(given.file, MOST_CONVERSATIONS)
        values = {"risk": given.risk, "frustration_threshold": given.frustration_threshold}
        changed = {name: value for name, value in values.items() if value is not None}
        report_progress("load", 0, 1, "")
        content: Which = "draft" if given.draft else "live"
        engine = load_release(settings, given.release, content=content, changed=changed)
        report_progress("load", 1, 1, "")
        found = asyncio.run(rows(engine, conversations, report_progress))
        write_whole(given.out, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in found))
        return {
            "release_id": engine.release_id,
            "revision": engine.content.revision,
            "conversations": len(conversations),
            "turns": len(found),
            "threshold": round(engine.knowledge.threshold, 4),
            "left_out": asdict(left_out),
            "seconds": round(time.monotonic() - began, 2),
        }

    return run(work, failed="replay_failed")


if __name__ == "__main__":
    sys.exit(main())
