"""Every main state of the pages, light and dark, through axe-core: no violation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.hands import Console, NewPage, Widget
from tests.browser.recorded_relay import HUMAN, MAYA, RecordedRelay
from tests.browser.stories import answer, escalated, held

AXE = Path(__file__).resolve().parents[2] / "web_widget" / "node_modules" / "axe-core" / "axe.min.js"
RUN = "() => axe.run({runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice']})"

schemes = pytest.mark.parametrize("scheme", ["light", "dark"])


def check(page: Page, state: str) -> None:
    """Fails with what axe found, where, and in which state."""
    # Animations that run would be measured half way.
    page.evaluate(
        "() => Promise.all(document.getAnimations().map(a => a.effect?.getComputedTiming().iterations === Infinity ? null : a.finished))"
    )
    if not page.evaluate("typeof axe === 'object'"):
        page.evaluate(AXE.read_text())
    found: list[dict[str, Any]] = page.evaluate(RUN)["violations"]
    told = [
        f"{v['id']}: {v['help']}: {[n['target'] for n in v['nodes']]}: {v['nodes'][0]['failureSummary']}"
        for v in found
    ]
    assert told == [], state


@schemes
def test_widget(relay: RecordedRelay, new_page: NewPage, scheme: str) -> None:
    relay.answer = answer
    page = new_page(color_scheme=scheme, reduced_motion="reduce")
    page.goto(f"{relay.url}/demo")
    widget = Widget(page)
    expect(widget.launcher).to_be_visible()
    check(page, "closed")
    widget.open()
    check(page, "open")
    widget.ask("can I swap my boots?")
    widget.ask("what does it cost?")
    check(page, "answered, choices on offer")
    talk = next(iter(relay.talks.values()))
    notice = {"code": "bot_warming", "text": "The assistant is waking up.", "choices": [HUMAN]}
    relay.add(talk, "system.notice", "system", notice)
    expect(widget.panel.locator(".notice")).to_be_visible()
    relay.refuse["say"] = {"code": "bad_frame", "message": "This could not be read.", "data": {}}
    widget.say("try me")
    expect(widget.panel.locator(".row.failed")).to_be_visible()
    check(page, "a notice, a refused message")
    widget.panel.get_by_role("button", name="Remove").click()
    widget.panel.locator(".head").get_by_role("button", name="Talk to a person").click()
    expect(widget.panel.locator(".waiting")).to_be_visible()
    relay.to_customer(talk, {"type": "queue", "position": 1, "wait_s": None, "agents_online": 0})
    widget.panel.get_by_role("button", name="Leave your email instead").click()
    widget.panel.get_by_role("button", name="Leave my address").click()
    expect(widget.panel.get_by_text("Please write an address")).to_be_visible()
    check(page, "an address asked for")
    widget.panel.get_by_role("button", name="Keep waiting").click()
    widget.field.fill("x" * 4_001)
    check(page, "waiting, too long a message")
    widget.field.fill("")
    relay.add(talk, "agent.joined", MAYA, {"handoff_id": "h1"})
    relay.add(talk, "agent.said", MAYA, {"text": "Hello, see https://example.org/x"})
    relay.to_customer(talk, {"type": "typing", "actor": MAYA, "on": True})
    expect(widget.panel.locator(".typing")).to_be_visible()
    check(page, "with an agent, who is typing")
    widget.panel.get_by_role("button", name="End conversation").click()
    check(page, "asked whether to end")
    relay.refuse_sockets = True
    relay.cut()
    widget.say("kept")
    expect(widget.panel.locator(".banner")).to_be_visible()
    check(page, "cut off, a message on its way")
    relay.refuse_sockets = False
    expect(widget.panel.locator(".banner")).to_have_count(0, timeout=20_000)
    relay.add(talk, "conversation.closed", MAYA, {"by": "agent", "episode": 1})
    expect(widget.panel.get_by_text("The conversation has ended")).to_be_visible()
    check(page, "closed by the agent")


@schemes
def test_console(relay: RecordedRelay, new_page: NewPage, scheme: str) -> None:
    relay.logged_in, relay.must_change = False, True
    page = new_page(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 1440, "height": 900})
    console = Console(page)
    console.log_in(relay.url, "maya", "wrong")
    expect(page.get_by_role("alert")).not_to_be_empty()
    check(page, "log-in, refused")
    page.get_by_label("Password").fill("right")
    page.keyboard.press("Enter")
    expect(page.get_by_text("Choose your password")).to_be_visible()
    check(page, "a new password")
    relay.must_change = False
    page.reload()
    expect(page.get_by_text("Nobody is waiting.")).to_be_visible()
    check(page, "empty")
    escalated(relay, "Harriet")
    escalated(relay, None, "bot_error", group="bot_error")
    talk = held(relay, "Wilhelmina")
    held(relay, "Jonas", {"type": "agent", "id": "u-priya", "name": "Priya Nair"})
    page.reload()
    expect(console.items).to_have_count(2)
    check(page, "a queue")
    console.open("Harriet")
    expect(console.evidence.locator(".score")).to_have_count(2)
    check(page, "somebody who waits, with the evidence")
    console.open("Wilhelmina")
    relay.add(talk, "agent.noted", MAYA, {"text": "A note"})
    relay.add(talk, "agent.said", MAYA, {"text": "See https://example.org/x"})
    relay.add(talk, "customer.said", "customer", {"text": "Thanks"})
    expect(console.log.locator(".note")).to_be_visible()
    check(page, "a chat of mine")
    page.get_by_role("button", name="Private note").click()
    console.field.fill("x" * 3_900)
    check(page, "writing a note")
    console.field.fill("")
    for name in ("Return to bot", "Close", "Settings", "Keyboard shortcuts"):
        page.get_by_role("button", name=name, exact=True).click()
        expect(page.get_by_role("dialog")).to_be_visible()
        check(page, name)
        page.keyboard.press("Escape")
    relay.refuse["note"] = {"code": "not_holder", "message": "x", "data": {}}
    console.say("refused")
    expect(console.toast).to_be_visible()
    check(page, "refused words")
    page.set_viewport_size({"width": 390, "height": 780})
    check(page, "on a phone")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


@schemes
def test_demo_page_on_a_phone(relay: RecordedRelay, new_page: NewPage, scheme: str) -> None:
    page = new_page(color_scheme=scheme, reduced_motion="reduce", viewport={"width": 390, "height": 780})
    page.goto(f"{relay.url}/demo")
    expect(page.locator("baton-widget .launcher")).to_be_visible()
    check(page, "demo")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
