"""Somebody's data in an article is said beside the line that has it."""

from __future__ import annotations

from handoff.studio.personal_advice import personal_data
from kb_index.article import Article


def test_it_is_said_where_it_stands() -> None:
    article = Article(
        "a",
        "Mail to a@b.de",
        "Write to us at help@shop.example or +49 30 901820.",
        ("Where is order 4711?", "My name is Rose Miller, call +49 30 901820"),
    )
    found = [(one.code, one.field, one.index, one.severity) for one in personal_data(article)]
    assert found == [
        ("personal_data", "title", None, "warning"),
        ("personal_data", "questions", 1, "warning"),
    ]
    told = [one.message for one in personal_data(article)]
    assert told[1] == "This holds somebody's name and a telephone number. Write it as anybody would ask it."
