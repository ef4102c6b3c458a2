"""A bot that is killed while it takes up what is new: nothing is half there, and the next one answers as it would have."""

from __future__ import annotations

import hashlib
import threading
import time
from pathlib import Path
from typing import Any

import httpx
import pytest

from kb_index.article import Article
from kb_index.editions import Edition, EditionStore
from tests.integration.bot.running_bot import AT, Bot, publish

ASKED = "where can I borrow a wheelbarrow"
PATIENCE_S = 60.0
STANDING = ("-m", "tests.integration.bot.standing_bot")


def write_edition(home: Path, revision: int, *, draft: bool = False) -> None:
    store = EditionStore(home / "editions")
    article = Article("wheelbarrow", "Where can I borrow a wheelbarrow?", f"In shed {revision}.")
    edition = Edition("r1", revision, AT, "ann", (article,))
    store.write(edition, draft=draft)


def files_of(home: Path) -> dict[str, str]:
    """A digest of each file that makes up what is live."""
    return {
        str(path.relative_to(home)): hashlib.sha256(path.read_bytes()).hexdigest()
        for folder in ("releases", "editions")
        for path in sorted((home / folder).rglob("*"))
        if path.is_file()
    }


def kill_at(bot: Bot, place: str, path: str, body: dict[str, Any]) -> None:
    """Have the bot begin something, and kill it in the middle of that."""
    failed: list[BaseException] = []

    def ask() -> None:
        try:
            bot.request("POST", path, json=body)
        except httpx.HTTPError as failure:
            failed.append(failure)

    (bot.home / f"stand at {place}").touch()
    asking = threading.Thread(target=ask)
    asking.start()
    deadline = time.monotonic() + PATIENCE_S
    while not (bot.home / "standing").exists():
        assert time.monotonic() < deadline, bot.log()
        time.sleep(0.01)
    bot.process.kill()
    asking.join(PATIENCE_S)
    bot.kill()
    assert len(failed) == 1, "it had answered before it was killed"
    for name in (f"stand at {place}", "standing"):
        (bot.home / name).unlink()


@pytest.mark.parametrize("work", ["load", "follow", "try"])
def test_a_bot_killed_at_work_comes_back(work: str, trained: Path, tmp_path: Path) -> None:
    publish(tmp_path, trained, "r1")
    publish(tmp_path, trained, "r2", live=False)
    write_edition(tmp_path, 1)
    bot = Bot(tmp_path, program=STANDING).ready()
    assert bot.turn("before", 1, ASKED).json()["replies"][0]["text"] == "In shed 1."
    expected = 1
    if work == "follow":
        write_edition(tmp_path, 2)
        expected = 2
    elif work == "try":
        write_edition(tmp_path, 2, draft=True)
    before = files_of(tmp_path)
    if work == "load":
        kill_at(bot, "load", "/bot/releases/r2/load", {})
    elif work == "follow":
        kill_at(bot, "make", "/bot/follow", {"release_id": "r1", "revision": 2})
    else:
        kill_at(bot, "make", "/bot/try", {"text": ASKED, "draft": True})
    assert files_of(tmp_path) == before
    again = Bot(tmp_path).ready()
    try:
        answer = again.turn("after", 1, ASKED).json()
        assert (answer["release_id"], answer["decision"]["revision"]) == ("r1", expected)
        assert answer["replies"][0]["text"] == f"In shed {expected}."
        assert again.request("POST", "/bot/releases/r2/load").json()["release_ids"] == ["r1", "r2"]
    finally:
        assert again.stop() == 0
