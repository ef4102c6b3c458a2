"""Each turn once: repeats, rivals, restarts, long conversations."""

from __future__ import annotations

import json
import sqlite3
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from tests.integration.bot.running_bot import Bot, home_with


def test_the_same_turn_twice_gives_one_answer_and_one_step(bot: Bot) -> None:
    conversation = uuid.uuid4().hex
    bot.turn(conversation, 1, "can you check my order status")
    first = bot.turn(conversation, 2, "blah flubber grmpf").json()
    again = bot.turn(conversation, 2, "blah flubber grmpf").json()
    assert first == again
    # Were the second a step of its own, the form would have failed twice and closed.
    assert bot.turn(conversation, 3, "FG-1000645").json()["decision"]["kind"] == "task"


def test_two_repeats_at_once_share_the_running_turn(bot: Bot) -> None:
    conversation = uuid.uuid4().hex
    bot.turn(conversation, 1, "can you check my order status")
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: bot.turn(conversation, 2, "blah flubber grmpf").json(), range(8)))
    assert all(answer == answers[0] for answer in answers)
    assert answers[0]["decision"]["reason"] == "not_understood"
    assert bot.turn(conversation, 3, "FG-1000645").json()["decision"]["kind"] == "task"


def test_an_older_turn_is_answered_from_the_store_while_it_is_kept(bot: Bot) -> None:
    conversation = uuid.uuid4().hex
    first = bot.turn(conversation, 1, "hello").json()
    for turn in (2, 3):
        bot.turn(conversation, turn, "thanks")
    assert bot.turn(conversation, 1, "hello").json() == first
    bot.turn(conversation, 4, "thanks")
    gone = bot.turn(conversation, 1, "hello")
    assert gone.status_code == 409
    assert gone.json()["error"]["code"] == "turn_overtaken"
    assert gone.json()["error"]["data"] == {"last_turn": 4}


def test_conversations_at_once_do_not_mix(bot: Bot) -> None:
    conversations = [uuid.uuid4().hex for _ in range(12)]
    numbers = ["FG-1000645", "FG-1000532", "FG-1000806"]

    def order_of(position: int) -> str:
        bot.turn(conversations[position], 1, "can you check my order status")
        body = bot.turn(conversations[position], 2, numbers[position % 3]).json()
        return str(body["decision"]["slots"]["order_number"])

    with ThreadPoolExecutor(12) as pool:
        assert list(pool.map(order_of, range(12))) == [numbers[i % 3] for i in range(12)]


def test_two_hundred_turns_leave_no_more_than_three_did(bot: Bot) -> None:
    conversation = uuid.uuid4().hex
    asked = ["hello", "where do I find my invoice?", "thanks"]

    def kept() -> tuple[int, int]:
        with closing(sqlite3.connect(bot.home / "dialogues.db")) as db:
            state = db.execute(
                "SELECT state FROM dialogue WHERE conversation_id = ?", (conversation,)
            ).fetchone()[0]
            replies = db.execute(
                "SELECT count(*) FROM reply WHERE conversation_id = ?", (conversation,)
            ).fetchone()[0]
        return len(json.loads(state)["events"]), replies

    def say(turns: range) -> None:
        for turn in turns:
            assert bot.turn(conversation, turn, asked[turn % 3], episode=1).status_code == 200

    say(range(1, 7))
    after_six = kept()
    say(range(7, 202))
    assert kept() == after_six == (after_six[0], 3)


def test_a_bot_killed_in_the_middle_of_a_form_goes_on(trained: Path, tmp_path: Path) -> None:
    home = home_with(trained, tmp_path)
    conversation = uuid.uuid4().hex
    first = Bot(home).ready()
    first.turn(conversation, 1, "can you check my order status")
    unclear = first.turn(conversation, 2, "blah flubber grmpf").json()
    first.kill()
    second = Bot(home).ready()
    try:
        assert second.turn(conversation, 2, "blah flubber grmpf").json() == unclear
        body = second.turn(conversation, 3, "FG-1000645").json()
        assert "Two-person tent" in body["replies"][0]["text"]
    finally:
        assert second.stop() == 0
