"""The widget over recorded frames: what a real relay shows rarely, late, or never."""

from __future__ import annotations

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.hands import NewPage, Widget
from tests.browser.recorded_relay import HUMAN, MAYA, RecordedRelay
from tests.browser.stories import answer, only_talk


def test_nothing_but_the_loader_is_fetched_before_the_first_click(
    relay: RecordedRelay, new_page: NewPage
) -> None:
    page = new_page()
    fetched: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.goto(f"{relay.url}/demo", wait_until="networkidle")
    assert not [url for url in fetched if "panel" in url or "/api/" in url]
    Widget(page).open()
    assert [url for url in fetched if "panel" in url]
    assert relay.talks == {}, "a conversation begins with the first words, not with a look"


def test_choices_are_buttons_until_one_is_taken(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("what does it cost?")
    choices = widget.panel.get_by_role("group", name="Suggested answers")
    expect(choices.get_by_role("button")).to_have_text(
        ["Cost of delivery", "Cost of a return", "Talk to a person"]
    )
    choices.get_by_role("button", name="Cost of a return").click()
    expect(widget.panel.locator(".row.customer[data-seq]").last).to_contain_text("Cost of a return")
    expect(choices.get_by_role("button")).to_have_text(["Talk to a person"])
    said = [e["data"] for e in only_talk(relay).events if e["kind"] == "customer.said"][-1]
    assert (said["text"], said["choice"]) == ("Cost of a return", "a2")


def test_an_answer_shows_its_source_and_its_markup(widget: Widget) -> None:
    bubble = widget.ask("can I swap my boots?")
    expect(bubble.locator(".source")).to_contain_text("Exchange size")
    expect(bubble.locator("strong").first).to_have_text("45 days")
    expect(bubble.locator("ol li")).to_have_count(2)
    expect(bubble.locator("td").first).to_have_text("Standard")
    link = bubble.get_by_role("link", name="your order")
    assert link.get_attribute("href") == "/account/orders"
    assert "noopener" in (link.get_attribute("rel") or "")


def test_an_agent_is_named_typing_and_seen(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    talk = only_talk(relay)
    widget.panel.locator(".head").get_by_role("button", name="Talk to a person").click()
    expect(widget.panel.locator(".waiting")).to_contain_text("number 2 in line")
    expect(widget.panel.locator(".waiting")).to_contain_text("about 2 to 5 minutes")
    relay.add(talk, "agent.joined", MAYA, {"handoff_id": "h1"})
    expect(widget.panel.locator(".head")).to_contain_text("Maya Lindqvist")
    expect(widget.panel.locator(".waiting")).to_have_count(0)
    relay.to_customer(talk, {"type": "typing", "actor": MAYA, "on": True})
    expect(widget.panel.get_by_label("Maya Lindqvist is typing")).to_be_visible()
    relay.add(talk, "agent.said", MAYA, {"text": "Hello **you**"})
    expect(widget.panel.get_by_label("Maya Lindqvist is typing")).to_have_count(0)
    assert widget.words()[-1] == "Hello **you**", "a person's stars are stars"
    widget.say("hi")
    expect(widget.panel.locator(".meta").last).to_contain_text("Sent")
    relay.to_customer(talk, {"type": "seen", "actor": MAYA, "seq": len(talk.events)})
    expect(widget.panel.locator(".meta").last).to_contain_text("Seen")


def test_the_launcher_counts_what_came_while_the_panel_was_closed(
    relay: RecordedRelay, widget: Widget
) -> None:
    widget.ask("hello")
    widget.panel.get_by_role("button", name="Close the chat").click()
    expect(widget.panel).to_be_hidden()
    talk = only_talk(relay)
    for text in ("one", "two"):
        relay.add(talk, "agent.said", MAYA, {"text": text})
    expect(widget.page.locator("baton-widget .badge")).to_have_text("2")
    expect(widget.page.get_by_role("button", name="Open the chat, 2 new messages")).to_be_visible()
    widget.page.reload()
    expect(widget.page.locator("baton-widget .badge")).to_have_text("2")
    widget.open()
    expect(widget.page.locator("baton-widget .badge")).to_be_hidden()


def test_notices_offer_their_choices(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    choices = [{"id": "wait", "label": "I will wait"}, HUMAN]
    data = {"code": "bot_warming", "text": "The assistant is waking up.", "choices": choices}
    relay.add(only_talk(relay), "system.notice", "system", data)
    expect(widget.panel.locator(".notice")).to_have_text("The assistant is waking up.")
    expect(widget.panel.get_by_role("button", name="I will wait")).to_be_visible()


def test_four_thousand_characters_are_the_limit(widget: Widget) -> None:
    send = widget.panel.get_by_role("button", name="Send")
    widget.field.fill("x" * 3_700)
    expect(widget.panel.get_by_text("300 characters left")).to_be_visible()
    widget.field.fill("😀" * 4_000)
    expect(send).to_be_enabled()
    widget.field.fill("x" * 4_001)
    expect(widget.panel.get_by_text("1 character too many")).to_be_visible()
    expect(send).to_be_disabled()


def test_by_keyboard_alone(relay: RecordedRelay, page: Page) -> None:
    widget = Widget(page)
    page.evaluate("document.querySelector('footer a').focus()")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(widget.field).to_be_focused()
    page.keyboard.type("line one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("what does it cost?")
    page.keyboard.press("Enter")
    expect(widget.bubbles.last).to_contain_text("Which of these?")
    expect(widget.field).to_be_focused()
    first = widget.panel.get_by_role("button", name="Cost of delivery")
    for _ in range(8):
        page.keyboard.press("Shift+Tab")
        if first.evaluate("button => button.getRootNode().activeElement === button"):
            break
    expect(first).to_be_focused()
    page.keyboard.press("Enter")
    expect(widget.panel.locator(".row.customer[data-seq]").last).to_contain_text("Cost of delivery")
    page.keyboard.press("Tab")
    page.keyboard.press("Escape")
    expect(widget.panel).to_be_hidden()
    expect(widget.launcher).to_be_focused()
    assert len(relay.talks) == 1


def test_words_given_to_open_wait_in_the_field(page: Page, relay: RecordedRelay) -> None:
    page.get_by_role("button", name="What does delivery cost?").click()
    widget = Widget(page)
    expect(widget.field).to_have_value("how much does delivery cost")
    assert relay.talks == {}


def test_destroy_leaves_nothing_behind(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    talk = only_talk(relay)
    assert len(talk.sockets) == 1
    widget.page.evaluate("window.Baton.destroy()")
    expect(widget.page.locator("baton-widget")).to_have_count(0)
    assert widget.page.evaluate("'Baton' in window") is False
    widget.page.wait_for_function("() => true")
    for _ in range(50):
        if not talk.sockets:
            break
        widget.page.wait_for_timeout(50)
    assert talk.sockets == []
    assert widget.page.evaluate("document.querySelectorAll('style, script[src*=panel]').length") == 0


def test_right_to_left_on_a_phone_the_panel_is_the_screen(relay: RecordedRelay, new_page: NewPage) -> None:
    relay.answer, relay.demo_locale = answer, "ar"
    page = new_page(viewport={"width": 390, "height": 780})
    page.goto(f"{relay.url}/demo")
    widget = Widget(page)
    widget.open()
    widget.ask("can I swap my boots?")
    box = widget.panel.bounding_box()
    assert box == {"x": 0, "y": 0, "width": 390, "height": 780}
    assert widget.panel.get_attribute("dir") == "rtl"
    expect(widget.launcher).to_be_hidden()
    own = widget.panel.locator(".row.customer .bubble").bounding_box()
    assert own is not None
    assert own["x"] < 60, "the customer's side is the left one"
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_an_answer_longer_than_the_panel_is_shown_from_its_beginning(
    relay: RecordedRelay, widget: Widget
) -> None:
    widget.ask("hello")
    text = "First words.\n\n" + "\n\n".join(f"Paragraph {n}" for n in range(60)) + "\n\nLast words."
    relay.add(only_talk(relay), "bot.replied", "bot", {"turn": 2, "text": text, "choices": [HUMAN]})
    expect(widget.panel.get_by_text("First words.")).to_be_in_viewport()
    expect(widget.panel.get_by_text("Last words.")).not_to_be_in_viewport()
    widget.say("thanks")
    expect(widget.bubbles.filter(has_text="thanks")).to_be_in_viewport()


def test_the_log_follows_its_end_only_for_who_is_there(relay: RecordedRelay, widget: Widget) -> None:
    for _ in range(6):
        widget.ask("can I swap my boots?")
    widget.log.evaluate("log => { log.scrollTop = 0; }")
    widget.page.wait_for_timeout(100)
    relay.add(only_talk(relay), "agent.said", MAYA, {"text": "news"})
    below = widget.panel.get_by_role("button", name="New messages")
    expect(below).to_be_visible()
    assert widget.log.evaluate("log => log.scrollTop") == 0
    below.click()
    expect(below).to_have_count(0)
    expect(widget.bubbles.last).to_be_in_viewport()


def test_the_field_has_its_height_when_the_panel_opens_and_fits_its_words(page: Page) -> None:
    widget = Widget(page)
    widget.open()
    empty = height(widget.field)
    assert empty > 35, "an empty field shows its line"
    widget.field.fill("one\ntwo\nthree")
    assert height(widget.field) > empty + 30
    widget.field.fill("word " * 22)
    wide = height(widget.field)
    page.set_viewport_size({"width": 320, "height": 700})
    page.wait_for_function(
        "least => document.querySelector('baton-widget').shadowRoot.querySelector('textarea').clientHeight > least",
        arg=wide,
    )


def test_a_control_that_goes_leaves_its_focus_in_the_panel(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("what does it cost?")
    press(widget, "Cost of delivery")
    expect(widget.field).to_be_focused()
    press(widget, "End conversation")
    expect(widget.panel.get_by_role("button", name="End it")).to_be_focused()
    press(widget, "Keep it open")
    expect(widget.panel.get_by_role("button", name="End conversation")).to_be_focused()
    press(widget, "Talk to a person")
    press(widget, "Stop waiting")
    expect(widget.panel.locator(".waiting")).to_have_count(0)
    expect(widget.field).to_be_focused()
    press(widget, "End conversation")
    press(widget, "End it")
    expect(widget.panel.get_by_text("You ended the conversation")).to_be_visible()
    expect(widget.field).to_be_focused()


def test_the_question_whether_to_end_ends_with_the_conversation(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    widget.panel.get_by_role("button", name="End conversation").click()
    relay.add(only_talk(relay), "conversation.closed", MAYA, {"by": "agent", "episode": 1})
    expect(widget.panel.get_by_text("Write again at any time")).to_be_visible()
    widget.ask("can I swap my boots?")
    expect(widget.panel.get_by_role("button", name="End conversation")).to_be_visible()
    expect(widget.panel.get_by_role("button", name="End it")).to_have_count(0)


def test_a_place_in_line_told_before_its_events_is_kept(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    talk = only_talk(relay)
    relay.add(talk, "conversation.closed", MAYA, {"by": "agent", "episode": 1})
    relay.to_customer(talk, {"type": "queue", "position": 3, "wait_s": {"low": 60, "high": 300}})
    relay.add(talk, "episode.started", "system", {"episode": 2})
    relay.add(talk, "customer.said", "customer", {"text": "again", "client_id": "f" * 32})
    relay.add(talk, "handoff.requested", "system", {"handoff_id": "h2", "reason": "reopened"})
    expect(widget.panel.locator(".waiting")).to_contain_text("number 3 in line")
    relay.add(talk, "handoff.cancelled", "customer", {})
    relay.add(talk, "handoff.requested", "customer", {"handoff_id": "h3", "reason": "asked"})
    expect(widget.panel.locator(".waiting")).to_contain_text("Getting a person")


def test_who_asks_for_a_person_is_shown_the_end(relay: RecordedRelay, widget: Widget) -> None:
    for _ in range(4):
        widget.ask("can I swap my boots?")
    widget.log.evaluate("log => { log.scrollTop = 0; }")
    widget.panel.locator(".head").get_by_role("button", name="Talk to a person").click()
    expect(widget.panel.get_by_text("You asked for a person.")).to_be_in_viewport()
    expect(widget.panel.get_by_role("button", name="New messages")).to_have_count(0)


def test_a_refused_message_takes_no_choices_away(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("what does it cost?")
    relay.refuse["say"] = {"code": "bad_frame", "message": "This could not be read.", "data": {}}
    widget.say("try me")
    expect(widget.panel.locator(".row.failed")).to_be_visible()
    expect(widget.panel.get_by_role("button", name="Cost of delivery")).to_be_visible()


@pytest.mark.parametrize(("width", "height_"), [(844, 390), (640, 410)])
def test_on_a_low_screen_the_panel_takes_its_height(
    relay: RecordedRelay, new_page: NewPage, width: int, height_: int
) -> None:
    page = new_page(viewport={"width": width, "height": height_})
    page.goto(f"{relay.url}/demo")
    widget = Widget(page)
    widget.open()
    box = widget.panel.bounding_box()
    assert box is not None
    assert box["height"] >= height_ - 20
    expect(widget.launcher).to_be_hidden()
    widget.panel.get_by_role("button", name="Close the chat").click()
    expect(widget.launcher).to_be_visible()


def height(part: Locator) -> float:
    """Of its border box, in CSS pixels."""
    return float(part.evaluate("part => part.getBoundingClientRect().height"))


def press(widget: Widget, name: str) -> None:
    """A button of the panel, by keyboard: the first of this name."""
    widget.panel.get_by_role("button", name=name).first.focus()
    widget.page.keyboard.press("Enter")
