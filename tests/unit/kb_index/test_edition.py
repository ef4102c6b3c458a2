"""What an edition and an incident may say."""

from __future__ import annotations

from typing import Any

import pytest

from kb_index.article import Article
from kb_index.edition import (
    MAX_INCIDENTS,
    MAX_PHRASES,
    BadEdition,
    Edition,
    Incident,
    check_edition,
    check_incident,
)

AT = "2026-11-30T12:00:00.000Z"
OUTAGE = Incident(
    "payments",
    "Card payments are **down** since noon.\n\nWe are on it.",
    ("pay-by-card",),
    ("my card is refused", "cannot pay"),
    AT,
    "2026-11-30T15:00:00+01:00",
    "en",
)
EDITION = Edition(
    "r1",
    3,
    AT,
    "ann",
    (
        Article("a", "A?", "new text", ("one", "two"), valid_until="2027-01-01T00:00:00Z"),
        Article("c", "C", "c"),
    ),
    ("b",),
    (OUTAGE,),
)


def refusal(**changes: Any) -> BadEdition:
    with pytest.raises(BadEdition) as caught:
        check_edition({**EDITION.as_dict(), **changes})
    return caught.value


def incident_refusal(**changes: Any) -> BadEdition:
    with pytest.raises(BadEdition) as caught:
        check_incident({**OUTAGE.as_dict(), **changes})
    return caught.value


def test_json_gives_back_what_was_written() -> None:
    assert check_edition(EDITION.as_dict()) == EDITION
    least = Edition("r1", 1, AT, "ann")
    assert check_edition(least.as_dict()) == least


@pytest.mark.parametrize("raw", [None, [], "x", {}, {"format": 2}])
def test_what_is_no_edition_is_refused(raw: Any) -> None:
    with pytest.raises(BadEdition) as caught:
        check_edition(raw)
    assert caught.value.reason == "bad_format"


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"revision": 0}, "bad_type", "revision"),
        ({"revision": True}, "bad_type", "revision"),
        ({"revision": "1"}, "bad_type", "revision"),
        ({"release_id": None}, "bad_type", "release_id"),
        ({"at": "yesterday"}, "bad_time", "at"),
        ({"at": "2026-02-31T00:00:00Z"}, "bad_time", "at"),
        ({"at": "2026-12-01T00:00:00"}, "bad_time", "at"),
        ({"by": 7}, "bad_type", "by"),
        ({"by": "x" * 81}, "too_long", "by"),
        ({"articles": {}}, "bad_type", "articles"),
        ({"articles": ["a"]}, "bad_type", "articles"),
        ({"articles": [{"id": "a", "title": "A"}]}, "missing_answer", "articles.answer"),
        ({"articles": [Article("a", "A", "x").as_dict()] * 2}, "duplicate_id", "articles"),
        ({"removed": ["b", "a"]}, "bad_entry", "removed"),
        ({"removed": ["../x"]}, "bad_id", "removed"),
        ({"incidents": [OUTAGE.as_dict()] * 2}, "duplicate_id", "incidents"),
        (
            {"incidents": [{**OUTAGE.as_dict(), "id": f"i{n}"} for n in range(MAX_INCIDENTS + 1)]},
            "too_many",
            "incidents",
        ),
    ],
)
def test_faults_are_named(changes: dict[str, Any], reason: str, field: str) -> None:
    error = refusal(**changes)
    assert (error.reason, error.field, error.code) == (reason, field, "bad_edition")


@pytest.mark.parametrize(
    ("changes", "reason", "field"),
    [
        ({"id": ""}, "missing_id", "id"),
        ({"text": "  "}, "missing_text", "text"),
        ({"text": None}, "bad_type", "text"),
        ({"text": "a\u202eb"}, "bad_character", "text"),
        ({"text": "x" * 2_001}, "too_long", "text"),
        ({"article_ids": "a"}, "bad_type", "article_ids"),
        ({"article_ids": [None]}, "missing_id", "article_ids"),
        ({"phrases": [" "]}, "empty_entry", "phrases"),
        ({"phrases": ["x" * 301]}, "too_long", "phrases"),
        ({"phrases": [f"p{n}" for n in range(MAX_PHRASES + 1)]}, "too_many", "phrases"),
        ({"since": ""}, "bad_time", "since"),
        ({"next_news": "soon"}, "bad_time", "next_news"),
        ({"locale": "en_GB"}, "bad_locale", "locale"),
        ({"level": "high"}, "unknown_field", "level"),
    ],
)
def test_faults_of_an_incident_are_named(changes: dict[str, Any], reason: str, field: str) -> None:
    error = incident_refusal(**changes)
    assert (error.reason, error.field) == (reason, field)


def test_an_incident_needs_text_and_a_beginning_alone() -> None:
    assert check_incident({"id": "x", "text": " Down. ", "since": AT}) == Incident("x", "Down.", since=AT)


def test_it_is_applied_to_the_releases_own_articles() -> None:
    own = [Article("d", "D", "d"), Article("b", "B", "b"), Article("a", "A?", "old text")]
    after = EDITION.applied_to(own)
    assert [article.id for article in after] == ["a", "c", "d"]
    assert after[0].answer == "new text"
    assert Edition("r1", 1, AT, "ann", removed=("unknown",)).applied_to(own) == tuple(
        sorted(own, key=lambda article: article.id)
    )
