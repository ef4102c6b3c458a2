"""What happens to a customer whom nobody takes, and to the address that one leaves."""

from __future__ import annotations

import pytest

from handoff.domain.commands import (
    FinishFollowUp,
    LeaveContact,
    PassTime,
    RecordTurnFailure,
    ReleaseLease,
    RequestHuman,
    TellBotIsBack,
)
from handoff.domain.conversation import FollowUp, from_snapshot, to_snapshot
from handoff.domain.errors import WrongState
from handoff.domain.events import CUSTOMER, SYSTEM, SystemNotice
from handoff.domain.rules import ASK_BOT_CHOICE, WAIT_CHOICE, Rules
from tests.unit.handoff.domain.story import ANNA, BEN, MINUTE, Story

LIMIT = 10 * MINUTE


def waiting(rules: Rules) -> Story:
    story = Story(rules).open()
    story.say()
    story.do(CUSTOMER, RequestHuman())
    return story


def pass_ms(story: Story, milliseconds: int) -> list[str]:
    story.now += milliseconds
    return [event.kind for event in story.do(SYSTEM, PassTime())]


def test_without_a_limit_a_customer_waits_until_somebody_comes() -> None:
    story = waiting(Rules())
    assert pass_ms(story, 100 * LIMIT) == []


def test_the_limit_ends_the_wait_with_a_message() -> None:
    story = waiting(Rules(handoff_limit_ms=LIMIT, handoff_expiry="bot"))
    assert pass_ms(story, LIMIT - 1) == []
    assert pass_ms(story, 1) == ["handoff.expired", "system.notice"]
    assert story.state.state == "bot"
    assert story.state.waiting_since is None


def test_the_limit_asks_for_an_address_once_and_keeps_the_place() -> None:
    story = waiting(Rules(handoff_limit_ms=LIMIT, handoff_expiry="contact"))
    since = story.state.waiting_since
    assert pass_ms(story, LIMIT) == ["system.notice"]
    assert (story.state.state, story.state.waiting_since) == ("waiting", since)
    assert story.state.offer == (WAIT_CHOICE,)
    assert story.state.due_at(1, LIMIT) is None
    assert pass_ms(story, LIMIT) == []
    # Somebody came and was lost again: that is another wait.
    story.claimed()
    story.do(SYSTEM, ReleaseLease(str(ANNA.id)))
    assert pass_ms(story, LIMIT) == ["system.notice"]


def test_an_answer_of_the_bot_that_is_on_offer_stays_so() -> None:
    story = Story(Rules(handoff_limit_ms=LIMIT, handoff_expiry="contact")).open()
    story.say()
    story.do(SYSTEM, RecordTurnFailure(2))
    story.do(SYSTEM, TellBotIsBack())
    pass_ms(story, LIMIT)
    assert ASK_BOT_CHOICE in story.state.offer
    last = story.log[-1].payload
    assert isinstance(last, SystemNotice)
    assert last.code == "leave_contact"
    assert story.do(SYSTEM, TellBotIsBack()) == []


def test_an_address_stays_to_be_written_to_until_it_is_done() -> None:
    story = waiting(Rules())
    story.do(CUSTOMER, LeaveContact("ana@example.org", "Please write"))
    assert story.state.state == "closed"
    left = FollowUp(story.now, "ana@example.org", "Please write")
    assert story.state.follow_up == left
    assert from_snapshot(to_snapshot(story.state)) == story.state
    story.say("One more thing")
    assert story.state.follow_up == left
    [done] = story.do(BEN, FinishFollowUp("resolved"))
    assert not done.visible_to_customer
    assert story.state.follow_up is None
    with pytest.raises(WrongState):
        story.do(ANNA, FinishFollowUp())


def test_an_agent_who_joins_again_has_followed_up() -> None:
    story = waiting(Rules())
    story.do(CUSTOMER, LeaveContact("ana@example.org"))
    story.say("I am here again")
    story.claimed()
    assert story.state.follow_up is None


def test_a_snapshot_from_before_there_were_follow_ups_is_read() -> None:
    story = waiting(Rules())
    old = to_snapshot(story.state)
    for name in ("follow_up", "alert", "asked_for_contact"):
        del old[name]
    assert from_snapshot(old) == story.state
