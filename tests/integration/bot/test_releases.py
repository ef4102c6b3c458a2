"""A running bot and the releases of its home."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from kb_index.encoder import load_encoder
from kb_index.finetune import Lesson, fine_tune
from kb_index.fork import LowerLayers
from kb_index.formats import parse
from kb_index.knowledge import Knowledge
from kb_index.releases import ReleaseStore
from kb_index.tail_store import load_tuned, save_tail
from tests.integration.bot.running_bot import AT, CONTENT, Bot, publish


class OtherEncoder:
    """An encoder of the same size that the bot does not use."""

    name = "other"
    fingerprint = "0" * 64
    dimension = 384
    general = 384

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        rows = np.asarray([np.random.default_rng(len(t)).normal(size=384) for t in texts], dtype=np.float32)
        unit: NDArray[np.float32] = rows / np.linalg.norm(rows, axis=1, keepdims=True)
        return unit


def write_encoder(folder: Path, texts: Sequence[str]) -> None:
    """A tuned encoder after a step or two."""
    states = LowerLayers().states(texts)
    vectors = load_encoder("bundled").encode(texts)
    lesson = Lesson(states, vectors, np.arange(len(texts)) // 4, epochs=1)
    tail = fine_tune(lesson, deadline=float("inf"), threads=1, progress=lambda _done, _total: None)
    save_tail(folder, tail, tuned_share=0.6, sample=states)


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

        # Another goes live that was loaded before: the next turn is answered by it, also in the middle of a form.
        bot.turn("f", 1, "can you check my order status")
        publish(tmp_path, trained, "r2", live=False)
        bot.request("POST", "/bot/releases/r2/load")
        ReleaseStore(tmp_path / "releases").publish("r2", at=AT, by="test")
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
        asked = {"release_id": "r4", "revision": 0}
        assert bot.request("POST", "/bot/follow", json=asked).json() == {"live": False}
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

        # One with an encoder of its own, which is loaded from its folder.
        tuned = tmp_path / "tuned"
        shutil.copytree(trained, tuned)
        shutil.rmtree(tuned / "index")
        write_encoder(tuned / "encoder", [article.title for article in articles])
        Knowledge.build(articles, load_tuned(tuned / "encoder")).save(tuned / "index")
        publish(tmp_path, tuned, "r6")
        bot.follow("r6")
        assert bot.turn("e", 4, "hello").json()["release_id"] == "r6"
        article = articles[0]
        answered = bot.turn("e", 5, article.questions[0]).json()
        assert answered["release_id"] == "r6"
        assert answered["decision"]["passages"][0]["article_id"] == article.id

        # The same, its encoder damaged before the release was made: refused by name, the good one goes on.
        (tuned / "encoder" / "tail.onnx").write_bytes(b"x")
        publish(tmp_path, tuned, "r7")
        assert bot.turn("e", 6, "hello").json()["release_id"] == "r6"
        answer = bot.wait_until(lambda a: any(r["release_id"] == "r7" for r in a.json()["refused"]))
        message = next(r["message"] for r in answer.json()["refused"] if r["release_id"] == "r7")
        assert "tail.onnx has changed" in message

        # Back to a good one.
        publish(tmp_path, trained, "r8")
        bot.follow("r8")
        assert bot.turn("e", 7, "hello").json()["release_id"] == "r8"
        assert bot.turn("e", 8, "hello", release_id="nowhere").status_code == 409
    finally:
        assert bot.stop() == 0
