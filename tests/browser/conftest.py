"""A browser, a relay that plays recorded frames, and the whole product, for the tests of the pages."""

from __future__ import annotations

import json
import os
import re
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect, sync_playwright

from tests.browser.hands import NewPage, Widget
from tests.browser.recorded_relay import RecordedRelay
from tests.browser.stories import answer

ROOT = Path(__file__).resolve().parents[2]
CHROMIUM = os.environ.get("BATON_CHROMIUM", "/usr/bin/chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
FIRST_START_S = 540.0
"""A new home imports and trains before the bot answers; minutes on a slow machine."""
AGENT_PASSWORD = "a long enough pass phrase"


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for all tests; each test opens profiles of its own in it."""
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def new_page(browser: Browser) -> Iterator[NewPage]:
    """Opens pages; a script error in any of them, or a breach of their content policy, fails the test."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_page(**options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 820}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on(
            "console",
            lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None,
        )
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert problems == []


@pytest.fixture
def relay() -> Iterator[RecordedRelay]:
    """A relay that plays what the test records."""
    recorded = RecordedRelay()
    recorded.start()
    yield recorded
    recorded.stop()


@dataclass
class Product:
    """The whole product, running: where it is and how to make people in it."""

    url: str
    home: Path

    def user(self, role: str = "agent") -> tuple[str, str]:
        """A new person's name and one-time password."""
        name = f"{role}-{secrets.token_hex(3)}"
        command = [sys.executable, "-m", "handoff.cli", "--home", str(self.home), "user", "add", name]
        done = subprocess.run(
            [*command, "--role", role, "--json"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        return name, json.loads(done.stdout.splitlines()[-1])["password"]


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """The product with the demo shop, started as a user starts it, and its bot awake.

    BATON_TEST_BASE_URL and BATON_TEST_HOME name one that runs already: then nothing is started.
    """
    running = os.environ.get("BATON_TEST_BASE_URL")
    if running:
        yield Product(running, Path(os.environ["BATON_TEST_HOME"]))
        return
    home = tmp_path_factory.mktemp("product") / "home"
    command = [sys.executable, "-m", "handoff.cli", "--home", str(home), "serve", "--port", "0"]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    lines: Queue[str] = Queue()
    kept: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            kept.append(line)
            lines.put(line)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    try:
        url = _wait_for_url(lines, kept)
        _wait_until_ready(url, process, kept)
        yield Product(url, home)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
        reader.join(5)


def _wait_for_url(lines: Queue[str], kept: list[str]) -> str:
    """Where it says that it is."""
    try:
        while True:
            found = re.search(r"(http://[\w.:]+)/demo", lines.get(timeout=60.0))
            if found:
                return found.group(1)
    except Empty:
        pytest.fail(f"the product named no address within a minute:\n{''.join(kept[-40:])}")


def _wait_until_ready(url: str, process: subprocess.Popen[str], kept: list[str]) -> None:
    """Until relay and bot both say so."""
    end = time.monotonic() + FIRST_START_S
    while time.monotonic() < end and process.poll() is None:
        if httpx.get(f"{url}/health/ready").status_code == 200:
            return
        time.sleep(0.5)
    pytest.fail(f"the product was not ready within {FIRST_START_S:.0f} s:\n{''.join(kept[-40:])}")


@pytest.fixture
def page(relay: RecordedRelay, new_page: NewPage) -> Page:
    """The demo page, the widget closed."""
    relay.answer = answer
    page = new_page()
    page.goto(f"{relay.url}/demo")
    expect(page.locator("baton-widget .launcher")).to_be_visible()
    return page


@pytest.fixture
def widget(page: Page) -> Widget:
    """The widget, open."""
    widget = Widget(page)
    widget.open()
    return widget
