"""The wake-up ladder: which rungs a wait sets, and what each does when its time has come."""

from __future__ import annotations

from handoff.domain.commands import (
    CancelHandoff,
    RaiseAlert,
    ReleaseLease,
    RequestHuman,
    TransferConversation,
)
from handoff.domain.events import CUSTOMER, SYSTEM, HandoffAlerted
from handoff.domain.ladder import RUNG_KINDS, Timer, timers_set
from handoff.domain.rules import LADDER, Rules, Rung
from tests.unit.handoff.domain.story import ANNA, RULES, Story, in_state


def test_the_protocols_rungs() -> None:
    assert [(rung.kind, rung.after_ms) for rung in LADDER] == [
        ("wake_agents", 30_000),
        ("wake_supervisors", 120_000),
    ]
    assert {rung.kind for rung in LADDER} < RUNG_KINDS


def test_a_wait_sets_its_rungs_once_when_it_begins() -> None:
    story = Story(Rules(ladder=(Rung("wake_agents", 5), Rung("wake_webhook", 9)))).open()
    before = story.state
    story.do(CUSTOMER, RequestHuman())
    assert timers_set(before, story.state, story.rules) == (
        Timer("wake_agents", story.now + 5),
        Timer("wake_webhook", story.now + 9),
    )
    waiting = story.state
    story.say("Anybody there?")
    assert timers_set(waiting, story.state, story.rules) == ()


def test_who_is_put_back_into_the_queue_waits_anew() -> None:
    for command, actor in (
        (ReleaseLease(str(ANNA.id)), SYSTEM),
        (TransferConversation({"team": "billing"}), ANNA),
    ):
        story = in_state("agent")
        held = story.state
        story.now += 1_000
        story.do(actor, command)
        assert [timer.due_at for timer in timers_set(held, story.state, RULES)] == [
            story.now + 30_000,
            story.now + 120_000,
        ]


def test_whatever_ends_a_wait_sets_nothing() -> None:
    story = in_state("waiting")
    waiting = story.state
    story.do(CUSTOMER, CancelHandoff())
    assert timers_set(waiting, story.state, RULES) == ()
    story = in_state("agent")
    assert timers_set(waiting, story.state, RULES) == ()


def test_a_rung_of_another_wait_calls_nobody() -> None:
    story = in_state("waiting")
    first = story.state.waiting_since or 0
    story.claimed()
    story.now += 1_000
    story.do(SYSTEM, ReleaseLease(str(ANNA.id)))
    assert story.do(SYSTEM, RaiseAlert("agents", first)) == []
    [event] = story.do(SYSTEM, RaiseAlert("agents", story.state.waiting_since or 0))
    assert event.payload == HandoffAlerted("agents")
    assert not event.visible_to_customer
    assert story.state.alert == "agents"


def test_a_late_rung_does_not_quieten_a_louder_one() -> None:
    story = in_state("waiting")
    since = story.state.waiting_since or 0
    assert len(story.do(SYSTEM, RaiseAlert("supervisors", since))) == 1
    assert story.do(SYSTEM, RaiseAlert("agents", since)) == []
    assert story.do(SYSTEM, RaiseAlert("supervisors", since)) == []
    assert story.state.alert == "supervisors"
    story.claimed()
    assert story.state.alert is None
