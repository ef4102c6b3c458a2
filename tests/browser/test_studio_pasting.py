"""What is pasted into an article: more than an article may hold is told before it is sent, and every line is kept."""

from __future__ import annotations

import re

from playwright.sync_api import Page, expect

from tests.browser.hands import NewPage
from tests.browser.test_studio_intents import served, studio
from tests.integration.relay.harness import RunningRelay

__all__ = ["served"]

PASTE = """
([selector, text]) => {
  const data = new DataTransfer();
  data.setData("text/plain", text);
  const input = document.querySelector(selector);
  input.focus();
  input.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, cancelable: true }));
}
"""
ARABIC = "كيف أعيد الطلب؟"


def paste(page: Page, variant: int, lines: list[str]) -> None:
    """Paste lines into a new variant, as the clipboard does."""
    page.get_by_role("button", name="Add a variant").click()
    page.get_by_label(f"Variant {variant}", exact=True).focus()
    page.evaluate(PASTE, [f'input[aria-label="Variant {variant}"]', "\n".join(lines)])


def test_ten_thousand_variants_at_once_are_told_and_none_is_lost(
    served: RunningRelay, new_page: NewPage
) -> None:
    page = studio(new_page, served, "articles/+")
    page.get_by_label("Title", exact=True).fill(ARABIC)
    page.get_by_label("Answer", exact=True).fill("أرسله **بالبريد**.")
    saved: list[str] = []
    page.on(
        "request",
        lambda request: saved.append(request.url) if request.url.endswith("/studio/articles") else None,
    )
    paste(page, 1, [f"variant number {n}" for n in range(1, 10_001)])
    expect(page.get_by_label("Variant 10000", exact=True)).to_have_value("variant number 10000")
    told = page.get_by_text(re.compile("There are 10,000 variants, and an article may have 5,000")).first
    expect(told).to_be_visible()
    page.get_by_role("button", name="Save", exact=True).click()
    expect(told).to_be_visible()
    assert [url for url in saved if url.endswith("/studio/articles")] == []
    # Nothing was cut off: the first is there as well as the last, and right-to-left text is shown from the right.
    page.locator(".variant-room").evaluate("room => { room.scrollTop = 0; }")
    expect(page.get_by_label("Variant 1", exact=True)).to_have_value("variant number 1")
    title = page.get_by_label("Title", exact=True)
    assert title.evaluate("field => getComputedStyle(field).direction") == "rtl"
