"""Waiting for a person, on both pages: what is told, who is called, and the address that a customer leaves."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.hands import Console, NewPage, Widget
from tests.browser.recorded_relay import MAYA, RecordedRelay
from tests.browser.recorded_talk import Talk
from tests.browser.stories import answer, escalated

WAIT = {"id": "relay:wait", "label": "Keep waiting"}


@pytest.fixture
def waiting(relay: RecordedRelay, new_page: NewPage) -> tuple[Widget, Talk]:
    """A customer who has asked for a person."""
    relay.answer = answer
    page = new_page()
    page.goto(f"{relay.url}/demo")
    widget = Widget(page)
    widget.open()
    widget.ask("hello")
    widget.panel.locator(".head").get_by_role("button", name="Talk to a person").click()
    expect(widget.panel.locator(".waiting")).to_contain_text("number 2 in line")
    (talk,) = relay.talks.values()
    return widget, talk


def at_desk(relay: RecordedRelay, new_page: NewPage, role: str = "supervisor") -> Console:
    relay.agent = {**relay.agent, "role": role}
    page = new_page()
    page.goto(f"{relay.url}/console")
    console = Console(page)
    expect(console.queue).to_be_visible()
    return console


# --- the widget -------------------------------------------------------------------------------------------------


def test_a_wait_that_nobody_knows_is_not_made_up(relay: RecordedRelay, waiting: tuple[Widget, Talk]) -> None:
    widget, talk = waiting
    bar = widget.panel.locator(".waiting")
    relay.to_customer(talk, {"type": "queue", "position": 1, "wait_s": None, "agents_online": 2})
    expect(bar).to_contain_text("You are next in line")
    expect(bar).not_to_contain_text("minute")
    expect(widget.panel.get_by_role("button", name="Leave your email instead")).to_have_count(0)
    relay.to_customer(talk, {"type": "queue", "position": 1, "wait_s": None, "agents_online": 0})
    expect(bar).to_contain_text("Nobody is here right now")
    expect(widget.panel.get_by_role("button", name="Leave your email instead")).to_be_visible()
    # An older server says neither.
    relay.to_customer(talk, {"type": "queue", "position": 4})
    expect(bar).to_contain_text("number 4 in line")
    expect(bar).to_contain_text("You can keep writing")


def test_who_is_asked_for_an_address_can_leave_it_by_keyboard_alone(
    relay: RecordedRelay, waiting: tuple[Widget, Talk]
) -> None:
    widget, talk = waiting
    notice = {"code": "leave_contact", "text": "Nobody could join yet.", "choices": [WAIT]}
    relay.add(talk, "system.notice", "system", notice)
    expect(widget.panel.get_by_role("button", name="Keep waiting")).to_be_visible()
    widget.panel.get_by_role("button", name="Leave your email instead").press("Enter")
    field = widget.panel.get_by_label("Your email address")
    expect(field).to_be_focused()
    field.fill("not an address")
    field.press("Enter")
    expect(widget.panel.get_by_text("Please write an address")).to_be_visible()
    expect(field).to_be_focused()
    assert talk.state == "waiting"
    field.fill("eva@example.org")
    widget.panel.get_by_label("What should we write about?").fill("My boots")
    widget.panel.get_by_role("button", name="Leave my address").press("Enter")
    expect(widget.panel.get_by_text("We have your address and will write to you")).to_be_visible()
    expect(widget.panel.locator(".waiting")).to_have_count(0)
    expect(widget.field).to_be_focused()
    assert talk.follow_up is not None
    assert (talk.follow_up["email"], talk.follow_up["text"]) == ("eva@example.org", "My boots")


def test_an_address_that_is_refused_stays_in_the_form(
    relay: RecordedRelay, waiting: tuple[Widget, Talk]
) -> None:
    widget, talk = waiting
    relay.to_customer(talk, {"type": "queue", "position": 1, "agents_online": 0})
    widget.panel.get_by_role("button", name="Leave your email instead").click()
    field = widget.panel.get_by_label("Your email address")
    field.fill("eva@example.org")
    relay.refuse["leave_contact"] = {"code": "bad_frame", "message": "This cannot be taken.", "data": {}}
    send = widget.panel.get_by_role("button", name="Leave my address")
    send.click()
    expect(widget.panel.locator(".banner")).to_contain_text("This cannot be taken.")
    expect(field).to_have_value("eva@example.org")
    send.click()
    expect(widget.panel.get_by_text("We have your address")).to_be_visible()


def test_who_goes_on_waiting_is_asked_again_only_in_another_wait(
    relay: RecordedRelay, waiting: tuple[Widget, Talk]
) -> None:
    widget, talk = waiting
    offer = widget.panel.get_by_role("button", name="Leave your email instead")
    relay.add(
        talk, "system.notice", "system", {"code": "leave_contact", "text": "Not yet.", "choices": [WAIT]}
    )
    expect(offer).to_be_visible()
    relay.add(talk, "agent.joined", MAYA, {"handoff_id": "h1"})
    relay.add(talk, "agent.left", "system", {"reason": "lease_expired"})
    expect(widget.panel.get_by_text("Maya Lindqvist had to leave. You are first in line")).to_be_visible()
    expect(offer).to_have_count(0)


def test_the_bots_answer_after_an_outage_can_be_chosen_while_waiting(
    relay: RecordedRelay, waiting: tuple[Widget, Talk]
) -> None:
    widget, talk = waiting
    choices = [{"id": "relay:ask_bot", "label": "Show me the answer"}, WAIT]
    relay.add(talk, "system.notice", "system", {"code": "bot_back", "text": "I'm back.", "choices": choices})
    widget.panel.get_by_role("button", name="Show me the answer").click()
    expect(widget.panel.locator(".row.customer[data-seq]").last).to_contain_text("Show me the answer")
    said = [e["data"] for e in talk.events if e["kind"] == "customer.said"][-1]
    assert said["choice"] == "relay:ask_bot"


# --- the console ------------------------------------------------------------------------------------------------


def test_everybody_is_called_politely_and_supervisors_at_once(
    relay: RecordedRelay, new_page: NewPage
) -> None:
    console = at_desk(relay, new_page)
    page = console.page
    talk = escalated(relay, "Harriet")
    relay.add(talk, "customer.said", "customer", {"text": "Anybody?"})
    expect(console.item("Harriet")).to_be_visible()
    room = page.locator(".alert-room")
    expect(room).to_have_text("")
    relay.add(talk, "handoff.alerted", "system", {"level": "agents"})
    expect(room.get_by_role("status")).to_contain_text(
        "Harriet is still waiting: everybody online is called."
    )
    expect(room.get_by_role("alert")).to_have_text("")
    expect(console.item("Harriet")).to_contain_text("Everybody called")
    relay.add(talk, "handoff.alerted", "system", {"level": "supervisors"})
    expect(room.get_by_role("alert")).to_contain_text("Harriet is waiting too long: supervisors are called.")
    expect(room.get_by_role("status")).to_have_text("")
    second = escalated(relay, "Jonas")
    relay.add(second, "handoff.alerted", "system", {"level": "agents"})
    expect(console.item("Jonas")).to_contain_text("Everybody called")
    expect(room.get_by_role("alert")).to_contain_text("Harriet is waiting too long")
    # The one who waits longest, by keyboard.
    room.get_by_role("button").press("Enter")
    expect(console.log).to_contain_text("Supervisors were called")
    console.claim()
    expect(room).to_contain_text("Jonas is still waiting")


def test_an_agent_hears_the_first_call_and_who_is_away_none(relay: RecordedRelay, new_page: NewPage) -> None:
    talk = escalated(relay, "Harriet")
    talk.alert = "supervisors"
    console = at_desk(relay, new_page, "agent")
    room = console.page.locator(".alert-room")
    # Whoever comes later sees it, too.
    expect(room.get_by_role("status")).to_contain_text("Harriet is still waiting")
    expect(room.get_by_role("alert")).to_have_text("")
    console.page.get_by_label("Presence").select_option("away")
    expect(room).to_have_text("")


def test_an_address_that_was_left_waits_until_somebody_has_written(
    relay: RecordedRelay, new_page: NewPage
) -> None:
    console = at_desk(relay, new_page, "agent")
    talk = escalated(relay, "Harriet")
    left = {"email": "harriet@example.org", "text": "In the evening"}
    relay.add(talk, "customer.left_contact", "customer", left)
    relay.add(talk, "conversation.closed", "customer", {"by": "customer", "episode": 1})
    expect(console.queue.get_by_role("heading", name="To be written to")).to_contain_text("1")
    console.page.reload()
    console.open("Harriet")
    instead = console.page.locator(".instead")
    link = instead.get_by_role("link", name="harriet@example.org")
    assert link.get_attribute("href") == "mailto:harriet%40example.org"
    expect(instead).to_contain_text("In the evening")
    instead.get_by_role("button", name="Mark as written").press("Enter")
    expect(console.item("Harriet")).to_have_count(0)
    expect(console.log).to_contain_text("Maya Lindqvist has written to the customer")
    assert talk.follow_up is None
