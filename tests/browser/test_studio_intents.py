"""The studio's pages about intents, with a real relay: an intent is written with marked words, by keyboard too."""

from __future__ import annotations

import asyncio
import os
import re
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from handoff.adapters.clock import SystemClock
from handoff.bootstrap import open_database
from handoff.content.store import ContentStore
from handoff.settings import Settings
from kb_index.article import Article
from kb_index.formats import Parsed
from tests.browser.hands import NewPage
from tests.browser.test_accessibility import check
from tests.integration.relay.harness import RunningRelay, running_relay

DIST = Path(__file__).resolve().parents[2] / "web_widget" / "dist"
PASSWORD = "a-long-enough-password"
HIRING = Article("jobs", "Are you hiring?", "See our **jobs** page.", ("any vacancies",))
SHOTS = os.environ.get("BATON_TEST_SHOTS")
"""A folder for pictures of what the tests saw."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRelay]:
    """A relay with the built pages and one article, in a loop of its own."""
    home = tmp_path_factory.mktemp("home")
    (home / "no-pages").symlink_to(DIST)
    ready, done = threading.Event(), threading.Event()
    found: list[RunningRelay] = []

    async def serve() -> None:
        engine = await open_database(Settings(home=home))
        await ContentStore(engine, SystemClock()).import_parsed(Parsed(articles=[HIRING]))
        await engine.dispose()
        async with running_relay(home) as at:
            for name in ("Edda", "Bo"):
                await at.accounts.add_user(name, "editor", PASSWORD)
            found.append(at)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield found[0]
    done.set()
    thread.join(30)


def studio(new_page: NewPage, at: RunningRelay, where: str, name: str = "Edda", **options: object) -> Page:
    page = new_page(**options)
    page.goto(f"{at.url}/studio#/{where}")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    return page


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def example(page: Page, number: int) -> None:
    """The cursor goes into an example."""
    page.get_by_label(f"Example {number}", exact=True).focus()


def test_an_intent_is_written_by_keyboard(served: RunningRelay, new_page: NewPage) -> None:
    page = studio(new_page, served, "intents/+")
    page.get_by_label("When a customer …").fill("wants to buy in bulk")
    example(page, 1)
    texts = (
        "100 tents for our shop",
        "wholesale prices",
        "order many at once",
        "prices for shops",
        "resell your things",
    )
    for text in texts:
        page.keyboard.type(text)
        page.keyboard.press("Enter")
    page.keyboard.press("Backspace")
    expect(page.get_by_label(re.compile(r"^Example \d"))).to_have_count(5)
    # Marked without a pointer: Shift selects, Tab goes to what the word may be.
    example(page, 1)
    page.keyboard.press("Home")
    for _ in range(4):
        page.keyboard.press("ArrowRight")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    bar = page.get_by_role("group", name="Mark “tents” as")
    expect(bar).to_be_visible()
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_label("What is it?").fill("Product")
    expect(page.get_by_label("Words", exact=True)).to_have_value("tents")
    page.get_by_label("Words", exact=True).fill("tent = tents")
    check(page, "entity dialog")
    shot(page, "entity")
    page.keyboard.press("Tab")
    page.get_by_role("dialog").get_by_role("button", name="Save").press("Enter")
    chip = page.get_by_role("list", name="Marked in example 1")
    expect(chip).to_contain_text("tents Product")
    assert "[" not in page.get_by_label("Example 1", exact=True).input_value()
    # The mark moves with its word and goes with it.
    example(page, 1)
    page.keyboard.press("Home")
    page.keyboard.type("about ")
    expect(chip).to_contain_text("tents")
    page.get_by_label("The text").fill("Write to **trade@example.com**.")
    expect(page.get_by_role("group", name="Preview").locator("strong")).to_have_text("trade@example.com")
    check(page, "intent editor")
    shot(page, "editor-light")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Saved. The next training learns it.")).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_have_text("When a customer wants to buy in bulk")
    kept = page.evaluate("fetch('/api/v1/studio/intents/buy_in_bulk').then((r) => r.json())")["intent"]
    assert kept["examples"][0] == "about 100 [tents](product) for our shop"
    assert kept["does"] == {"kind": "say", "texts": {"en": "Write to **trade@example.com**."}}
    page.reload()
    expect(page.get_by_role("list", name="Marked in example 1")).to_contain_text("tents Product")
    page.get_by_role("button", name="Unmark “tents”").click()
    expect(page.get_by_role("list", name="Marked in example 1")).to_have_count(0)


def test_doubts_stand_beside_what_they_are_about(served: RunningRelay, new_page: NewPage) -> None:
    page = studio(new_page, served, "intents/+")
    example(page, 1)
    page.keyboard.type("any vacancies?")
    expect(page.get_by_text("The bot needs at least 5")).to_be_visible()
    row = page.locator(".example").first
    expect(row.get_by_text("“Are you hiring?” is asked with these words.")).to_be_visible()
    page.get_by_role("button", name="answers with an article").click()
    page.get_by_role("button", name="Choose the article").click()
    page.get_by_role("button", name="Are you hiring?").click()
    expect(page.get_by_role("group", name="Preview")).to_contain_text("See our jobs page.")
    page.get_by_label("When a customer …").fill("asks for work")
    page.get_by_role("button", name="hands over to a person").click()
    page.get_by_role("button", name="Save").click()
    told = page.get_by_label("Why a person takes over")
    expect(told).to_have_attribute("aria-invalid", "true")
    told.fill("Application")
    check(page, "doubts")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The next training learns it.")).to_be_visible()


def test_two_editors_are_asked_which_shall_stand(served: RunningRelay, new_page: NewPage) -> None:
    page = studio(new_page, served, "intents/+")
    page.get_by_label("When a customer …").fill("asks for the press")
    example(page, 1)
    page.keyboard.type("I am a journalist")
    page.get_by_label("The text").fill("Hello press.")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved. The next training learns it.")).to_be_visible()
    other = studio(new_page, served, "intents/press", name="Bo")
    other.get_by_label("The text").fill("Call us.")
    other.get_by_role("button", name="Add an example").click()
    other.keyboard.type("press kit")
    other.get_by_role("button", name="Save").click()
    expect(other.get_by_text("Saved. The next training learns it.")).to_be_visible()
    page.get_by_label("The text").fill("Write to us.")
    page.get_by_role("button", name="Save").click()
    dialog = page.get_by_role("dialog", name="Bo changed this intent too")
    expect(dialog).to_contain_text("Call us.")
    check(page, "conflict")
    shot(page, "conflict")
    dialog.get_by_label("Keep mine").check()
    dialog.get_by_role("button", name="Save").click()
    expect(dialog).to_have_count(0)
    expect(page.get_by_label("Example 2", exact=True)).to_have_value("press kit")
    kept = page.evaluate("fetch('/api/v1/studio/intents/press').then((r) => r.json())")["intent"]
    assert kept["does"]["texts"] == {"en": "Write to us."}
    assert kept["examples"] == ["I am a journalist", "press kit"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_list_is_for_everybody(served: RunningRelay, new_page: NewPage, scheme: str, width: int) -> None:
    size = {"width": width, "height": 820}
    page = studio(new_page, served, "intents", color_scheme=scheme, viewport=size)
    expect(page.get_by_role("link", name="asks for a person")).to_be_visible()
    check(page, f"list, {scheme}, {width}")
    shot(page, f"list-{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.get_by_role("link", name="says hello").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("When a customer says hello")
    page.get_by_text("that come with Baton").click()
    check(page, f"shipped, {scheme}, {width}")
    shot(page, f"shipped-{scheme}-{width}")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_earlier_version_of_an_intent_is_restored(served: RunningRelay, new_page: NewPage) -> None:
    page = studio(new_page, served, "intents/+")
    page.get_by_label("When a customer …").fill("wants a catalogue")
    example(page, 1)
    page.keyboard.type("send me the catalogue")
    page.get_by_label("The text").fill("It is on its way.")
    page.keyboard.press("Control+s")
    expect(page.get_by_role("heading", level=1)).to_have_text("When a customer wants a catalogue")
    example(page, 1)
    page.keyboard.press("End")
    page.keyboard.type(" please")
    page.keyboard.press("Control+s")
    expect(page.get_by_text("Version 2, saved")).to_be_visible()
    page.get_by_role("button", name="History").click()
    drawer = page.get_by_role("dialog", name="History")
    expect(drawer.get_by_role("heading", name="From version 1 to version 2")).to_be_visible()
    expect(drawer.locator("ins")).to_contain_text("send me the catalogue please")
    check(page, "history of an intent")
    shot(page, "history-light")
    drawer.get_by_role("button", name="Restore version 1").click()
    expect(page.get_by_text("Version 1 is back. The next training learns it.")).to_be_visible()
    expect(page.get_by_label("Example 1", exact=True)).to_have_value("send me the catalogue")
    expect(page.get_by_text("Version 3, saved")).to_be_visible()
    # One that comes with Baton has no author before somebody adds to it.
    page.goto(f"{served.url}/studio#/intents/greet")
    page.get_by_role("button", name="History").click()
    expect(page.get_by_role("dialog").get_by_text("It came with Baton")).to_be_visible()
    phone = studio(
        new_page,
        served,
        "intents/catalogue",
        viewport={"width": 390, "height": 844},
        color_scheme="dark",
    )
    phone.get_by_role("button", name="History").click()
    expect(phone.get_by_role("dialog").get_by_text("restored an earlier version")).to_be_visible()
    shot(phone, "history-phone")
