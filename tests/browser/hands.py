"""What a customer does in the widget and an agent in the console, as the tests say it."""

from __future__ import annotations

from collections.abc import Callable

from playwright.sync_api import Locator, Page, expect

TURN_MS = 15_000
"""Longer than the relay gives the bot for a turn, so that a slow machine is not a failure of the pages."""


class Widget:
    """The widget on a page that is open."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.launcher = page.locator("baton-widget .launcher")
        self.panel = page.locator("baton-widget .panel")
        self.field = self.panel.locator("textarea")
        self.log = self.panel.get_by_role("log")
        self.bubbles = self.panel.locator(".row[data-seq] .bubble")

    def open(self) -> None:
        """Open the panel and wait until one can write."""
        if not self.panel.is_visible():
            self.launcher.click()
        expect(self.field).to_be_visible()

    def say(self, text: str) -> None:
        """Write and send."""
        self.field.fill(text)
        self.field.press("Enter")

    def ask(self, text: str) -> Locator:
        """Say it and wait for the next reply of the bot or an agent; returns its bubble."""
        replies = self.panel.locator(".row.bot[data-seq], .row.agent[data-seq]")
        before = replies.count()
        self.say(text)
        expect(replies.nth(before)).to_be_visible(timeout=TURN_MS)
        return replies.nth(before).locator(".bubble")

    def words(self) -> list[str]:
        """What each bubble of the log says, in order, without who says it."""
        script = """rows => rows.map(row => {
            const copy = row.cloneNode(true);
            copy.querySelectorAll('.sr, .source').forEach(part => part.remove());
            return copy.innerText.trim();
        })"""
        words: list[str] = self.bubbles.evaluate_all(script)
        return words

    def seqs(self) -> list[int]:
        """The numbers of the messages shown, in the order shown."""
        script = "rows => rows.map(row => Number(row.dataset.seq))"
        seqs: list[int] = self.panel.locator(".row[data-seq]").evaluate_all(script)
        return seqs


class Console:
    """The console on a page of an agent's browser."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.queue = page.get_by_role("navigation", name="Chats")
        self.items = self.queue.locator(".item")
        self.log = page.get_by_role("log", name="Conversation")
        self.evidence = page.get_by_role("complementary", name="About this chat")
        self.field = page.locator(".composer textarea")
        self.toast = page.locator(".toast")

    def log_in(self, base: str, name: str, password: str) -> None:
        """Open the console and log in."""
        self.page.goto(f"{base}/console")
        self.page.get_by_label("Name").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()

    def item(self, text: str) -> Locator:
        """The line in the queue that shows these words."""
        return self.items.filter(has_text=text)

    def open(self, text: str) -> None:
        """Open the chat whose line shows these words."""
        self.item(text).click()
        expect(self.log).to_be_visible()

    def claim(self) -> None:
        """Claim the open chat and wait until one can write."""
        self.page.get_by_role("button", name="Claim").click()
        expect(self.field).to_be_visible()

    def say(self, text: str) -> None:
        """Reply to the customer."""
        self.field.fill(text)
        self.field.press("Enter")

    def note(self, text: str) -> None:
        """Write a private note."""
        self.page.get_by_role("button", name="Private note").click()
        self.field.fill(text)
        self.field.press("Enter")
        self.page.get_by_role("button", name="Reply", exact=False).first.click()

    def texts(self) -> list[str]:
        """What each message says, in order."""
        texts: list[str] = self.log.locator(".msg .msg-text").all_inner_texts()
        return texts


NewPage = Callable[..., Page]
"""Opens a page in a browser profile of its own; keyword arguments are Playwright's for `new_context`."""
