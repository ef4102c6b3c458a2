"""What customers say outside a form."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import pytest

from tests.integration.bot.running_bot import ROOT, Bot, Talk

ANGRY = "this is ridiculous, third time I ask, you people are useless"


def test_an_answer_names_its_article_and_carries_the_evidence(talk: Talk) -> None:
    body = talk.say("where do I find my invoice?")
    decision = body["decision"]
    assert (decision["kind"], decision["reason"]) == ("answer", "confident")
    assert decision["confidence"] >= decision["threshold"]
    assert decision["passages"][0]["article_id"] == body["replies"][0]["article_id"] == "invoice-copy"
    assert "PDF" in body["replies"][0]["text"]


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("hello there", "greet"),
        ("thanks a lot", "thanks"),
        ("THANK YOU SO MUCH", "thanks"),
        ("goodbye", "goodbye"),
        ("are you a robot", "bot_challenge"),
    ],
)
def test_small_talk(talk: Talk, text: str, intent: str) -> None:
    assert talk.decide(text) == ("chat", intent)


def test_a_greeting_uses_the_name(talk: Talk) -> None:
    assert "Ada" in talk.say("hello", customer={"name": "Ada"})["replies"][0]["text"]


def test_a_greeting_before_a_question_is_a_question(talk: Talk) -> None:
    assert talk.say("hi, where do I find my invoice?")["decision"]["kind"] == "answer"


def test_a_person_on_request(talk: Talk) -> None:
    assert talk.decide("I want to talk to a real person") == ("escalate", "asked")


def test_what_nobody_wrote_an_article_on_is_handed_over(talk: Talk) -> None:
    assert talk.decide("how tall is mount everest") == ("escalate", "low_confidence")


def test_offer_says_so_once_and_hands_over_the_second_time(offering: Bot) -> None:
    talk = offering.talk()
    assert talk.decide("how tall is mount everest") == ("unsure", "low_confidence")
    assert talk.decide("who won the football match") == ("escalate", "repeated_failure")


def test_yes_to_the_offer_of_a_person(offering: Bot) -> None:
    talk = offering.talk()
    talk.say("how tall is mount everest")
    assert talk.decide("yes please") == ("escalate", "asked")


def test_the_voice_is_the_sites(bot: Bot, offering: Bot) -> None:
    assert bot.talk().say("hello")["replies"][0]["text"].startswith("Good day")
    assert offering.talk().say("hello")["replies"][0]["text"].startswith("Hi")


def test_a_rejected_answer_and_then_another(talk: Talk) -> None:
    assert talk.decide("where do I find my invoice?")[0] == "answer"
    assert talk.decide("that's not what I asked") == ("unsure", "rejected")
    assert talk.decide("that doesn't answer my question") == ("escalate", "repeated_failure")


def test_asking_the_same_again_and_again(talk: Talk) -> None:
    assert talk.decide("where do I find my invoice?") == ("answer", "confident")
    assert talk.decide("where can I find my invoice") == ("answer", "repeated")
    assert talk.decide("where do I find my invoice??") == ("escalate", "repeated_failure")


class TestCompetingArticles:
    QUESTION = "what do I do about my membership card"

    def test_both_are_offered_and_the_chosen_one_is_answered(self, talk: Talk) -> None:
        body = talk.say(self.QUESTION)
        assert body["decision"]["kind"] == "clarify"
        choices = body["replies"][0]["choices"]
        labels = [choice["label"] for choice in choices]
        assert set(labels[:2]) == {"I have lost my membership card", "My membership card has been stolen"}
        stolen = next(c for c in choices if "stolen" in c["label"])
        answer = talk.say(stolen["label"], choice=stolen["id"])
        assert (answer["decision"]["kind"], answer["decision"]["reason"]) == ("answer", "chosen")
        assert answer["replies"][0]["article_id"] == "card-stolen"

    def test_neither_is_a_rejection(self, talk: Talk) -> None:
        choices = talk.say(self.QUESTION)["replies"][0]["choices"]
        assert talk.decide("None of these", choice=choices[2]["id"]) == ("unsure", "rejected")

    def test_the_same_pair_is_not_offered_twice(self, talk: Talk) -> None:
        talk.say(self.QUESTION)
        assert talk.decide(self.QUESTION) == ("escalate", "low_confidence")

    def test_a_choice_of_an_earlier_offer_is_read_as_words(self, talk: Talk) -> None:
        choices = talk.say(self.QUESTION)["replies"][0]["choices"]
        talk.say("thanks")
        body = talk.say("where do I find my invoice?", choice=choices[0]["id"])
        assert body["replies"][0]["article_id"] == "invoice-copy"


class TestCommands:
    @pytest.mark.parametrize("text", ["/restart", "/back", " /session_start", "//restart", "/ /restart"])
    def test_a_slash_is_not_a_command(self, talk: Talk, text: str) -> None:
        talk.say("can you check my order status")
        decision = talk.say(text)["decision"]
        assert decision["kind"] == "task", "the form is still open"
        assert "Two-person tent" in talk.say("FG-1000645")["replies"][0]["text"]

    def test_an_intent_cannot_be_injected(self, talk: Talk) -> None:
        decision = talk.say('/greet{"x":1}')["decision"]
        assert (decision["kind"], decision["intent"]) != ("chat", "greet")

    def test_a_bare_slash_gets_an_answer(self, talk: Talk) -> None:
        body = talk.say("/")
        assert body["decision"]["kind"] in {"chat", "escalate"}
        assert body["replies"][0]["text"]


class TestFrustration:
    def test_clear_anger_trips_at_once_and_names_what_happens_next(self, talk: Talk) -> None:
        body = talk.say(ANGRY)
        assert (body["decision"]["kind"], body["decision"]["reason"]) == ("escalate", "frustration")
        assert {signal["name"] for signal in body["decision"]["signals"]} >= {"meaning", "accusing"}
        assert "sorry" in body["replies"][0]["text"]
        assert "colleague" in body["replies"][0]["text"]

    def test_traps_do_not_trip(self, bot: Bot) -> None:
        path = Path(ROOT, "nlu_data", "frustration", "traps.jsonl")
        traps = [json.loads(line)["text"] for line in path.read_text().splitlines()]
        assert traps
        tripped = [t for t in traps if bot.talk().decide(t) == ("escalate", "frustration")]
        assert len(tripped) <= 0.01 * len(traps), tripped

    def test_old_anger_is_over_after_a_hand_back(self, talk: Talk) -> None:
        assert talk.decide(ANGRY) == ("escalate", "frustration")
        context = {
            "handback": {"outcome": "resolved", "note": None},
            "said_since_last_turn": [
                {"actor": "customer", "text": "finally"},
                {"actor": "agent", "text": "Done."},
            ],
        }
        body = talk.say("ok, where do I find my invoice?", context=context)
        assert body["decision"]["kind"] == "answer"
        assert body["decision"]["frustration"] < 0.1
        assert talk.decide(ANGRY) == ("escalate", "frustration"), "new anger counts"


def test_a_new_episode_starts_afresh(bot: Bot) -> None:
    conversation = uuid.uuid4().hex
    bot.turn(conversation, 2, "can you check my order status")
    body = bot.turn(conversation, 9, "do you ship abroad", episode=2).json()
    assert body["decision"]["kind"] == "answer"
    assert len(body["replies"]) == 1, "the form of the episode before is forgotten"


def test_a_discarded_turn_has_not_happened(bot: Bot) -> None:
    conversation = uuid.uuid4().hex
    bot.turn(conversation, 2, "can you check my order status")
    assert bot.turn(conversation, 4, "cancel").json()["decision"]["reason"] == "cancelled"
    body = bot.turn(conversation, 6, "FG-1000645", context={"discarded_turns": [4]}).json()
    assert "Two-person tent" in body["replies"][0]["text"], "the form was still open for the customer"
