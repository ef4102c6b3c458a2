"""The report's page and its charts: well-formed, safe with any words, complete without a script."""

from __future__ import annotations

import base64
import hashlib
import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kb_index.charts import Plot, percent, ticks
from kb_index.evaluate import Outcome, Question, figures
from kb_index.evaluate_charts import charts
from kb_index.evaluate_details import Details, Promise, details
from kb_index.evaluate_page import BY_ARTICLE, Header, page

ROWS = [
    Outcome("a", "a", "answer", 0.95, 10.0, "confident"),
    Outcome("a", "b", "answer", 0.85, 20.0, "confident"),
    Outcome("b", "a", "clarify", 0.45, 40.0, "competing", ("a", "b")),
    Outcome("b", "b", "escalate", 0.35, 30.0, "low_confidence"),
    Outcome(None, "a", "answer", 0.75, 50.0, "confident"),
    Outcome(None, None, "escalate", 0.0, 60.0, "policy"),
]
PROMISE = Promise(0.7, 0.02, 0.1)
VOID = {"meta", "br", "path", "rect", "circle"}


class Tags(HTMLParser):
    """Sees that every tag is closed in order, and keeps what must not be there."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.ids: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def shown(rows: list[Outcome], promise: Promise = PROMISE) -> Details:
    return details([f"question {n}" for n in range(len(rows))], rows, promise)


def made(rows: list[Outcome], text: str = "question", promise: Promise = PROMISE) -> str:
    questions = [Question(n, f"{text} {n}", row.expected) for n, row in enumerate(rows, start=2)]
    header = Header("test.csv", "r1", {"a": "Article <A>", "b": "Article B"})
    return page(header, figures(rows), shown(rows, promise), questions, rows)


def read(text: str) -> Tags:
    tags = Tags()
    tags.feed(text)
    tags.close()
    assert tags.open == []
    return tags


def test_it_is_well_formed_and_needs_nothing_from_elsewhere() -> None:
    text = made(ROWS)
    tags = read(text)
    assert len(tags.ids) == len(set(tags.ids))
    assert {tag for tag, _ in tags.seen} & {"script", "link", "img", "iframe", "object", "form"} == set()
    assert not [
        attrs for _, attrs in tags.seen if "style" in attrs or any(name.startswith("on") for name in attrs)
    ]
    links = [attrs["href"] for tag, attrs in tags.seen if tag == "a"]
    assert links
    assert all(str(link).startswith("#") and str(link)[1:] in tags.ids for link in links)


def test_its_policy_allows_its_style_and_nothing_else() -> None:
    text = made(ROWS)
    style = re.search(r"<style>(.*?)</style>", text, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert f"default-src 'none'; style-src 'sha256-{digest}'" in text


def test_every_question_is_there_with_what_became_of_it() -> None:
    tags = read(made(ROWS, "where is <my> parcel"))
    words = "".join(tags.words)
    assert all(words.count(f"where is <my> parcel {n}") >= 1 for n in range(2, 2 + len(ROWS)))
    assert "Of 6 questions the bot answered 3 by itself, 2 of them wrongly" in words
    for title in (
        "Answered with the wrong article",
        "Answered although no article fits",
        "Rightly not answered",
    ):
        assert title in words


def test_many_of_a_kind_are_shown_article_by_article_and_the_rest_counted() -> None:
    rows = [Outcome("a", "a", "answer", 0.95, 10.0)] * BY_ARTICLE + [Outcome("b", "b", "answer", 0.95, 10.0)]
    words = "".join(read(made(rows)).words)
    assert f"Article <A> {BY_ARTICLE}" in words
    many = [Outcome("a", "a", "answer", 0.95, 10.0)] * 2001
    assert "1 more are in rows.csv" in "".join(read(made(many)).words)


@pytest.mark.parametrize(
    ("known", "unknown", "verdict"),
    [
        ((900, 0), (0, 100), "The promise is kept"),
        ((900, 0), (300, 100), "The promise is broken"),
        ((95, 2), (0, 10), "The promise holds within its interval"),
        ((900, 0), (0, 0), "only questions that articles answer, so it cannot tell"),
    ],
)
def test_what_became_of_the_promise(known: tuple[int, int], unknown: tuple[int, int], verdict: str) -> None:
    rows = [Outcome("a", "a", "answer", 0.9, 1.0)] * known[0] + [
        Outcome("a", "b", "answer", 0.9, 1.0)
    ] * known[1]
    rows += [Outcome(None, "a", "answer", 0.9, 1.0)] * unknown[0]
    rows += [Outcome(None, "a", "escalate", 0.1, 1.0)] * unknown[1]
    assert verdict in "".join(read(made(rows)).words)
    without = made(rows, promise=Promise(0.7))
    assert "Promised:" not in without
    assert "the bot answers what it is 70\u00a0% sure of" in without


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.builds(
            Outcome,
            st.sampled_from(["a", "b", "no <title>", None]),
            st.sampled_from(["a", "b", None]),
            st.sampled_from(["answer", "clarify", "escalate", "<new>"]),
            st.floats(0, 1),
            st.floats(0, 1e4),
        ),
        min_size=1,
        max_size=30,
    ),
    st.text(min_size=1, max_size=30),
)
def test_any_rows_make_a_page_and_charts(rows: list[Outcome], text: str) -> None:
    read(made(rows, text))
    for chart in charts(figures(rows), shown(rows)):
        root = ET.fromstring(chart.plot.file())
        names = [element.tag.rpartition("}")[2] for element in root]
        assert {"style", "title", "desc"} <= set(names)
        assert root.get("role") == "img"
        assert chart.definition
        header, table = chart.table
        assert table
        assert all(len(row) == len(header) for row in table)


def test_what_lies_outside_is_drawn_at_the_edge() -> None:
    plot = Plot("p", "t", "d", x=(0, 1), y=(0, 1))
    plot.line([(-5, -5), (7, 7)])
    numbers = [float(n) for n in re.findall(r'd="M([\d.]+) ([\d.]+)L([\d.]+) ([\d.]+)"', plot.svg())[0]]
    assert all(0 <= number <= 400 for number in numbers)


def test_an_empty_range_is_no_division_by_zero() -> None:
    plot = Plot("p", "t", "d", x=(3, 3), y=(0, 0))
    plot.bar(3, 3, 0)
    assert "nan" not in plot.svg()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 1, [0, 0.2, 0.4, 0.6, 0.8, 1]), (0, 0.05, [0, 0.01, 0.02, 0.03, 0.04, 0.05]), (0, 117, [0, 50, 100]), (2, 2, [2])],
)  # fmt: skip
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == pytest.approx(expected)


def test_percent() -> None:
    assert [percent(x) for x in (0, 0.983, 1)] == ["0\u00a0%", "98.3\u00a0%", "100\u00a0%"]
