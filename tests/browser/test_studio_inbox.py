"""The studio's inbox beyond its first page, and how Baton speaks, with a real relay."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from playwright.sync_api import expect

from handoff.adapters.clock import SystemClock
from handoff.adapters.log_sql import SqlEventLog
from handoff.bootstrap import open_database
from handoff.content.store import ContentStore
from handoff.settings import Settings
from kb_index.formats import Parsed
from tests.browser.hands import NewPage
from tests.browser.test_accessibility import check
from tests.browser.test_studio_intents import DIST, HIRING, PASSWORD, shot, studio
from tests.contract.questions import asked_once, put_in_group
from tests.integration.relay.harness import RunningRelay, running_relay
from tests.integration.relay.studio import released

GROUPS = 130


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningRelay]:
    """A relay with a live release and more groups of questions than a page holds."""
    home = tmp_path_factory.mktemp("home")
    (home / "no-pages").symlink_to(DIST)
    released(home, "r1", [HIRING])
    ready, done = threading.Event(), threading.Event()
    found: list[RunningRelay] = []

    async def serve() -> None:
        engine = await open_database(Settings(home=home))
        await ContentStore(engine, SystemClock()).import_parsed(Parsed(articles=[HIRING]))
        log, now = SqlEventLog(engine, "tests", 4000), SystemClock().now_ms() - 60_000
        database = cast("Any", SimpleNamespace(engine=lambda: engine))
        for number in range(GROUPS):
            key = await asked_once(log, f"Question {number + 1}?", at=now - number)
            await put_in_group(database, f"grp_{number}", key)
        await engine.dispose()
        async with running_relay(home) as at:
            await at.accounts.add_user("Edda", "admin", PASSWORD)
            found.append(at)
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()), daemon=True)
    thread.start()
    assert ready.wait(60)
    yield found[0]
    done.set()
    thread.join(30)


def test_the_inbox_goes_on_by_keyboard(served: RunningRelay, new_page: NewPage) -> None:
    page = studio(new_page, served, "review")
    links = page.locator("a.group-link")
    expect(links).to_have_count(100)
    expect(page.get_by_text("The 100 dearest are shown.")).to_be_visible()
    more = page.get_by_role("button", name="Show 30 more")
    check(page, "inbox with more")
    more.focus()
    page.keyboard.press("Enter")
    expect(links).to_have_count(GROUPS)
    # One reads on at the first that came, each stands there once, and nothing is left to ask for.
    expect(links.nth(100)).to_be_focused()
    assert len(set(links.all_inner_texts())) == GROUPS
    expect(page.get_by_role("button", name="more")).to_have_count(0)
    shot(page, "inbox-light")


def test_a_voice_is_chosen_and_goes_live(served: RunningRelay, new_page: NewPage) -> None:
    page = studio(new_page, served, "settings")
    section = page.get_by_role("region", name="How Baton speaks")
    expect(section.get_by_role("radio", name="Casual")).to_be_checked()
    use = section.get_by_role("button", name="Speak like this now…")
    expect(use).to_be_disabled()
    section.get_by_role("radio", name="Formal").check()
    shot(page, "voice-light")
    use.click()
    check(page, "voice dialog")
    shot(page, "voice-dialog")
    page.get_by_role("dialog").get_by_role("button", name="Speak like this", exact=True).click()
    expect(section.locator("label", has_text="Formal").get_by_text("Now")).to_be_visible()
    expect(use).to_be_disabled()
    site = page.evaluate("fetch('/api/v1/site').then((r) => r.json())")
    assert site["voice"] == "formal"
    page.get_by_label("Currency").select_option("GBP")
    expect(page.get_by_text("costs £4.80")).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    page.reload()
    expect(page.get_by_label("Currency")).to_have_value("GBP")
    expect(section.get_by_role("radio", name="Formal")).to_be_checked()
    check(page, "settings")
    dark = studio(new_page, served, "settings", color_scheme="dark")
    expect(dark.get_by_role("radio", name="Formal")).to_be_checked()
    check(dark, "settings, dark")
    shot(dark, "voice-dark")
    phone = studio(new_page, served, "settings", viewport={"width": 390, "height": 844})
    expect(phone.get_by_role("radio", name="Formal")).to_be_checked()
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    shot(phone, "voice-phone")
