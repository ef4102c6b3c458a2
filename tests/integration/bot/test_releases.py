"""A running bot and the releases of its home."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_index.formats import parse
from kb_index.knowledge import Knowledge
from tests.integration.bot.running_bot import CONTENT, Bot, publish


class OtherEncoder:
    """An encoder of the same size that the bot does not use."""

    name = "other"
    fingerprint = "0" * 64
    dimension = 384

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.asarray([np.random.default_rng(len(t)).normal(size=384) for t in texts], dtype=np.float32)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def test_the_life_of_releases(trained: Path, tmp_path: Path) -> None:
    bot = Bot(tmp_path)
    try:
        # No release: the door is open, nothing answers, and nothing looks like success.
        for answer in (bot.request("GET", "/bot/ready"), bot.turn("c", 1, "hello")):
            assert answer.status_code == 503
            assert answer.json()["error"]["code"] == "warming"

        # One appears.
        publish(tmp_path, trained, "r1")
        bot.ready()
        assert bot.turn("c", 1, "hello").json()["release_id"] == "r1"

        # Another goes live: the next turn is answered by it, also in the middle of a form.
        bot.turn("f", 1, "can you check my order status")
        publish(tmp_path, trained, "r2")
        body = bot.turn("f", 2, "FG-1000645").json()
        assert body["release_id"] == "r2"
        assert "Two-person tent" in body["replies"][0]["text"]

        # A candidate answers the turns that name it, and no others.
        publish(tmp_path, trained, "r3", live=False)
        assert bot.request("POST", "/bot/releases/r3/load").json()["release_ids"] == ["r1", "r2", "r3"]
        assert bot.turn("d", 1, "hello", release_id="r3").json()["release_id"] == "r3"
        assert bot.turn("d", 2, "hello").json()["release_id"] == "r2"

        # One that is damaged after it was committed is refused by name and reason.
        publish(tmp_path, trained, "r4", live=False)
        with (tmp_path / "releases" / "r4" / "model.tar.gz").open("ab") as file:
            file.write(b"x")
        refused = bot.request("POST", "/bot/releases/r4/load")
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "release_refused")
        assert "model.tar.gz" in refused.json()["error"]["message"]
        (tmp_path / "releases" / "current").write_text("r4\n")
        assert bot.turn("e", 1, "hello").json()["release_id"] == "r2", "the last good one goes on"
        told = bot.request("GET", "/bot/ready").json()["refused"]
        assert [(r["release_id"], "model.tar.gz" in r["message"]) for r in told] == [("r4", True)]

        # One made with another encoder says so.
        other = tmp_path / "other"
        shutil.copytree(trained, other)
        shutil.rmtree(other / "index")
        articles = parse(CONTENT / "content.jsonl").articles
        Knowledge.build(articles, OtherEncoder()).save(other / "index")
        publish(tmp_path, other, "r5")
        assert bot.turn("e", 2, "hello").json()["release_id"] == "r2"
        answer = bot.wait_until(lambda a: any(r["release_id"] == "r5" for r in a.json()["refused"]))
        message = next(r["message"] for r in answer.json()["refused"] if r["release_id"] == "r5")
        assert "other" in message
        assert "r5" in bot.log()

        # Back to a good one.
        publish(tmp_path, trained, "r6")
        assert bot.turn("e", 3, "hello").json()["release_id"] == "r6"
        assert bot.turn("e", 4, "hello", release_id="nowhere").status_code == 409
    finally:
        assert bot.stop() == 0
