"""The fold of a log: order, snapshots, the story it keeps, and the turns it makes due."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from bot.contract import Choice, Reply
from handoff.domain.commands import (
    CancelHandoff,
    ClaimConversation,
    EndConversation,
    NoteAsAgent,
    RecordTurn,
    RecordTurnFailure,
    RequestHuman,
    ReturnToBot,
    SayAsAgent,
)
from handoff.domain.conversation import (
    PREVIEW_CHARACTERS,
    STORY_CHARACTERS,
    STORY_LINES,
    Conversation,
    apply,
    fold,
    from_snapshot,
    to_snapshot,
    turns_now_due,
)
from handoff.domain.events import BOT, CUSTOMER, SYSTEM
from handoff.domain.table import STATES
from tests.unit.handoff.domain.story import ANNA, CLIENT_ID, Story, in_state, outcome


def a_long_day() -> Story:
    """A conversation in which a little of everything happened."""
    story = in_state("bot")
    story.answer()
    story.say("And my refund?")
    story.do(BOT, RecordTurn(story.state.seq, outcome(story.state.seq, "escalate")))
    story.claimed()
    story.do(ANNA, SayAsAgent("Hello", CLIENT_ID))
    story.do(ANNA, NoteAsAgent("knows us"))
    story.do(ANNA, ReturnToBot("refund sent", "on the 3rd"))
    story.say("Thanks")
    story.answer()
    return story


@pytest.mark.parametrize("skipped", range(1, 4))
def test_a_hole_in_the_log_is_refused(skipped: int) -> None:
    log = a_long_day().log
    del log[skipped]
    with pytest.raises(ValueError, match="does not follow"):
        fold("cnv_1", log)


def test_an_event_told_twice_is_refused() -> None:
    story = in_state("bot")
    with pytest.raises(ValueError, match="event 2 does not follow 2"):
        apply(story.state, story.log[-1])


def test_the_state_is_the_fold_of_the_log() -> None:
    story = a_long_day()
    assert fold("cnv_1", story.log) == story.state


@pytest.mark.parametrize("state", STATES)
def test_a_snapshot_holds_the_whole_state(state: str) -> None:
    story = in_state(state)  # type: ignore[arg-type]
    assert from_snapshot(json.loads(json.dumps(to_snapshot(story.state)))) == story.state


def test_a_snapshot_of_a_long_day_goes_on_as_the_log_would() -> None:
    story = a_long_day()
    restored = from_snapshot(json.loads(json.dumps(to_snapshot(story.state))))
    assert restored == story.state
    (said,) = story.say("One more")
    assert apply(restored, said) == story.state


def test_a_snapshot_from_before_a_field_was_added_can_be_read() -> None:
    raw = to_snapshot(in_state("bot").state)
    del raw["closed_at"]
    assert from_snapshot(raw) == in_state("bot").state


# --- the story ------------------------------------------------------------------------------------------------


def test_the_story_is_bounded_and_keeps_what_the_customer_came_for() -> None:
    story = in_state("bot")
    story.answer()
    for n in range(40):
        story.say(f"{n} " + "x" * 500)
        story.answer()
    lines = story.state.story
    assert len(lines) == STORY_LINES
    assert lines[0].text == "Where is my parcel?"
    assert lines[-2].text.startswith("39 ")
    assert max(len(line.text) for line in lines) == STORY_CHARACTERS
    assert len(story.state.preview) == PREVIEW_CHARACTERS


def test_the_first_question_is_kept_when_an_agent_was_there_before_it() -> None:
    story = Story().open().claimed()
    story.do(ANNA, ReturnToBot("called them"))
    story.say("The first question")
    story.answer()
    for n in range(20):
        story.say(f"Question {n}")
        story.answer()
    customers = [line.text for line in story.state.story if line.teller == "customer"]
    assert customers[0] == "The first question"
    assert len(story.state.story) == STORY_LINES


def test_the_story_begins_anew_with_each_episode() -> None:
    story = in_state("bot")
    story.do(CUSTOMER, EndConversation())
    story.say("Something else")
    assert [line.text for line in story.state.story] == ["Something else"]


def test_every_line_of_the_story_names_the_event_it_tells_of() -> None:
    story = a_long_day()
    texts = {event.seq: getattr(event.payload, "text", "") for event in story.log}
    tellers = {"customer.said": "customer", "bot.replied": "answer"}
    for line in story.state.story:
        if line.teller == "customer":
            assert line.text == texts[line.seq]
        if line.teller != "agent":
            assert tellers[story.log[line.seq - 1].kind] in (line.teller, "answer")
    assert "Anna: refund sent; on the 3rd" in [line.text for line in story.state.story]


def test_an_answer_is_told_by_its_articles_title_also_when_it_is_not_the_first_reply() -> None:
    story = in_state("bot")
    replies = (Reply("I understand."), Reply("Here.", (), "parcel"))
    story.do(BOT, RecordTurn(2, outcome(2, replies=replies)))
    assert [(line.teller, line.text) for line in story.state.story[1:]] == [
        ("bot", "I understand."),
        ("answer", "Where is my parcel"),
    ]


def test_an_answer_whose_article_was_not_among_the_passages_is_told_by_its_id() -> None:
    story = in_state("bot")
    story.do(BOT, RecordTurn(2, outcome(2, replies=(Reply("Here.", (), "returns"),))))
    assert story.state.story[-1].text == "returns"


# --- turns that are due ---------------------------------------------------------------------------------------


def test_a_question_is_due_when_the_bot_owns_the_conversation() -> None:
    story = Story().open()
    before = story.state
    story.say()
    assert turns_now_due(before, story.state) == (2,)
    before = story.state
    story.say("And another")
    assert turns_now_due(before, story.state) == (3,)


@pytest.mark.parametrize("state", ["waiting", "agent"])
def test_nothing_is_due_while_a_person_is_awaited_or_there(state: str) -> None:
    story = in_state(state)  # type: ignore[arg-type]
    before = story.state
    story.say("Hello?")
    assert turns_now_due(before, story.state) == ()
    assert story.state.open_turns == (2,)
    assert story.state.bot_missed


def test_a_cancelled_handoff_makes_the_open_questions_due_again() -> None:
    story = in_state("bot")
    story.say("Second")
    story.do(SYSTEM, RecordTurnFailure(2))
    before = story.state
    story.do(CUSTOMER, CancelHandoff())
    assert turns_now_due(before, story.state) == (2, 3)


def test_what_an_agent_gave_back_is_settled_and_told_to_the_bot() -> None:
    story = in_state("agent")
    story.say("Never mind")
    before = story.state
    story.do(ANNA, ReturnToBot())
    assert turns_now_due(before, story.state) == ()
    assert story.state.bot_missed
    story.say("Next question")
    story.answer()
    assert not story.state.bot_missed


def test_an_answered_turn_makes_nothing_due() -> None:
    story = in_state("bot")
    story.say("Second")
    before = story.state
    story.answer(2)
    assert turns_now_due(before, story.state) == ()
    assert story.state.open_turns == (3,)


# --- what is kept and what is forgotten -----------------------------------------------------------------------


def test_a_note_moves_the_log_and_not_what_the_customer_sees() -> None:
    story = in_state("agent")
    seen = story.state.customer_seq
    story.do(ANNA, NoteAsAgent("hidden"))
    assert story.state.customer_seq == seen
    assert story.state.seq == seen + 1
    (said,) = story.say("Hello")
    assert said.customer_prev == seen


def test_only_a_held_conversation_has_a_holder() -> None:
    story = in_state("agent")
    assert (story.state.holder_id, story.state.holder_name) == ("usr_anna", "Anna")
    for left in (ReturnToBot(), ClaimConversation()):
        other = in_state("agent")
        other.do(ANNA, left)
        assert (other.state.holder_id is None) == (other.state.state != "agent")
    story.close()
    assert (story.state.holder_id, story.state.closed_by_agent) == (None, "usr_anna")
    assert story.state.closed_at == story.state.at


def test_a_place_in_the_queue_is_left_behind() -> None:
    story = in_state("bot")
    story.do(CUSTOMER, RequestHuman())
    assert story.state.waiting_since == story.now
    assert story.state.queue_rank == 1
    story.do(CUSTOMER, CancelHandoff())
    assert story.state.waiting_since is None


def test_choices_offered_by_two_turns_do_not_mix() -> None:
    story = in_state("bot")
    story.say("Second")
    story.do(BOT, RecordTurn(2, outcome(2, replies=(Reply("a", (Choice("a", "A"),)),))))
    story.do(BOT, RecordTurn(3, outcome(3, replies=(Reply("b", (Choice("b", "B"),)),))))
    assert story.state.offer == ("b",)


def test_apply_gives_a_new_state_and_leaves_the_old_one() -> None:
    before = in_state("bot").state
    copy = replace(before)
    story = in_state("bot")
    story.answer()
    assert before == copy
    assert story.state != before
    assert fold("cnv_1", []) == Conversation("cnv_1")
