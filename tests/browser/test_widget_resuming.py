"""The widget over connections that break, and a relay that is busy, late or another one: no words lost, none twice."""

from __future__ import annotations

import re

from playwright.sync_api import expect

from tests.browser.hands import Widget
from tests.browser.recorded_relay import MAYA, RecordedRelay
from tests.browser.stories import only_talk


def test_a_reload_resumes_the_conversation_and_shows_each_message_once(
    relay: RecordedRelay, widget: Widget
) -> None:
    widget.ask("can I swap my boots?")
    widget.ask("what does it cost?")
    before = widget.words()
    assert len(before) == 4
    widget.page.reload()
    widget.open()
    expect(widget.bubbles).to_have_count(4)
    assert widget.words() == before
    assert len(relay.talks) == 1


def test_an_event_left_out_is_noticed_and_fetched(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    talk = only_talk(relay)
    relay.drop_events = {len(talk.events) + 1}
    relay.add(talk, "bot.replied", "bot", {"turn": 2, "text": "Left out", "choices": []})
    relay.add(talk, "bot.replied", "bot", {"turn": 2, "text": "Came through", "choices": []})
    expect(widget.bubbles.last).to_contain_text("Came through")
    assert widget.words()[-2:] == ["Left out", "Came through"]


def test_events_that_come_again_are_shown_once(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    talk = only_talk(relay)
    for event in talk.wire(customer=True):
        relay.to_customer(talk, {"type": "event", "event": event})
    relay.add(talk, "bot.replied", "bot", {"turn": 2, "text": "The end", "choices": []})
    expect(widget.bubbles.last).to_contain_text("The end")
    assert widget.seqs() == sorted(set(widget.seqs()))


def test_a_lost_ack_does_not_double_the_words(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    relay.answer, relay.hold_acks = None, True
    widget.say("only once")
    expect(widget.bubbles.last).to_contain_text("only once")
    relay.hold_acks = False
    relay.cut()
    widget.say("and then this")
    expect(widget.bubbles.last).to_contain_text("and then this", timeout=15_000)
    assert [word for word in widget.words() if "once" in word or "then" in word] == [
        "only once",
        "and then this",
    ]
    said = [e["data"]["text"] for e in only_talk(relay).events if e["kind"] == "customer.said"]
    assert said == ["hello", "only once", "and then this"]


def test_words_written_while_cut_off_survive_a_reload(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    relay.answer, relay.refuse_sockets = None, True
    relay.cut()
    for word in ("first", "second"):
        widget.say(word)
    expect(widget.panel.locator(".row.sending")).to_have_count(2)
    expect(widget.panel.locator(".banner")).to_be_visible()
    widget.page.reload()
    relay.refuse_sockets = False
    widget.open()
    expect(widget.bubbles.last).to_contain_text("second", timeout=15_000)
    assert widget.words()[-2:] == ["first", "second"]
    expect(widget.panel.locator(".row.sending")).to_have_count(0)


def test_a_first_message_that_meets_no_server_starts_one_conversation_later(
    relay: RecordedRelay, widget: Widget
) -> None:
    route = "**/api/v1/conversations"
    # The request arrives and its answer is lost: the worst case for a retry.
    widget.page.route(route, lambda call: (call.fetch(), call.abort()))
    widget.say("can I swap my boots?")
    expect(widget.panel.locator(".row.sending")).to_have_count(1)
    widget.page.wait_for_timeout(1_500)
    widget.page.unroute(route)
    expect(widget.bubbles.last).to_contain_text("45 days", timeout=15_000)
    assert len(relay.talks) == 1
    assert widget.words()[0] == "can I swap my boots?"


def test_a_server_restored_from_a_backup_is_believed(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    widget.ask("what does it cost?")
    talk = only_talk(relay)
    del talk.events[3:]
    talk.acks.clear()
    relay.cut()
    expect(widget.bubbles).to_have_count(2, timeout=15_000)
    widget.ask("can I swap my boots?")
    assert widget.seqs() == [2, 3, 4, 5]


def test_a_conversation_the_server_does_not_know_gives_way_to_a_new_one(
    relay: RecordedRelay, widget: Widget
) -> None:
    widget.ask("hello")
    relay.talks.clear()
    widget.page.reload()
    widget.open()
    expect(widget.panel.get_by_text(re.compile("no longer available"))).to_be_visible()
    widget.ask("can I swap my boots?")
    assert len(relay.talks) == 1


def test_a_refused_message_says_so_and_can_be_sent_again(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    relay.refuse["say"] = {"code": "bad_frame", "message": "This could not be read.", "data": {}}
    widget.say("try me")
    failed = widget.panel.locator(".row.failed")
    expect(failed).to_contain_text("This could not be read.")
    failed.get_by_role("button", name="Try again").click()
    expect(failed).to_have_count(0)
    expect(widget.panel.locator(".row.customer[data-seq]").last).to_contain_text("try me")


def test_a_busy_server_is_waited_for_and_the_order_stays(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    relay.answer = None
    relay.refuse["say"] = {"code": "rate_limited", "message": "Slower, please.", "data": {"retry_ms": 400}}
    widget.say("first")
    widget.say("second")
    expect(widget.bubbles.last).to_contain_text("second")
    assert widget.words()[-2:] == ["first", "second"]


def test_a_lost_whisper_troubles_nobody(relay: RecordedRelay, widget: Widget) -> None:
    widget.ask("hello")
    talk = only_talk(relay)
    error = {"code": "rate_limited", "message": "Too many frames.", "data": {"retry_ms": 400}}
    relay.to_customer(talk, {"type": "error", "error": error})
    relay.to_customer(talk, {"type": "typing", "actor": MAYA, "on": True})
    expect(widget.panel.locator(".typing")).to_be_visible()
    expect(widget.panel.locator(".banner")).to_have_count(0)
