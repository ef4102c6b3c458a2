"""The report of an evaluation in a real browser: its own policy blocks nothing of it, axe finds nothing, it fits a phone."""

from __future__ import annotations

import random

import pytest

from kb_index.evaluate import Outcome, Question, figures
from kb_index.evaluate_details import Promise, details
from kb_index.evaluate_page import Header, page
from tests.browser.hands import NewPage
from tests.browser.test_accessibility import check, schemes

ARTICLES = {f"topic-{n}": f"What about topic {n}, which has a title of some length?" for n in range(14)}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A page with every kind of outcome, many of some."""
    chance = random.Random(4)
    outcomes = []
    for _ in range(160):
        expected = None if chance.random() < 0.2 else chance.choice([*ARTICLES])
        best = expected if expected and chance.random() < 0.8 else chance.choice([*ARTICLES])
        confidence = chance.random()
        kind = "answer" if confidence > 0.7 else "clarify" if confidence > 0.4 else "escalate"
        offered = (best, chance.choice([*ARTICLES])) if kind == "clarify" else ()
        outcomes.append(Outcome(expected, best, kind, confidence, 5 + 10 * chance.random(), "", offered))
    texts = [f"question {n} <b>with</b> marks and " + "a_very_long_word" * (n % 5) for n in range(160)]
    questions = [
        Question(n, text, o.expected) for n, (text, o) in enumerate(zip(texts, outcomes, strict=True))
    ]
    shown = details(texts, outcomes, Promise(0.7, 0.02, 0.1))
    path = tmp_path_factory.mktemp("report") / "report.html"
    header = Header("questions.csv", "r1", ARTICLES)
    path.write_text(page(header, figures(outcomes), shown, questions, outcomes), encoding="utf-8")
    return path.as_uri()


@schemes
@pytest.mark.parametrize("width", [1280, 390])
def test_it_reads_well_everywhere(report: str, new_page: NewPage, scheme: str, width: int) -> None:
    # The page's policy forbids every script, so axe has to be let in.
    opened = new_page(color_scheme=scheme, viewport={"width": width, "height": 800}, bypass_csp=True)
    opened.goto(report)
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    check(opened, "folded")
    opened.evaluate("for (const part of document.querySelectorAll('details')) part.open = true")
    assert opened.evaluate("document.documentElement.scrollWidth") <= width
    check(opened, "unfolded")


def test_its_policy_blocks_none_of_it(report: str, new_page: NewPage) -> None:
    # `new_page` fails for whatever the console says, and a policy that blocks says so.
    opened = new_page()
    opened.goto(report)
    assert opened.evaluate("getComputedStyle(document.querySelector('.lead')).fontSize") == "18px"
    assert opened.evaluate("getComputedStyle(document.querySelector('path.a')).strokeWidth") == "2px"


def test_a_link_opens_what_it_leads_to(report: str, new_page: NewPage) -> None:
    opened = new_page()
    opened.goto(report)
    advice = opened.locator("#missed")
    assert not advice.is_visible()
    opened.get_by_role("link", name="Passed on although an article has the answer").click()
    advice.wait_for(state="visible")
