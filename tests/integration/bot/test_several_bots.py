"""Two bots with homes of their own: a conversation goes on at the other where the first one stopped."""

from __future__ import annotations

import uuid

from tests.integration.bot.running_bot import Bot


def test_a_form_that_one_bot_opened_is_filled_at_another(bot: Bot, offering: Bot) -> None:
    conversation = uuid.uuid4().hex
    opened = bot.turn(conversation, 2, "can you check my order status").json()
    assert opened["decision"]["reason"] == "order_status"
    filled = offering.turn(conversation, 4, "it is FG-1000645", dialogue=opened["dialogue"]).json()
    assert filled["decision"]["slots"]["order_number"] == "FG-1000645"
    assert "Two-person tent" in filled["replies"][0]["text"]
    # Back at the first bot the form is closed, although that bot has not seen it being filled.
    back = bot.turn(conversation, 6, "do you ship abroad", dialogue=filled["dialogue"]).json()
    assert "order number" not in back["replies"][-1]["text"]


def test_a_turn_that_died_with_its_bot_is_answered_by_another_from_the_same_state(
    bot: Bot, offering: Bot
) -> None:
    conversation = uuid.uuid4().hex
    opened = bot.turn(conversation, 2, "can you check my order status").json()
    lost = bot.turn(conversation, 4, "it is FG-1000645", dialogue=opened["dialogue"]).json()
    again = offering.turn(conversation, 4, "it is FG-1000645", dialogue=opened["dialogue"]).json()
    assert again["decision"]["slots"] == lost["decision"]["slots"]
