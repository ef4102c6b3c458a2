"""The bot's loop under load and while releases load beside it, as its own histogram tells."""

from __future__ import annotations

import re
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.integration.bot.running_bot import Bot, publish

LONGEST_S = "1.0"
"""A turn's graph takes some 5 ms, on a machine that others work on several times that. What is looked for here are loads
and batches done in the loop's thread: those take longer than this on any machine."""


def read(bot: Bot, name: str) -> dict[str, float]:
    """The buckets of one histogram by their bound, and its count."""
    answer = bot.request("GET", "/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    found = {
        m[1]: float(m[2]) for m in re.finditer(rf'^{name}_bucket{{le="(.+)"}} (\S+)$', answer.text, re.M)
    }
    count = re.search(rf"^{name}_count (\S+)$", answer.text, re.M)
    assert count is not None
    return {**found, "count": float(count[1])}


def longer(before: dict[str, float], after: dict[str, float], bound: str) -> float:
    return (after["count"] - after[bound]) - (before["count"] - before[bound])


def test_the_loop_goes_on_under_load_and_while_releases_are_loaded(trained: Path, tmp_path: Path) -> None:
    publish(tmp_path, trained, "r1")
    bot = Bot(tmp_path)
    try:
        bot.ready()
        bot.turn("warm", 1, "hello")
        stalls, answers = (read(bot, f"baton_bot_{name}_seconds") for name in ("loop_stall", "answer"))
        done = threading.Event()
        asked = 0

        def customer(number: int) -> int:
            turns = 0
            while not done.is_set():
                turns += 1
                text = f"hello, may I ask number {number} {turns}: when does my parcel arrive?"
                assert bot.turn(f"c{number}", turns, text).status_code == 200
            return turns

        with ThreadPoolExecutor(16) as customers:
            running = [customers.submit(customer, number) for number in range(16)]
            try:
                for release in ("r2", "r3"):
                    publish(tmp_path, trained, release, live=False)
                    loaded = bot.request("POST", f"/bot/releases/{release}/load")
                    assert loaded.status_code == 200, loaded.text
            finally:
                done.set()
            asked = sum(one.result() for one in running)
        now = read(bot, "baton_bot_loop_stall_seconds")
        assert read(bot, "baton_bot_answer_seconds")["count"] - answers["count"] == asked > 16
        assert read(bot, "baton_bot_release_load_seconds")["count"] == 3
        assert now["count"] > stalls["count"]
        assert longer(stalls, now, LONGEST_S) == 0, now
    finally:
        assert bot.stop() == 0


def test_figures_are_for_those_who_have_the_secret(bot: Bot) -> None:
    assert bot.request("GET", "/metrics", headers={"X-Baton-Secret": "wrong"}).status_code == 401
