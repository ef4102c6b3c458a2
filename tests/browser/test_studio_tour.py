"""Every page of the studio with what a shop has after a while: seen light and dark, wide and on a phone, and used by keyboard.

Named so that it comes after the story, which begins with nothing waiting.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from bench.clients import BatonConversation
from tests.browser.conftest import ROOT, Product
from tests.browser.hands import NewPage
from tests.browser.test_accessibility import check, schemes
from tests.browser.test_studio_story import studio, to
from tests.contract.databases import in_own_loop

pytestmark = pytest.mark.timeout(1_200)

SHOTS = os.environ.get("BATON_TEST_SHOTS")
"""A folder for pictures of what the tests saw."""
JOB_S = 600.0
PHONE = 390
TALKS = (
    ("can you gift wrap my order", "thanks"),
    ("do you take paypal",),
    ("can I cancel my order",),
    ("how much is delivery to Ireland",),
    ("I want to talk to a human",),
    ("my parcel is late",),
    ("is my dog welcome in your shops",),
    ("do you rent out kayaks",),
    ("can I rent a kayak for the weekend",),
    ("is it possible to rent kayaks",),
)
DRAFT: dict[str, Any] = {
    "title": "Can I rent a kayak?",
    "answer": "Yes, from **£30** a day. See [rentals](https://example.org/rentals).",
    "questions": ["kayak rental", "hire a kayak for a day"],
    "tags": ["rentals"],
    "locale": "en",
    "status": "draft",
}
INTENT: dict[str, Any] = {
    "description": "wants to become a supplier",
    "examples": ["we make tents", "can we supply you", "sell our jackets in your shop", "become a supplier"],
    "does": {"kind": "say", "texts": {"en": "Please write to **buying@example.org**."}},
}
INCIDENT: dict[str, Any] = {
    "text": "Payments by card fail at the moment. We are working on it.",
    "article_ids": ["payment-methods"],
    "phrases": ["my card is refused"],
    "since": None,
    "next_news": None,
    "locale": "en",
}


class Api:
    """The studio's API as an editor with a token."""

    def __init__(self, product: Product) -> None:
        name, _ = product.user("editor")
        command = [
            sys.executable,
            "-m",
            "handoff.cli",
            "--home",
            str(product.home),
            "token",
            "add",
            name,
            "--json",
        ]
        made = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
        token = json.loads(made.stdout.splitlines()[-1])["token"]
        self._http = httpx.Client(
            base_url=f"{product.url}/api/v1/studio", headers={"Authorization": f"Bearer {token}"}, timeout=30
        )

    def __call__(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._http.request(method, path, json=body)
        assert answer.status_code < 300, f"{method} {path}: {answer.text[:300]}"
        return answer.json()

    def done(self, job: dict[str, Any]) -> dict[str, Any]:
        """A job at its end, which must be a good one."""
        deadline = time.monotonic() + JOB_S
        while job["state"] in ("queued", "running"):
            assert time.monotonic() < deadline, job
            time.sleep(0.3)
            job = self("GET", f"/jobs/{job['id']}")["job"]
        assert job["state"] == "done", job
        return job


def amended(api: Api, article_id: str, more: str) -> None:
    """Write more into an answer."""
    before = api("GET", f"/articles/{article_id}")["article"]
    content = {name: before[name] for name in before if name not in ("version", "updated_at", "updated_by")}
    content["answer"] += f"\n\n{more}"
    api("PUT", f"/articles/{article_id}", {"base_version": before["version"], "article": content})


def unamended(api: Api, article_id: str) -> None:
    """As it was before that."""
    now = api("GET", f"/articles/{article_id}")["article"]["version"]
    api("POST", f"/articles/{article_id}/restore", {"version": now - 1, "base_version": now})


@pytest.fixture(scope="module")
def api(product: Product) -> Api:
    return Api(product)


@pytest.fixture(scope="module")
def asked(product: Product) -> None:
    """Customers have asked: some were answered, some not, one was handed over."""

    async def ask() -> None:
        for talk in TALKS:
            conversation = await BatonConversation.open(product.url)
            for text in talk:
                await conversation.ask(text)
            await conversation.close()

    in_own_loop(ask())


@pytest.fixture(scope="module")
def filled(asked: None, api: Api) -> Iterator[dict[str, str]]:
    """Something on every page: the ids of an article, an intent, a group, a release with its report."""
    del asked
    article = api("POST", "/articles", {"article": DRAFT})["article"]
    amended(api, "gift-wrapping", "A card with your own words is free.")
    amended(api, "refunds", "From January on within three days.")
    at = (datetime.now(UTC) + timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ")
    plan = api("POST", "/publish", {"articles": ["refunds"], "at": at, "why": "New terms from January"})[
        "plan"
    ]
    intent = api("POST", "/intents", {"intent": INTENT})["intent"]
    incident = api("POST", "/incidents", {"incident": INCIDENT, "tell_open": False})["incident"]
    entity = {
        "description": "Brand",
        "kind": "words",
        "words": [{"value": "Fellgate", "synonyms": ["fell gate"]}],
    }
    api(
        "PUT",
        "/entities/brand",
        {"base_version": None, "entity": {**entity, "prefix": "", "least": 1, "most": 1}},
    )
    question = api("POST", "/exam", {"text": "do you wrap presents", "article_id": "gift-wrapping"})[
        "question"
    ]
    api.done(api("POST", "/review/regroup")["job"])
    group = api("GET", "/review")["groups"][0]
    judged = [release["id"] for release in api("GET", "/releases")["releases"] if release["has_report"]]
    if not judged:
        judged = [api.done(api("POST", "/trainings", {"fine_tune": False})["job"])["release_id"]]
    yield {"article": article["id"], "intent": intent["name"], "group": group["id"], "release": judged[0]}
    api("POST", f"/plans/{plan['id']}/refuse", {})
    api("POST", f"/incidents/{incident['id']}/end", {})
    api("DELETE", "/entities/brand?base_version=1")
    api("DELETE", f"/exam/{question['id']}")
    api("DELETE", f"/intents/{intent['name']}?base_version={intent['version']}")
    api("DELETE", f"/articles/{article['id']}?base_version={article['version']}")
    for article_id in ("gift-wrapping", "refunds"):
        unamended(api, article_id)


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def looked_at(page: Page, name: str) -> None:
    """Wide and on a phone: nothing that axe finds, nothing that one has to scroll sideways for."""
    size = {"width": 1280, "height": 860}
    for width, kind in ((size["width"], "wide"), (PHONE, "phone")):
        page.set_viewport_size({**size, "width": width})
        shot(page, f"{name}-{kind}")
        check(page, f"{name}, {kind}")
        assert page.evaluate("document.documentElement.scrollWidth") <= width, f"{name}, {kind}"


@schemes
def test_every_page(product: Product, new_page: NewPage, filled: dict[str, str], scheme: str) -> None:
    page = studio(new_page, product, color_scheme=scheme, reduced_motion="reduce")
    seen: dict[str, tuple[str, Callable[[], object]]] = {
        "overview": ("overview", lambda: expect(page.get_by_text("incident notice is open")).to_be_visible()),
        "articles": ("articles", lambda: expect(page.get_by_role("table")).to_be_visible()),
        "article": (f"articles/{filled['article']}", lambda: expect(page.get_by_label("Title")).to_be_visible()),
        "article-none": ("articles/nope", lambda: expect(page.get_by_text("There is no such article")).to_be_visible()),
        "intents": ("intents", lambda: expect(page.get_by_text("wants to become a supplier")).to_be_visible()),
        "intent": (f"intents/{filled['intent']}", lambda: expect(page.get_by_label("Example 1", exact=True)).to_be_visible()),
        "review": ("review", lambda: expect(page.get_by_role("list", name="Groups of questions")).to_be_visible()),
        "group": (f"review/{filled['group']}", lambda: expect(page.get_by_role("list", name="Questions of this group")).to_be_visible()),
        "changes": ("changes", lambda: expect(page.get_by_text("Waiting to be published").first).to_be_visible()),
        "incidents": ("incidents", lambda: expect(page.get_by_text("Payments by card fail")).to_be_visible()),
        "training": ("training", lambda: expect(page.get_by_role("button", name="Train", exact=True)).to_be_visible()),
        "exam": ("training?tab=exam", lambda: expect(page.get_by_text("do you wrap presents", exact=True)).to_be_visible()),
        "release": (f"releases/{filled['release']}", lambda: expect(page.get_by_role("heading", level=1)).to_contain_text("Release of")),
        "settings": ("settings", lambda: expect(page.get_by_role("slider").first).to_be_visible()),
        "import": ("import", lambda: expect(page.get_by_role("heading", level=1)).to_be_visible()),
        "activity": ("activity", lambda: expect(page.get_by_role("main").get_by_role("listitem").or_(page.get_by_role("row")).first).to_be_visible()),
        "try": ("try", lambda: expect(page.get_by_role("main").get_by_role("textbox").first).to_be_visible()),
    }  # fmt: skip
    faults: list[str] = []
    for name, (where, is_there) in seen.items():
        page.goto(f"{product.url}/studio#/{where}")
        is_there()
        expect(page.locator(".spinner")).to_have_count(0)
        try:
            looked_at(page, f"{scheme}-{name}")
        except AssertionError as fault:
            # The other pages are looked at all the same.
            faults.append(str(fault))
    assert faults == []


def test_values_are_tried_on_past_conversations_by_keyboard(
    product: Product, new_page: NewPage, asked: None, api: Api
) -> None:
    del asked
    before = api("GET", "/settings")
    page = studio(new_page, product, reduced_motion="reduce")
    to(page, "Settings")
    tries = page.get_by_role("button", name="Try on past conversations")
    expect(tries).to_be_disabled()
    expect(page.get_by_text("Move one of the sliders first.")).to_be_visible()
    page.get_by_label("At most this share of answers may be wrong").press("Home")
    expect(page.get_by_role("status").filter(has_text="At most 5 of 1,000 answers")).to_be_visible()
    expect(tries).to_be_enabled()
    tries.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("progressbar", name="Holding conversations again")).to_be_visible()
    table = page.get_by_role("table", name="What past conversations come to, as it is and with these values")
    expect(table).to_be_visible(timeout=JOB_S * 1000)
    counts = {
        row.get_by_role("rowheader").inner_text(): [
            int(cell) for cell in row.get_by_role("cell").all_inner_texts()[:2]
        ]
        for row in table.get_by_role("row").filter(has=page.get_by_role("rowheader")).all()
        if not row.get_by_role("rowheader").inner_text().startswith("Hours")
    }
    as_it_is, as_it_would_be = counts["Answered by the bot"]
    assert as_it_is >= 4  # gift wrapping, paying, cancelling, delivery
    assert as_it_would_be < as_it_is
    assert counts["Handed to a person"][0] >= 1
    looked_at(page, "simulator")
    # Nothing of it was saved, and the page says so before one leaves.
    assert api("GET", "/settings") == before
    page.get_by_role("button", name="Use these values now").focus()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Answer by these values from now on?")
    expect(dialog).to_be_visible()
    check(page, "using values")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    page.get_by_role("button", name="Undo changes").click()
    expect(tries).to_be_disabled()


def test_what_one_publishes_another_must_agree_to(product: Product, new_page: NewPage, api: Api) -> None:
    table = f"fitting table {secrets.token_hex(4)}"
    why = f"The {table} is ready"
    amended(api, "size-guide", f"Our **{table}** shows every brand.")
    api("PUT", "/settings", {"approval": True})
    try:
        one, other = studio(new_page, product), studio(new_page, product, "admin")
        names = [page.locator(".nav-me span").inner_text() for page in (one, other)]

        # One asks, from the article itself, and cannot agree alone.
        one.goto(f"{product.url}/studio#/articles/size-guide")
        one.get_by_role("button", name="Publish now").click()
        dialog = one.get_by_role("dialog", name="Publish this article")
        expect(dialog.get_by_label("Not before (optional)")).to_be_visible()
        dialog.get_by_label("Why (optional)").fill(why)
        check(one, "publishing an article")
        dialog.get_by_role("button", name="Ask for a yes").click()
        expect(dialog).to_be_hidden()
        expect(one.get_by_text("Asked: somebody else must agree")).to_be_visible()
        to(one, "Changes")
        mine = (
            one.get_by_role("region", name="Waiting to be published")
            .get_by_role("listitem")
            .filter(has_text=why)
        )
        expect(mine.get_by_text("Waits for a yes")).to_be_visible()
        expect(mine.get_by_role("button", name="Agree")).to_have_count(0)
        expect(mine.get_by_role("button", name="Take back")).to_be_visible()
        shot(one, "plan-mine")
        assert table not in live_answer(api, "size-guide")

        # Somebody else is told, agrees, and customers get it.
        other.reload()
        expect(other.get_by_role("heading", name="1 publication waits for a yes")).to_be_visible()
        other.get_by_role("link", name="Look at it").click()
        theirs = (
            other.get_by_role("region", name="Waiting to be published")
            .get_by_role("listitem")
            .filter(has_text=why)
        )
        shot(other, "plan-theirs")
        theirs.get_by_role("button", name="Agree").click()
        expect(theirs).to_have_count(0)
        deadline = time.monotonic() + 30
        while table not in live_answer(api, "size-guide"):
            assert time.monotonic() < deadline, "what was agreed to is not live"
            time.sleep(0.2)

        to(other, "Activity")
        for name in names:
            expect(other.get_by_role("main").get_by_text(name).first).to_be_visible()
        expect(other.get_by_text(why).first).to_be_visible()
        shot(other, "plan-activity")
    finally:
        api("PUT", "/settings", {"approval": False})
        unamended(api, "size-guide")
        api("POST", "/publish", {"articles": ["size-guide"]})


def live_answer(api: Api, article_id: str) -> str:
    """What customers are told."""
    answer: str = api("GET", f"/articles/{article_id}")["live"]["answer"]
    return answer
