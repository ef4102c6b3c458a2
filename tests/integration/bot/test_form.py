"""Everything that may come in the middle of the order form."""

from __future__ import annotations

from tests.integration.bot.running_bot import Talk

ASKS = "What is your order number?"


def in_form(talk: Talk) -> Talk:
    body = talk.say("can you check my order status")
    assert (body["decision"]["kind"], body["decision"]["reason"]) == ("task", "order_status")
    assert body["replies"][0]["text"].startswith(ASKS)
    return talk


def is_closed(talk: Talk) -> bool:
    """A closed form does not read a message without an order as an attempt to fill it."""
    return talk.say("thank you")["decision"]["kind"] == "chat" and (
        ASKS not in talk.say("do you ship abroad")["replies"][-1]["text"]
    )


def test_the_number_fills_the_form_and_the_order_is_told(talk: Talk) -> None:
    body = in_form(talk).say("it is FG-1000645")
    assert body["decision"]["kind"] == "task"
    assert body["decision"]["slots"]["order_number"] == "FG-1000645"
    assert "Two-person tent" in body["replies"][0]["text"]
    assert is_closed(talk)


def test_a_telephone_number_is_no_order(talk: Talk) -> None:
    body = talk.say("my order is late and I am furious, call me at once on 01512345678")
    assert body["decision"]["slots"].get("order_number") is None
    assert "could not find an order" not in body["replies"][0]["text"]


def test_an_unknown_number_is_said_to_be_unknown(talk: Talk) -> None:
    body = in_form(talk).say("FG-9999999")
    assert "could not find an order" in body["replies"][0]["text"]
    assert is_closed(talk)


def test_a_number_in_the_first_message_needs_no_question(talk: Talk) -> None:
    body = talk.say("look up order FG-1000806")
    assert "was cancelled" in body["replies"][0]["text"]


def test_a_second_order_is_not_answered_with_the_first_number(talk: Talk) -> None:
    in_form(talk).say("FG-1000645")
    body = talk.say("can you check my order status")
    assert body["replies"][0]["text"].startswith(ASKS)
    assert "45 l backpack" in talk.say("FG-1000532")["replies"][0]["text"]


def test_a_question_is_answered_and_the_form_resumes(talk: Talk) -> None:
    body = in_form(talk).say("where do I find my invoice?")
    assert (body["decision"]["kind"], body["replies"][0]["article_id"]) == ("answer", "invoice-copy")
    assert body["replies"][1]["text"].startswith(ASKS)
    assert "Two-person tent" in talk.say("FG-1000645")["replies"][0]["text"]


def test_small_talk_is_answered_and_the_form_resumes(talk: Talk) -> None:
    body = in_form(talk).say("are you a bot?")
    assert (body["decision"]["kind"], body["decision"]["reason"]) == ("chat", "bot_challenge")
    assert body["replies"][1]["text"].startswith(ASKS)
    assert "Two-person tent" in talk.say("1000645")["replies"][0]["text"]


def test_anger_escalates_and_closes_the_form(talk: Talk) -> None:
    body = in_form(talk).say("this is ridiculous, third time I ask, you people are useless")
    assert (body["decision"]["kind"], body["decision"]["reason"]) == ("escalate", "frustration")
    assert body["decision"]["frustration"] >= body["decision"]["frustration_threshold"]
    assert "the trouble with your order" in body["replies"][0]["text"]
    assert is_closed(talk)


def test_a_person_is_given_and_the_form_closes(talk: Talk) -> None:
    assert in_form(talk).decide("a person") == ("escalate", "asked")
    assert is_closed(talk)


def test_cancel_ends_the_form(talk: Talk) -> None:
    assert in_form(talk).decide("cancel") == ("task", "cancelled")
    assert is_closed(talk)


def test_nonsense_is_asked_again_once_and_then_handed_over(talk: Talk) -> None:
    body = in_form(talk).say("blah flubber grmpf")
    assert (body["decision"]["kind"], body["decision"]["reason"]) == ("task", "not_understood")
    assert "could not find an order number" in body["replies"][0]["text"]
    assert talk.decide("xyzzy plugh") == ("escalate", "repeated_failure")
    assert is_closed(talk)


def test_nonsense_does_not_spoil_a_number_that_follows(talk: Talk) -> None:
    in_form(talk).say("blah flubber grmpf")
    assert "Two-person tent" in talk.say("FG-1000645")["replies"][0]["text"]


def test_a_hand_back_in_mid_form_finds_it_closed(talk: Talk) -> None:
    in_form(talk)
    context = {
        "handback": {"outcome": "resolved", "note": "found the order"},
        "said_since_last_turn": [
            {"actor": "customer", "text": "get me someone, this is ridiculous"},
            {"actor": "agent", "text": "Your tent arrives tomorrow."},
        ],
    }
    body = talk.say("do you ship abroad", context=context)
    assert (body["decision"]["kind"], body["replies"][0]["article_id"]) == ("answer", "delivery-abroad")
    assert len(body["replies"]) == 1, "the form is not taken up again"


def test_after_a_hand_back_the_form_starts_afresh(talk: Talk) -> None:
    in_form(talk)
    context = {"handback": {"outcome": None, "note": None}}
    body = talk.say("can you check my order status", context=context)
    assert body["replies"][0]["text"].startswith(ASKS)
    assert "Two-person tent" in talk.say("FG-1000645")["replies"][0]["text"]
