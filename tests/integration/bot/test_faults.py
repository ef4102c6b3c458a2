"""A fault in any part is a 500 in the one error shape, and the turn can be tried again."""

from __future__ import annotations

import uuid

import pytest

from tests.integration.bot.running_bot import Bot

PARTS = [
    "encoder",
    "classifier",
    "retriever",
    "mood",
    "decision",
    "nlg",
    "response",
    "silence",
    "speech",
]


@pytest.mark.parametrize("part", PARTS)
def test_a_fault_is_never_an_empty_success(planted: Bot, part: str) -> None:
    conversation = uuid.uuid4().hex
    assert planted.turn(conversation, 1, "can you check my order status").status_code == 200
    text = f"fault in the {part} of all things"
    failed = planted.turn(conversation, 2, text)
    assert failed.status_code == 500
    assert failed.json() == {
        "error": {"code": "bot_failed", "message": "The bot could not answer this.", "data": {}}
    }
    again = planted.turn(conversation, 2, text)
    assert again.status_code == 200
    # The form counts what it could not use; had the failed try counted, this one would have closed it.
    assert again.json()["decision"]["reason"] == "not_understood"


def test_a_fault_of_the_order_service(planted: Bot) -> None:
    conversation = uuid.uuid4().hex
    failed = planted.turn(conversation, 1, "look up order FG-1000666")
    assert failed.status_code == 500
    again = planted.turn(conversation, 1, "look up order FG-1000666")
    assert "could not find an order" in again.json()["replies"][0]["text"]
