"""Ids of articles that pages became: unique, and the same at the next import."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handoff.content.html_articles import Found, slug, with_ids
from handoff.content.html_faq import Entry
from kb_index.article import check_id


def found(
    title: str, file: str = "a.html", answer: str = "x", anchor: str = "", locale: str | None = None
) -> Found:
    return Found(file, Entry(title, answer, 1, anchor), locale)


def ids(*entries: Found) -> list[str]:
    return [article_id for article_id, _ in with_ids(list(entries))]


@pytest.mark.parametrize(
    ("title", "short"),
    [
        ("How do I return an item?", "how-do-i-return-an-item"),
        ("Größe & Maß \u2013 wie?", "grosse-mass-wie"),
        ("Où est l\u2019œuf d'Ærø?", "ou-est-loeuf-daero"),
        ("word " * 40, "-".join(["word"] * 16)),
        ("Как вернуть?", ""),
        ("???", ""),
    ],
)
def test_slugs(title: str, short: str) -> None:
    assert slug(title) == short


def test_the_same_title_elsewhere_has_a_mark_of_its_place() -> None:
    first, second, third = found("Pay", "a.html"), found("Pay", "b.html", "y"), found("Pay", "c.html", "z")
    one, two, three = ids(first, second, third)
    assert one == "pay"
    assert two.startswith("pay-")
    assert len({one, two, three}) == 3
    # A page that comes between changes no id.
    assert ids(first, found("Other", "aa.html"), third) == ["pay", "other", three]


def test_what_is_said_twice_is_there_once() -> None:
    assert ids(found("Pay"), found("Pay", "b.html"), found("pay", "c.html")) == ["pay"]
    assert len(ids(found("Pay", locale="en"), found("Pay", locale="de"))) == 2


def test_titles_in_other_scripts_are_named_by_their_place() -> None:
    (cyrillic,) = ids(found("Как вернуть товар?", "help/returns.html", anchor="how"))
    assert cyrillic.startswith("help-returns-how-")
    (nothing,) = ids(found("どうやって", "ヘルプ.html"))
    assert nothing.startswith("article-")


@given(
    st.lists(
        st.builds(
            found, st.text(min_size=1, max_size=8), st.text(min_size=1, max_size=4), st.text(max_size=2)
        ),
        max_size=12,
    )
)
def test_ids_are_valid_and_unique(entries: list[Found]) -> None:
    made = ids(*entries)
    assert len(set(made)) == len(made)
    for article_id in made:
        check_id(article_id)
    assert made == ids(*entries)
