"""The decision on one message."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.answering import ASK_HUMAN, Evidence, Form, LowConfidence, Verdict, decide
from bot.contract import Passage
from bot.frustration import Mood
from bot.memory import Memory, Option
from kb_index.rules import Does

CALM = Mood(0.0, tripped=False, escalate=False, weights=())
ANGRY = Mood(1.5, tripped=True, escalate=True, weights=(("words", 1.5),))
RETURNS = Passage("returns", "How do I return something?", 0.95)
REFUNDS = Passage("refunds", "Where is my refund?", 0.03)


def evidence(**changes: Any) -> Evidence:
    """A question that no article answers with confidence."""
    given: dict[str, Any] = {
        "turn": 7,
        "text": "text",
        "confidence": 0.1,
        "threshold": 0.8,
        "passages": (RETURNS, REFUNDS),
        "intents": {"question": 1.0},
        "mood": CALM,
    }
    return Evidence(**{**given, **changes})


def sure(**changes: Any) -> Evidence:
    return evidence(confidence=0.9, **changes)


def verdict(
    given: Evidence, memory: Memory | None = None, low_confidence: LowConfidence = "handoff"
) -> Verdict:
    return decide(given, memory or Memory(), low_confidence)


def told(found: Verdict) -> tuple[str, str]:
    return found.kind, found.reason


class TestAnswer:
    def test_at_the_threshold_it_is_said_and_below_not(self) -> None:
        assert told(verdict(evidence(confidence=0.8))) == ("answer", "confident")
        assert told(verdict(evidence(confidence=0.7999))) == ("clarify", "likely")

    def test_no_articles_are_never_confident(self) -> None:
        assert told(verdict(evidence(confidence=1.0, passages=()))) == ("escalate", "low_confidence")

    @pytest.mark.parametrize(
        "intent", ["greet", "thanks", "goodbye", "complain", "bot_challenge", "affirm", "deny"]
    )
    def test_talk_does_not_win_over_a_confident_article(self, intent: str) -> None:
        assert verdict(sure(intents={intent: 0.89})).kind == "answer"
        assert told(verdict(evidence(intents={intent: 0.89}))) == ("chat", intent)

    def test_two_that_are_believed_alike_and_say_different_things_are_asked_about(self) -> None:
        alike = (Passage("lost", "Lost card", 0.5), Passage("stolen", "Stolen card", 0.5))
        assert told(verdict(sure(passages=alike))) == ("answer", "confident")
        assert told(verdict(sure(passages=alike, tied=True))) == ("clarify", "likely")

    def test_talk_wins_where_it_is_the_surer_one(self) -> None:
        assert verdict(sure(intents={"thanks": 0.95})).kind == "chat"
        assert verdict(evidence(confidence=0.96, intents={"thanks": 0.95})).kind == "answer"

    def test_the_same_answer_is_given_twice_at_most(self) -> None:
        first = verdict(sure())
        second = verdict(sure(repeated=0.9), first.memory)
        third = verdict(sure(repeated=0.9), second.memory)
        assert [told(v) for v in (first, second, third)] == [
            ("answer", "confident"),
            ("answer", "repeated"),
            ("escalate", "repeated_failure"),
        ]

    def test_another_question_to_the_same_article_is_no_repeat(self) -> None:
        assert told(verdict(sure(repeated=0.0), verdict(sure()).memory)) == ("answer", "confident")


class TestPerson:
    def test_asked(self) -> None:
        assert told(verdict(evidence(intents={ASK_HUMAN: 0.6}))) == ("escalate", "asked")

    def test_an_article_on_reaching_a_person_is_answered_with_it(self) -> None:
        assert verdict(sure(intents={ASK_HUMAN: 0.6})).kind == "answer"
        assert told(verdict(sure(intents={ASK_HUMAN: 0.97}))) == ("escalate", "asked")

    def test_yes_means_a_person_only_after_one_was_offered(self) -> None:
        yes = evidence(intents={"affirm": 0.9})
        assert told(verdict(yes)) == ("chat", "affirm")
        assert told(verdict(yes, Memory(offers_person=True, last_kind="unsure"))) == ("escalate", "asked")

    def test_it_comes_before_anger(self) -> None:
        assert verdict(evidence(mood=ANGRY, intents={ASK_HUMAN: 0.9})).reason == "asked"


def test_anger_comes_before_a_confident_answer_and_is_remembered() -> None:
    found = verdict(sure(mood=ANGRY))
    assert told(found) == ("escalate", "frustration")
    assert (found.memory.level, found.memory.tripped) == (1.5, True)


class TestLanguage:
    def test_one_that_no_article_covers_is_told_and_handed_over(self) -> None:
        found = verdict(evidence(language="de", covered=False))
        assert told(found) == ("escalate", "policy")
        assert found.actions == ("utter_escalate_language", "action_listen")
        assert found.memory.language == "de"

    def test_it_comes_after_anger_and_before_whatever_words_seem_to_say(self) -> None:
        assert verdict(evidence(covered=False, mood=ANGRY)).reason == "frustration"
        assert verdict(sure(covered=False)).reason == "policy"
        assert verdict(evidence(covered=False, intents={"order_status": 0.95})).reason == "policy"

    def test_an_open_form_takes_its_number_and_else_closes(self) -> None:
        with_number = Form(active=True, number="FG-1000417")
        assert told(verdict(evidence(covered=False, form=with_number))) == ("task", "order_number")
        without = verdict(evidence(covered=False, form=Form(active=True)))
        assert (told(without), without.closes_form) == (("escalate", "policy"), True)

    def test_thanks_are_returned_in_any_language(self) -> None:
        assert told(verdict(evidence(covered=False, intents={"thanks": 0.95}))) == ("chat", "thanks")
        assert verdict(evidence(covered=False, intents={"thanks": 0.85})).reason == "policy"

    def test_what_was_certain_is_remembered(self) -> None:
        memory = verdict(sure(language="de")).memory
        assert verdict(sure(language=None), memory).memory.language == "de"
        assert verdict(sure(language="en"), memory).memory.language == "en"


class TestLowConfidence:
    def test_handoff_at_once(self) -> None:
        assert told(verdict(evidence())) == ("escalate", "low_confidence")

    def test_offer_first_and_the_second_time_it_is_a_failure(self) -> None:
        first = verdict(evidence(), low_confidence="offer")
        second = verdict(evidence(), first.memory, "offer")
        assert told(first) == ("unsure", "low_confidence")
        assert told(second) == ("escalate", "repeated_failure")

    def test_an_answer_in_between_does_not_forget_the_first(self) -> None:
        memory = verdict(evidence(), low_confidence="offer").memory
        memory = verdict(sure(), memory, "offer").memory
        assert told(verdict(evidence(), memory, "offer")) == ("escalate", "repeated_failure")

    def test_a_rejected_answer_asks_for_other_words_once(self) -> None:
        memory = verdict(sure()).memory
        reject = evidence(intents={"reject_answer": 0.9})
        first = verdict(reject, memory)
        assert told(first) == ("unsure", "rejected")
        assert told(verdict(reject, first.memory)) == ("escalate", "repeated_failure")

    def test_there_is_nothing_to_reject_before_an_answer(self) -> None:
        assert verdict(evidence(intents={"reject_answer": 0.9})).reason == "low_confidence"


class TestClarify:
    COMPETING = (
        Passage("lost", "Lost card", 0.5),
        Passage("stolen", "Stolen card", 0.4),
        Passage("other", "Other", 0.1),
    )

    def asked(self, **changes: Any) -> Evidence:
        return evidence(**{"confidence": 0.45, "passages": self.COMPETING, **changes})

    def test_the_two_best_are_offered_and_a_way_out(self) -> None:
        found = verdict(self.asked())
        assert told(found) == ("clarify", "competing")
        assert [o.article_id for o in found.options] == ["lost", "stolen", None]
        assert len({o.id for o in found.options}) == 3

    def test_an_article_that_is_likely_is_offered_though_none_competes(self) -> None:
        leading = (Passage("lost", "Lost card", 0.9), Passage("stolen", "Stolen card", 0.05))
        found = verdict(self.asked(confidence=0.6, passages=leading))
        assert told(found) == ("clarify", "likely")
        assert [o.article_id for o in found.options] == ["lost", "stolen", None]
        assert verdict(self.asked(confidence=0.49, passages=leading)).kind == "escalate"

    def test_a_choice_is_answered(self) -> None:
        offered = verdict(self.asked())
        found = verdict(evidence(choice=offered.options[1].id), offered.memory)
        assert (told(found), found.article_id) == (("answer", "chosen"), "stolen")

    def test_the_way_out_is_a_rejection(self) -> None:
        offered = verdict(self.asked())
        assert told(verdict(evidence(choice=offered.options[2].id), offered.memory)) == ("unsure", "rejected")

    def test_a_choice_is_valid_for_the_last_reply_alone(self) -> None:
        offered = verdict(self.asked())
        later = verdict(evidence(intents={"thanks": 0.9}), offered.memory)
        assert verdict(evidence(choice=offered.options[0].id), later.memory).kind == "escalate"

    def test_never_twice_about_the_same_two(self) -> None:
        offered = verdict(self.asked())
        turned = (self.COMPETING[1], self.COMPETING[0])
        assert verdict(self.asked(passages=turned), offered.memory).kind == "escalate"

    @pytest.mark.parametrize(
        "changes",
        [
            {"passages": (Passage("a", "A", 0.7), Passage("b", "B", 0.2))},
            {"passages": (Passage("a", "A", 0.3), Passage("b", "B", 0.25))},
            {"confidence": 0.29},
            {"passages": (Passage("a", "A", 0.9),)},
        ],
    )
    def test_not_where_one_leads_or_none_is_plausible(self, changes: dict[str, Any]) -> None:
        assert verdict(self.asked(**changes)).kind == "escalate"


class TestForm:
    OPEN = Form(active=True)

    def test_the_number_goes_to_the_form(self) -> None:
        found = verdict(sure(form=Form(active=True, number="FG-1000417")))
        assert (told(found), found.actions) == (("task", "order_number"), ())

    def test_an_article_is_answered_and_the_form_asks_again(self) -> None:
        found = verdict(sure(form=self.OPEN))
        assert found.actions == ("utter_answer", "order_status_form", "action_listen")
        assert not found.closes_form

    @pytest.mark.parametrize("intent", ["cancel_form", "deny"])
    def test_it_can_be_left(self, intent: str) -> None:
        found = verdict(evidence(form=self.OPEN, intents={intent: 0.9}))
        assert told(found) == ("task", "cancelled")
        assert found.closes_form

    def test_the_second_useless_message_in_a_row_hands_over(self) -> None:
        first = verdict(evidence(form=self.OPEN))
        second = verdict(evidence(form=self.OPEN), first.memory)
        assert told(first) == ("task", "not_understood")
        assert told(second) == ("escalate", "repeated_failure")
        assert second.closes_form
        assert second.memory.form_failures == 0

    @pytest.mark.parametrize("given", [{"mood": ANGRY}, {"intents": {ASK_HUMAN: 0.9}}])
    def test_every_escalation_closes_it(self, given: dict[str, Any]) -> None:
        assert verdict(evidence(form=self.OPEN, **given)).closes_form

    def test_a_new_task_forgets_the_last_number(self) -> None:
        assert verdict(evidence(intents={"order_status": 0.9})).clears_number
        with_number = Form(number="1000417", number_only=True)
        assert not verdict(evidence(form=with_number)).clears_number

    def test_a_task_needs_more_where_an_article_is_confident(self) -> None:
        assert verdict(evidence(intents={"order_status": 0.6})).kind == "task"
        assert verdict(sure(intents={"order_status": 0.6})).kind == "answer"
        assert verdict(sure(intents={"order_status": 0.8})).kind == "task"


PROBABILITY = st.floats(0, 1)


@given(
    confidence=PROBABILITY,
    intents=st.dictionaries(
        st.sampled_from(
            ["greet", "thanks", "ask_human", "deny", "affirm", "order_status", "question", "cancel_form"]
        ),
        PROBABILITY,
    ),
    scores=st.lists(PROBABILITY, max_size=3),
    mood=st.sampled_from([CALM, ANGRY]),
    form=st.sampled_from([Form(), Form(active=True), Form(active=True, number="1000417")]),
    repeated=PROBABILITY,
    choice=st.sampled_from([None, "7.1", "7.0", "x"]),
    failures=st.integers(0, 2),
    last=st.sampled_from([None, "answer", "clarify", "unsure", "chat"]),
    setting=st.sampled_from(["handoff", "offer"]),
)
def test_whatever_comes_it_ends_in_one_sound_verdict(  # noqa: PLR0917 - one argument for each strategy
    confidence: float,
    intents: dict[str, float],
    scores: list[float],
    mood: Mood,
    form: Form,
    repeated: float,
    choice: str | None,
    failures: int,
    last: str | None,
    setting: LowConfidence,
) -> None:
    passages = tuple(Passage(f"a{i}", f"A{i}", s) for i, s in enumerate(sorted(scores, reverse=True)))
    memory = Memory(
        failures=failures,
        last_kind=last,
        options=(Option("7.1", "a0"), Option("7.0", None)),
        answered=("a0",),
    )
    found = decide(
        evidence(
            confidence=confidence,
            intents=intents,
            passages=passages,
            mood=mood,
            form=form,
            repeated=repeated,
            choice=choice,
        ),
        memory,
        setting,
    )
    if found.actions:
        assert found.actions[-1] == "action_listen"
    if found.kind == "escalate":
        assert found.actions[0] == f"utter_escalate_{found.reason}"
        assert found.closes_form == form.active
    if found.kind == "answer":
        assert found.article_id is not None
    assert Memory.from_dict(found.memory.as_dict()) == found.memory


RULES = {
    "bulk": Does("say", {"en": "Write to us."}),
    "hiring": Does("article", article_id="jobs"),
    "press": Does("person", reason="Press"),
    "chase": Does("order_status"),
}


class TestRules:
    def test_each_kind_does_what_the_editor_said(self) -> None:
        found = {name: verdict(evidence(rules=RULES, intents={name: 0.6})) for name in RULES}
        assert {name: told(v) for name, v in found.items()} == {
            "bulk": ("answer", "rule"),
            "hiring": ("answer", "rule"),
            "press": ("escalate", "policy"),
            "chase": ("task", "rule"),
        }
        assert all(v.intent == name for name, v in found.items())
        # Rasa's own rules carry out all but the handover, which must not wait for them while a form is open.
        assert [v.actions for v in found.values()] == [
            (), (), ("utter_hand_over_press", "action_listen"), (),
        ]  # fmt: skip
        assert (found["bulk"].article_id, found["hiring"].article_id) == (None, "jobs")
        assert found["hiring"].memory.answered == ("jobs",)

    @pytest.mark.parametrize(
        ("confidence", "probability", "ruled"),
        [(0.1, 0.49, False), (0.1, 0.5, True), (0.79, 0.5, True), (0.8, 0.79, False), (0.8, 0.8, True),
         (0.85, 0.84, False), (0.85, 0.86, True), (0.99, 0.89, False), (0.99, 0.9, True)],
    )  # fmt: skip
    def test_against_an_article(self, confidence: float, probability: float, ruled: bool) -> None:
        given = evidence(rules=RULES, confidence=confidence, intents={"bulk": probability})
        assert (verdict(given).reason == "rule") is ruled

    def test_a_person_asked_for_anger_and_a_foreign_language_come_before(self) -> None:
        meant = {"rules": RULES, "intents": {"bulk": 0.95}}
        assert told(verdict(evidence(rules=RULES, intents={ASK_HUMAN: 0.5, "bulk": 0.5}))) == (
            "escalate",
            "asked",
        )
        assert told(verdict(evidence(**meant, mood=ANGRY))) == ("escalate", "frustration")
        foreign = verdict(evidence(**meant, covered=False, language="sv"))
        assert foreign.actions[0] == "utter_escalate_language"

    def test_an_order_number_is_a_task(self) -> None:
        number = Form(number="FG-1000417", number_only=True)
        assert told(verdict(evidence(rules=RULES, intents={"bulk": 0.9}, form=number))) == (
            "task",
            "order_number",
        )

    def test_an_open_form_goes_on_after_a_rule_and_ends_with_a_handover(self) -> None:
        form = Form(active=True)
        said = verdict(evidence(rules=RULES, intents={"bulk": 0.9}, form=form))
        assert said.actions == ("utter_say_bulk", "order_status_form", "action_listen")
        answered = verdict(evidence(rules=RULES, intents={"hiring": 0.9}, form=form))
        assert answered.actions == ("utter_article_hiring", "order_status_form", "action_listen")
        assert verdict(evidence(rules=RULES, intents={"press": 0.9}, form=form)).closes_form
        # The form is open already.
        assert told(verdict(evidence(rules=RULES, intents={"chase": 0.9}, form=form))) == (
            "task",
            "not_understood",
        )

    def test_the_same_words_again_are_answered_once_more_and_then_a_person_helps(self) -> None:
        first = verdict(evidence(rules=RULES, intents={"bulk": 0.9}))
        again = evidence(rules=RULES, intents={"bulk": 0.9}, repeated=0.9)
        second = verdict(again, first.memory)
        assert [told(second), told(verdict(again, second.memory))] == [
            ("answer", "repeated"),
            ("escalate", "repeated_failure"),
        ]
        # In other words it is no repetition.
        other = verdict(evidence(rules=RULES, intents={"bulk": 0.9}), first.memory)
        assert told(other) == ("answer", "rule")

    def test_without_rules_nothing_is_ruled(self) -> None:
        assert told(verdict(evidence(intents={"bulk": 1.0}))) == ("escalate", "low_confidence")
