"""Every pair of a state and a trigger does what the state table says, and the table is the protocol's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest

from handoff.domain import commands as c
from handoff.domain import events as e
from handoff.domain import table as t
from handoff.domain.conversation import FollowUp, State, apply
from handoff.domain.errors import HandoffError
from handoff.domain.rules import ASK_BOT_CHOICE, Rules
from handoff.domain.table import STATES, TABLE, Trigger, refusal_for, row_for
from tests.unit.handoff.domain.story import ANNA, BEN, CLIENT_ID, MINUTE, Story, in_state, outcome

LIMIT = 10 * MINUTE
Arrange = Callable[[Story], tuple[e.Actor, c.Command]]


def _offers(story: Story, *choices: str) -> None:
    story.state = replace(story.state, offer=choices if story.state.state != "closed" else ())


def _say(story: Story) -> tuple[e.Actor, c.Command]:
    story.now += 3 * MINUTE
    return e.CUSTOMER, c.SayAsCustomer("Hello?", CLIENT_ID)


def _say_at_once(_: Story) -> tuple[e.Actor, c.Command]:
    return e.CUSTOMER, c.SayAsCustomer("Hello?", CLIENT_ID)


def _choose_human(story: Story) -> tuple[e.Actor, c.Command]:
    _offers(story, "human")
    return e.CUSTOMER, c.SayAsCustomer("A person", CLIENT_ID, "human")


def _choose_bot(story: Story) -> tuple[e.Actor, c.Command]:
    _offers(story, ASK_BOT_CHOICE)
    return e.CUSTOMER, c.SayAsCustomer("Show me", CLIENT_ID, ASK_BOT_CHOICE)


def _rate(_: Story) -> tuple[e.Actor, c.Command]:
    return e.CUSTOMER, c.RateEpisode("csat", 5)


def _bot_went_down(story: Story) -> tuple[e.Actor, c.Command]:
    story.state = replace(story.state, reason="bot_error")
    return e.SYSTEM, c.TellBotIsBack()


def _answered_and_idle(story: Story) -> tuple[e.Actor, c.Command]:
    story.state = replace(story.state, open_turns=())
    story.now += 30 * MINUTE
    return e.SYSTEM, c.PassTime()


def _nobody_came(story: Story) -> tuple[e.Actor, c.Command]:
    story.rules = Rules(handoff_limit_ms=LIMIT, handoff_expiry="bot")
    story.now += LIMIT
    return e.SYSTEM, c.PassTime()


def _nobody_came_yet(story: Story) -> tuple[e.Actor, c.Command]:
    story.rules = Rules(handoff_limit_ms=LIMIT, handoff_expiry="contact")
    story.now += LIMIT
    return e.SYSTEM, c.PassTime()


def _waited(story: Story) -> tuple[e.Actor, c.Command]:
    return e.SYSTEM, c.RaiseAlert("agents", story.state.waiting_since or 0)


def _left_an_address(story: Story) -> tuple[e.Actor, c.Command]:
    story.state = replace(story.state, follow_up=FollowUp(story.now, "a@example.org"))
    return BEN, c.FinishFollowUp("written")


def _by(actor: e.Actor, command: c.Command) -> Arrange:
    return lambda _: (actor, command)


SAMPLES: dict[Trigger, Arrange] = {
    t.OPENED: _by(e.SYSTEM, c.StartConversation("en")),
    t.SAYS: _say,
    t.SAYS_SOON_AFTER: _say_at_once,
    t.CHOOSES_HUMAN: _choose_human,
    t.CHOOSES_BOT: _choose_bot,
    t.ASKS_FOR_HUMAN: _by(e.CUSTOMER, c.RequestHuman()),
    t.CANCELS: _by(e.CUSTOMER, c.CancelHandoff()),
    t.ENDS: _by(e.CUSTOMER, c.EndConversation()),
    t.LEAVES_CONTACT: _by(e.CUSTOMER, c.LeaveContact("a@example.org")),
    t.RATES: _rate,
    t.GIVES_FEEDBACK: _by(e.CUSTOMER, c.GiveFeedback(1, helpful=True)),
    t.CLAIMS: _by(BEN, c.ClaimConversation()),
    t.CLAIMS_OWN: _by(ANNA, c.ClaimConversation()),
    t.TAKES_OVER: _by(BEN, c.ClaimConversation(takeover=True)),
    t.AGENT_SAYS: _by(ANNA, c.SayAsAgent("Hi", CLIENT_ID)),
    t.NOTES: _by(BEN, c.NoteAsAgent("Knows us well")),
    t.TRANSFERS: _by(ANNA, c.TransferConversation({"team": "billing"})),
    t.RETURNS: _by(ANNA, c.ReturnToBot("solved")),
    t.CLOSES: _by(ANNA, c.CloseConversation(2)),
    t.TURN_ANSWERED: _by(e.BOT, c.RecordTurn(2, outcome(2))),
    t.TURN_ESCALATED: _by(e.BOT, c.RecordTurn(2, outcome(2, "escalate"))),
    t.TURN_FAILED: _by(e.SYSTEM, c.RecordTurnFailure(2)),
    t.BOT_DOWN: _by(e.SYSTEM, c.TellBotIsDown(2)),
    t.BOT_BACK: _bot_went_down,
    t.LEASE_ENDED: _by(e.SYSTEM, c.ReleaseLease("usr_anna")),
    t.IDLE: _answered_and_idle,
    t.NOBODY_CAME: _nobody_came,
    t.NOBODY_CAME_YET: _nobody_came_yet,
    t.WAITED: _waited,
    t.INCIDENT_TOLD: _by(e.SYSTEM, c.TellIncident("Card payments fail.")),
    t.FOLLOWS_UP: _left_an_address,
}

CELLS = [
    pytest.param(state, trigger, id=f"{state}: {trigger.words}")
    for trigger in SAMPLES
    for state in STATES
    if state in trigger.possible_in
]


@pytest.mark.parametrize(("state", "trigger"), CELLS)
def test_each_pair_of_state_and_trigger_is_what_the_table_says(state: State, trigger: Trigger) -> None:
    story = in_state(state)
    actor, command = SAMPLES[trigger](story)
    assert type(command) is trigger.command
    row = row_for(state, trigger)
    before = story.state
    if row is None and refusal_for(state, trigger) is not None:
        with pytest.raises(HandoffError) as refused:
            story.do(actor, command)
        assert refused.value.code == refusal_for(state, trigger)
        assert story.state is before
        return
    happened = story.do(actor, command)
    assert tuple(type(event.payload) for event in happened) == (row.events if row else ())
    assert story.state.state == (state if row is None or row.to is None else row.to)


def test_every_trigger_of_the_table_is_tried() -> None:
    assert {row.by for row in TABLE} <= set(SAMPLES)
    assert {trigger.command for trigger in SAMPLES} == set(get_args(c.Command))


def test_a_pair_stands_in_the_table_once() -> None:
    cells = [(state, row.by) for row in TABLE for state in row.from_states]
    assert len(cells) == len(set(cells))
    assert all(state in trigger.possible_in for state, trigger in cells)


def test_every_event_can_happen() -> None:
    assert {event for row in TABLE for event in row.events} == set(get_args(e.Payload))


# The table of the protocol, written out by hand: the code's own table must contain each of its rows.
PROTOCOL = [
    ("none", t.OPENED, "bot", "conversation.started"),
    ("bot", t.ASKS_FOR_HUMAN, "waiting", "handoff.requested"),
    ("bot", t.TURN_ESCALATED, "waiting", "bot.replied handoff.requested"),
    ("bot waiting agent", t.ENDS, "closed", "conversation.closed"),
    ("bot waiting agent", t.CLOSES, "closed", "conversation.closed"),
    ("bot", t.IDLE, "closed", "conversation.closed"),
    ("waiting", t.CLAIMS, "agent", "agent.joined"),
    ("waiting", t.CANCELS, "bot", "handoff.cancelled"),
    ("waiting", t.NOBODY_CAME, "bot", "handoff.expired system.notice"),
    ("waiting", t.LEAVES_CONTACT, "closed", "customer.left_contact conversation.closed"),
    ("agent", t.TRANSFERS, "waiting", "conversation.transferred"),
    ("agent", t.RETURNS, "bot", "conversation.returned_to_bot"),
    ("agent", t.LEASE_ENDED, "waiting", "agent.left"),
    ("agent", t.TAKES_OVER, "agent", "conversation.transferred agent.joined"),
    ("closed", t.SAYS, "bot", "episode.started customer.said"),
    ("closed", t.SAYS_SOON_AFTER, "waiting", "episode.started customer.said handoff.requested"),
]


@pytest.mark.parametrize(("states", "trigger", "to", "events"), PROTOCOL)
def test_the_protocols_rows_stand_in_the_table(states: str, trigger: Trigger, to: str, events: str) -> None:
    for state in states.split():
        row = row_for(state, trigger)  # type: ignore[arg-type]
        assert row is not None
        assert row.to == to
        assert " ".join(event.KIND for event in row.events) == events


def test_the_comment_beside_each_event_tells_its_transition() -> None:
    comments = dict(re.findall(r"^class (\w+):  # ([^;\n]+)", Path(e.__file__).read_text(), re.MULTILINE))
    assert set(comments) == {event.__name__ for event in get_args(e.Payload)}
    arrows: dict[str, set[tuple[State, State]]] = {name: set() for name in comments}
    for state, trigger in [(state, row.by) for row in TABLE for state in row.from_states]:
        story = in_state(state)
        actor, command = SAMPLES[trigger](story)
        before = story.state
        for event in story.do(actor, command):
            after = apply(before, event)
            arrows[type(event.payload).__name__].add((before.state, after.state))
            before = after
    for name, comment in comments.items():
        states, _, to = comment.partition(" -> ")
        if to:
            assert {(a, b) for a, b in arrows[name]} == {(a, to) for a in states.split(", ")}, name
        else:
            assert comment == "no transition"
            assert all(a == b for a, b in arrows[name]), name
