"""What of a turn is kept for editors."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bot.contract import Choice, Decision, Passage, Reply, Signal, TurnOutcome
from handoff.domain.asked import (
    HANDED_OVER,
    LOW_BAND,
    LOW_CONFIDENCE,
    REPEATED,
    UNANSWERED,
    TurnRecord,
    record_of,
    thumb_of,
)
from handoff.domain.commands import GiveFeedback, RecordTurn, RecordTurnFailure, RequestHuman
from handoff.domain.events import BOT, CUSTOMER, SYSTEM
from tests.unit.handoff.domain.story import Story

ANSWER = Decision(
    "answer", "confident", 0.9, 0.5, intent="question", passages=(Passage("track", "Tracking", 0.9),)
)


def told(
    story: Story, decision: Decision, *, release_id: str = "r1", choices: tuple[Choice, ...] = ()
) -> TurnRecord:
    """Record an outcome of the newest open turn, and what is kept of it."""
    before = story.state
    command = RecordTurn(
        before.open_turns[0],
        TurnOutcome(before.open_turns[0], release_id, decision, (Reply("Words.", choices),)),
    )
    record = record_of(before, command, story.do(BOT, command))
    assert record is not None
    return record


def kept(text: str = "Where is it?", **changes: Any) -> TurnRecord:
    story = Story().open()
    story.say(text)
    return told(story, replace(ANSWER, **changes))


def test_an_outcome_is_kept_with_its_figures() -> None:
    assert kept(frustration=0.2, revision=7) == TurnRecord(
        turn=2,
        reply_seq=3,
        episode=1,
        locale="en",
        release_id="r1",
        revision=7,
        kind="answer",
        reason="confident",
        confidence=0.9,
        threshold=0.5,
        frustration=0.2,
        article_id="track",
        question=True,
        rejects=None,
        reasons=0,
    )


def test_without_passages_no_article_is_named() -> None:
    assert kept(kind="unsure", reason="low_confidence", passages=()).article_id is None


@pytest.mark.parametrize(
    ("kind", "reason", "intent", "question", "reasons"),
    [
        ("unsure", "low_confidence", "question", True, UNANSWERED),
        ("escalate", "low_confidence", "question", True, UNANSWERED | HANDED_OVER),
        ("escalate", "repeated_failure", "question", True, UNANSWERED | HANDED_OVER),
        ("escalate", "low_confidence", None, True, UNANSWERED | HANDED_OVER),
        ("escalate", "policy", "question", True, 0),
        ("escalate", "policy", None, False, 0),
        ("escalate", "asked", "ask_human", False, 0),
        ("escalate", "frustration", "complain", False, 0),
        ("unsure", "rejected", "reject_answer", False, 0),
        ("escalate", "repeated_failure", "reject_answer", False, 0),
        ("clarify", "competing", "question", True, 0),
        ("answer", "chosen", "question", False, 0),
        ("answer", "affirmed", "question", False, 0),
        ("chat", "greet", "greet", False, 0),
        ("task", "order_status", "order_status", False, 0),
    ],
)
def test_only_questions_are_shown_to_editors(
    kind: str, reason: str, intent: str | None, question: bool, reasons: int
) -> None:
    record = kept(kind=kind, reason=reason, intent=intent, confidence=0.3)
    assert (record.question, record.reasons) == (question, reasons)


def test_an_answer_just_above_the_threshold_is_one_of_low_confidence() -> None:
    assert kept(confidence=0.5 + LOW_BAND / 2 - 0.01).reasons == LOW_CONFIDENCE
    assert kept(confidence=0.5 + LOW_BAND / 2 + 0.01).reasons == 0
    assert kept(threshold=0.93, confidence=0.99).reasons == 0


def test_a_bot_that_has_read_the_question_before_says_so() -> None:
    assert kept(signals=(Signal("repeated_question", 0.4),)).reasons == REPEATED
    assert kept(signals=(Signal("words", 0.4),)).reasons == 0


def test_the_same_words_again_in_an_episode_are_a_repeat() -> None:
    story = Story().open()
    story.say("Where is it?")
    assert told(story, ANSWER).reasons == 0
    story.say("And when does it come?")
    assert told(story, ANSWER).reasons == 0
    story.say("WHERE is it")
    assert told(story, ANSWER).reasons == REPEATED
    story.say("?!")
    story.say("?!")
    assert told(story, ANSWER).reasons == 0
    assert told(story, ANSWER).reasons == 0


def test_a_rejection_names_the_turn_whose_choices_it_turns_down() -> None:
    story = Story().open()
    story.say("refund")
    told(
        story, replace(ANSWER, kind="clarify", reason="competing"), choices=(Choice("2.0", "None of these"),)
    )
    story.say("None of these", choice="2.0")
    record = told(story, replace(ANSWER, kind="unsure", reason="rejected", intent="reject_answer"))
    assert (record.turn, record.rejects, record.question) == (4, 2, False)


def test_what_is_longer_than_its_column_is_cut() -> None:
    story = Story().open()
    story.say()
    long = replace(
        ANSWER,
        kind="clarify",
        revision=2**40,
        reason="r" * 50 + "\0",
        passages=(Passage("a\0" + "a" * 200, "A", 0.5),),
    )
    record = told(story, long, release_id="r" * 300)
    assert record.revision == 2**31 - 1
    assert (len(record.release_id), len(record.reason), record.article_id) == (100, 40, "a" * 100)


def test_a_turn_that_failed_is_kept_and_is_nothing_to_teach() -> None:
    story = Story().open()
    story.say()
    before = story.state
    command = RecordTurnFailure(2)
    record = record_of(before, command, story.do(SYSTEM, command))
    assert record is not None
    assert (record.turn, record.reply_seq, record.kind, record.reason) == (2, 3, "escalate", "bot_error")
    assert (record.release_id, record.confidence, record.question, record.reasons) == ("", 0.0, False, 0)


def test_a_discarded_outcome_and_a_late_failure_leave_nothing() -> None:
    story = Story().open()
    story.say()
    story.do(CUSTOMER, RequestHuman())
    for command in (RecordTurn(2, TurnOutcome(2, "r1", ANSWER, (Reply("Words."),))), RecordTurnFailure(2)):
        before = story.state
        assert record_of(before, command, story.do(SYSTEM, command)) is None


def test_a_thumb_is_told_from_its_event() -> None:
    story = Story().open()
    story.say()
    told(story, ANSWER)
    assert thumb_of(story.do(CUSTOMER, GiveFeedback(3, helpful=False))) == (3, False)
    assert thumb_of(story.say("Something else")) is None
    assert thumb_of([]) is None
