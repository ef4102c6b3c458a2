"""`python -m bot.golden`: the test conversations, run by Rasa's own test.

`rasa test` parses each message without the conversation and drops what the pipeline left on it, which is what the
decision goes by. So each conversation is tested with a processor that gives the message its tracker and hands the
pipeline's result on; the comparison of intents, entities and actions stays Rasa's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml

from bot.evaluate import EXPECTED
from bot.load import load_release
from bot.programs import Progress, no_progress, report_progress
from bot.quiet import hush
from bot.settings import Settings, from_environment
from bot.train import read_snapshot, train
from kb_index.releases import ReleaseStore

if TYPE_CHECKING:
    from bot.engine import Engine

CONVERSATIONS: Final = Path(__file__).parent.parent / "tests" / "golden" / "bot"


class BadConversations(ValueError):
    """A file of test conversations cannot be read. The message names it."""

    code = "bad_conversations"


def conversations(folder: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every test conversation of `folder/*.yml`, by name, each as a file of its own. Raises `BadConversations`."""
    for path in sorted(folder.glob("*.yml")):
        try:
            raw = yaml.safe_load(path.read_text(encoding="utf-8"))
            stories = [
                (str(story["story"]), {"version": raw["version"], "stories": [story]})
                for story in raw["stories"]
            ]
        except (yaml.YAMLError, UnicodeDecodeError, KeyError, TypeError) as error:
            raise BadConversations(f"{path.name} holds no test conversations: {error!r:.300}") from error
        yield from stories


async def run(
    engine: Engine, folder: Path = CONVERSATIONS, progress: Progress = no_progress
) -> list[tuple[str, str | None]]:
    """Name and fault of each conversation; the fault is None where it went as written."""
    import rasa.core.test  # noqa: PLC0415 - imports Rasa, 15 s
    from rasa.shared.exceptions import RasaException  # noqa: PLC0415

    from bot import runtime  # noqa: PLC0415 - imports what answers
    from bot.rehearsal import rehearsing  # noqa: PLC0415 - imports Rasa, 15 s

    results: list[tuple[str, str | None]] = []
    wanted = list(conversations(folder))
    for name, content in wanted:
        progress("golden", len(results), len(wanted), name)
        with tempfile.TemporaryDirectory() as work:
            file = Path(work) / "test_conversation.yml"
            file.write_text(yaml.safe_dump(content, sort_keys=False, allow_unicode=True), encoding="utf-8")
            fault = None
            try:
                with runtime.answering_from(engine.content):
                    await rasa.core.test.test(
                        str(file),
                        rehearsing(engine),
                        e2e=True,
                        fail_on_prediction_errors=True,
                        disable_plotting=True,
                    )
            except (rasa.core.test.WrongPredictionException, RasaException) as error:
                fault = str(error) or repr(error)
            results.append((name, fault))
    return results


def train_release(settings: Settings, content: Path) -> None:
    """Train `content`, a folder with a `content.jsonl`, and make it the live release of the home."""
    store = ReleaseStore(settings.releases)
    building = store.begin("golden")
    manifest = train(
        read_snapshot(content),
        building,
        settings,
        risk=0.02,
        unanswerable_share=0.1,
        progress=report_progress,
    )
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    store.commit(building, {"created_at": now, **manifest})
    store.publish("golden", at=now, by="bot.golden")


def main(arguments: list[str] | None = None) -> int:
    """The command: 0 when every conversation went as written. The last line of output is `{"passed", "failed"}`."""
    parser = argparse.ArgumentParser(prog="python -m bot.golden")
    parser.add_argument(
        "--home", type=Path, help="test its live release; without it one is trained for the test"
    )
    parser.add_argument("--release")
    parser.add_argument("--conversations", type=Path, default=CONVERSATIONS)
    given = parser.parse_args(arguments)
    hush()
    out, sys.stdout = sys.stdout, sys.stderr
    try:
        with tempfile.TemporaryDirectory(prefix="baton-golden-") as work:
            settings = from_environment(given.home or Path(work))
            if given.home is None:
                train_release(settings, given.conversations)
            results = asyncio.run(run(load_release(settings, given.release), given.conversations))
    except (*EXPECTED, BadConversations) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    finally:
        sys.stdout = out
    failed = [(name, fault) for name, fault in results if fault is not None]
    for name, fault in failed:
        sys.stderr.write(f"FAILED {name}\n{fault}\n")
    out.write(json.dumps({"passed": len(results) - len(failed), "failed": len(failed)}) + "\n")
    return 1 if failed or not results else 0


if __name__ == "__main__":
    sys.exit(main())
