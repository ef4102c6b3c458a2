"""A tracker that is put away and taken out again stands where it stood."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.dialogue import BATON, Dialogue
from bot.trackers import KEPT_TURNS, TurnTrackers, kept_of, restored


@pytest.fixture(scope="module")
def domain() -> Domain:
    return Domain.load(str(Path(__file__).parents[3] / "bot" / "domain" / "domain.yml"))


def turn(number: int) -> list[Event]:
    message = UserUttered(f"message {number}", {"name": "question"}, parse_data={BATON: {"turn": number}})
    return [message, ActionExecuted("utter_answer"), BotUttered("answer"), ActionExecuted("action_listen")]


def after(domain: Domain, dialogue: Dialogue, *events: Event) -> DialogueStateTracker:
    tracker = restored("c", dialogue, domain)
    for event in events:
        tracker.update(event, domain)
    return tracker


def through_json(dialogue: Dialogue) -> Dialogue:
    return Dialogue.from_dict(json.loads(json.dumps(dialogue.as_dict())))


def test_slots_form_and_last_message_come_back(domain: Domain) -> None:
    form = [ActiveLoop("order_status_form"), SlotSet("requested_slot", "order_number")]
    put_away = through_json(kept_of(after(domain, Dialogue(), *turn(1), *form, *turn(2))))
    again = restored("c", put_away, domain)
    assert again.active_loop_name == "order_status_form"
    assert again.get_slot("requested_slot") == "order_number"
    assert again.latest_action_name == "action_listen"
    assert again.latest_message is not None
    assert again.latest_message.text == "message 2"
    assert again.latest_message.parse_data[BATON] == {"turn": 2}


def test_what_was_set_long_ago_stays_and_what_was_cleared_lately_is_clear(domain: Domain) -> None:
    dialogue = kept_of(after(domain, Dialogue(), *turn(0), SlotSet("order_number", "1000417")))
    for number in range(1, 10):
        dialogue = through_json(kept_of(after(domain, dialogue, *turn(number))))
    assert restored("c", dialogue, domain).get_slot("order_number") == "1000417"
    cleared = kept_of(after(domain, dialogue, *turn(10), SlotSet("order_number", None)))
    assert restored("c", through_json(cleared), domain).get_slot("order_number") is None


def test_it_does_not_grow(domain: Domain) -> None:
    dialogue, sizes = Dialogue(), []
    for number in range(100, 130):
        dialogue = through_json(kept_of(after(domain, dialogue, *turn(number))))
        sizes.append((len(dialogue.events), len([e for e in dialogue.events if e["event"] == "user"])))
    assert set(sizes[KEPT_TURNS:]) == {sizes[-1]}
    assert sizes[-1][1] == KEPT_TURNS


def test_a_handed_back_form_is_closed_in_the_tracker(domain: Domain) -> None:
    form = [ActiveLoop("order_status_form"), SlotSet("requested_slot", "order_number")]
    plain = UserUttered("status", {"name": "order_status"})
    open_form = kept_of(after(domain, Dialogue(), plain, *form, ActionExecuted("action_listen")))
    again = restored("c", through_json(open_form.handed_back()), domain)
    assert again.active_loop_name is None
    assert again.get_slot("requested_slot") is None


def test_what_a_newer_release_does_not_know_is_left_out(domain: Domain) -> None:
    old = Dialogue({"shoe_size": 43}, "size_form", kept_of(after(domain, Dialogue(), *turn(1))).events)
    again = restored("c", old, domain)
    assert again.active_loop_name is None
    assert "shoe_size" not in again.current_slot_values()


async def test_a_turn_leaves_nothing_behind(domain: Domain) -> None:
    trackers = TurnTrackers()
    trackers.domain = domain
    trackers.begin("c#1", Dialogue())
    assert await trackers.retrieve("c#1") is None
    tracker = await trackers.get_or_create_tracker("c#1")
    await trackers.save(tracker)
    assert trackers.finish("c#1") is tracker
    assert trackers.finish("c#1") is None
