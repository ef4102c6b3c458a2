"""The story an agent reads first: true, short, and each sentence with the events it rests on."""

from __future__ import annotations

from typing import get_args

import pytest

from bot.contract import EscalationReason
from handoff.domain.commands import RecordTurnFailure, RequestHuman, ReturnToBot
from handoff.domain.events import CUSTOMER, SYSTEM, Event, HandoffRequested
from handoff.domain.summary import REASONS, summarise
from tests.unit.handoff.domain.story import ANNA, Story, in_state


def handoff_of(happened: list[Event]) -> HandoffRequested:
    payload = happened[-1].payload
    assert isinstance(payload, HandoffRequested)
    return payload


def test_there_are_words_for_every_reason() -> None:
    assert set(REASONS) == set(get_args(EscalationReason))
    assert len(set(REASONS.values())) == len(REASONS)


def test_a_question_nobody_answered() -> None:
    handoff = handoff_of(in_state("bot").do(SYSTEM, RecordTurnFailure(2)))
    assert handoff.summary == (
        {"text": "The assistant did not answer in time.", "seqs": [2]},
        {"text": "First question: “Where is my parcel?”", "seqs": [2]},
        {"text": "No article has answered it so far.", "seqs": [2]},
    )


def test_answers_are_told_by_their_articles_and_the_last_words_stand_at_the_end() -> None:
    story = in_state("bot")
    story.answer()
    story.say("That did   not help")
    story.answer()
    story.say("Really not")
    handoff = handoff_of(story.do(CUSTOMER, RequestHuman()))
    assert handoff.summary == (
        {"text": "The customer asked for a person.", "seqs": [6]},
        {"text": "First question: “Where is my parcel?”", "seqs": [2]},
        {"text": "The assistant answered from: “Where is my parcel”", "seqs": [3, 5]},
        {"text": "Last words: “Really not”", "seqs": [6]},
    )


def test_what_an_agent_settled_before_is_told() -> None:
    story = in_state("agent")
    story.do(ANNA, ReturnToBot("refund sent"))
    story.say("Not there yet")
    texts = [line["text"] for line in handoff_of(story.do(CUSTOMER, RequestHuman())).summary]
    assert "An agent settled before: Anna: refund sent" in texts


@pytest.mark.parametrize("reason", get_args(EscalationReason))
def test_every_sentence_names_events_that_exist(reason: str) -> None:
    story = in_state("bot")
    story.answer()
    story.say("Second\n\nwith lines")
    for sentence in summarise(story.state, reason, story.state.seq):
        assert sentence["seqs"]
        assert all(1 <= seq <= story.state.seq for seq in sentence["seqs"])
        assert "\n" not in sentence["text"]


def test_before_any_word_there_is_nothing_to_tell_but_the_reason() -> None:
    assert len(summarise(Story().open().state, "asked", 2)) == 1
