"""An editor who starts from the demo: finds the worst gap, fixes it, trains, reads the report, tries it on some, promotes, goes back."""

from __future__ import annotations

import re
import time
from typing import Any

import httpx
import pytest
from playwright.sync_api import Page, expect

from bench.clients import BatonConversation
from tests.browser.conftest import AGENT_PASSWORD, Product
from tests.browser.hands import NewPage
from tests.browser.test_story import customer
from tests.contract.databases import in_own_loop

# The product trains once for all tests of the browser, and once more here.
pytestmark = pytest.mark.timeout(1_200)

GAP = (
    "can i bring my dog into your shop",
    "are dogs allowed in the store",
    "do you let dogs into the shop",
    "is my dog welcome in your shops",
)
ANSWER = "Dogs on a lead are **welcome** in all our shops."
TRAINED_MS = 600_000
SOON_MS = 30_000


def studio(new_page: NewPage, product: Product, role: str = "editor", **options: Any) -> Page:
    """The studio's page of somebody who logged in for the first time."""
    page = new_page(viewport={"width": 1280, "height": 860}, **options)
    page.set_default_timeout(SOON_MS)
    name, once = product.user(role)
    page.goto(f"{product.url}/studio")
    page.get_by_label("Name", exact=True).fill(name)
    page.get_by_label("Password", exact=True).fill(once)
    page.get_by_role("button", name="Log in").click()
    for label in ("New password", "New password, again"):
        page.get_by_label(label, exact=True).fill(AGENT_PASSWORD)
    page.get_by_role("button", name="Save and go on").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return page


def to(page: Page, name: str) -> None:
    """By the navigation."""
    page.get_by_role("navigation", name="Studio").get_by_role("link", name=re.compile(f"^{name}")).click()


def asked_in_vain(product: Product) -> None:
    """Customers ask what no article answers, each in a conversation of its own."""

    async def ask() -> None:
        for text in GAP:
            conversation = await BatonConversation.open(product.url)
            await conversation.ask(text)
            await conversation.close()

    in_own_loop(ask())


def live_release(product: Product) -> str:
    return (product.home / "releases" / "current").read_text().strip()


def test_an_editor_closes_the_worst_gap(product: Product, new_page: NewPage) -> None:
    before = live_release(product)
    asked_in_vain(product)
    page = studio(new_page, product)

    # The gap is found, grouped by meaning.
    to(page, "Review")
    page.get_by_role("button", name="Group again").click()
    group = page.get_by_role("list", name="Groups of questions").get_by_role("link", name=re.compile("dog"))
    expect(group).to_be_visible(timeout=120_000)
    group.click()
    expect(page.get_by_role("list", name="Questions of this group").get_by_role("listitem")).to_have_count(4)

    # It becomes an article, read before it is published.
    page.get_by_role("button", name=re.compile("^New article")).click()
    dialog = page.get_by_role("dialog", name="New article")
    dialog.get_by_label("Title").fill("Are dogs allowed in the shops?")
    dialog.get_by_label("Answer", exact=True).fill(ANSWER)
    dialog.get_by_role("button", name="Save as draft").click()
    expect(dialog).to_be_hidden()
    page.get_by_role("link", name="Are dogs allowed in the shops?").click()
    page.get_by_role("radio", name=re.compile("^Ready")).check()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(
        page.get_by_text("New, not live").or_(page.get_by_text(re.compile("saved .* by"))).first
    ).to_be_visible()

    # A training in the background, and what it would change.
    to(page, "Training")
    expect(page.get_by_text("Takes in 1 article that customers do not have yet: 1 new.")).to_be_visible()
    page.get_by_text("Note and options").click()
    page.get_by_role("checkbox", name=re.compile("way of saying things")).uncheck()
    page.get_by_role("button", name="Train", exact=True).click()
    expect(page.get_by_role("button", name="Cancel training")).to_be_visible()
    page.get_by_role("link", name="how the new release compares").click(timeout=TRAINED_MS)
    expect(page.get_by_role("heading", name=re.compile("^Release of"))).to_be_visible()
    expect(page.get_by_text(re.compile("which was live when it was made"))).to_be_visible()
    expect(page.get_by_text(GAP[0]).first).to_be_visible()
    assert live_release(product) == before

    # Half of the new conversations get it, then all, then none.
    page.get_by_role("button", name="Start a canary").click()
    page.get_by_role("dialog").get_by_role("slider").fill("50")
    page.get_by_role("dialog").get_by_role("button", name="Start the canary").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    # It begins with the conversations opened some two seconds from now.
    answered: set[bool] = set()
    deadline = time.monotonic() + SOON_MS / 1000
    while answered != {True, False}:
        assert time.monotonic() < deadline, f"all questions about dogs were answered alike: {answered}"
        answered.add(answers_dogs(product))
    to(page, "Training")
    page.get_by_role("button", name="Promote", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Promote").click()
    expect(page.get_by_text("The canary is live for everybody. Customers get it now.")).to_be_visible()
    assert live_release(product) != before
    widget = customer(new_page, product)
    expect(widget.ask(GAP[0]).get_by_text("welcome")).to_be_visible(timeout=SOON_MS)

    page.get_by_role("button", name=re.compile("^Roll back")).first.click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    expect(page.get_by_text(re.compile("is live again. Customers get it now."))).to_be_visible()
    assert live_release(product) == before
    assert not answers_dogs(product)

    to(page, "Activity")
    for action in ("promoted", "rolled back"):
        expect(page.get_by_text(re.compile(action, re.IGNORECASE)).first).to_be_visible()


def answers_dogs(product: Product) -> bool:
    """Whether the bot answers a new customer's question about dogs."""

    async def ask() -> bool:
        conversation = await BatonConversation.open(product.url)
        article, _ = await conversation.ask(GAP[0])
        await conversation.close()
        return article == "are-dogs-allowed-in-the-shops"

    return in_own_loop(ask())


def test_a_correction_is_live_without_a_training(product: Product, new_page: NewPage) -> None:
    page = studio(new_page, product)
    to(page, "Articles")
    page.get_by_role("searchbox").or_(
        page.get_by_placeholder("Search titles, variants and answers")
    ).first.fill("gift wrap")
    page.get_by_role("link", name=re.compile("wrap", re.IGNORECASE)).first.click()
    answer = page.get_by_label("Answer", exact=True)
    answer.fill("We wrap gifts for **three pounds** now.")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Publish now").click()
    page.get_by_role("dialog").get_by_role("button", name="Publish now").click()
    expect(page.get_by_text("Published. Customers get it now.")).to_be_visible()
    widget = customer(new_page, product)
    expect(widget.ask("can you gift wrap my order").get_by_text("three pounds")).to_be_visible(
        timeout=SOON_MS
    )
    assert httpx.get(f"{product.url}/health/ready").status_code == 200
