"""Why articles rank as they do: what is told adds up to what was decided."""

from __future__ import annotations

import math

import numpy as np
import pytest

from kb_index.article import Article
from kb_index.explain import explain, parts
from kb_index.knowledge import Knowledge
from tests.unit.kb_index.conftest import WordEncoder

ARTICLES = [
    Article(
        "invoice", "Where is my invoice", "It came by **email**.", ("invoice copy", "resend the invoice")
    ),
    Article("parcel", "Where is my parcel", "Look at the tracking page."),
    Article("paket", "Wo ist mein Paket", "Auf der Seite der Sendung.", locale="de"),
]


@pytest.fixture(scope="module")
def knowledge() -> Knowledge:
    return Knowledge.build(ARTICLES, WordEncoder())


def vector(text: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float32]]:
    return WordEncoder().encode([text])[0]


def test_the_stored_text_that_matched_is_named(knowledge: Knowledge) -> None:
    found = explain(knowledge, "invoice copy", vector("invoice copy"), locale="en")
    assert (found.matches[0].article_id, found.matches[0].kind, found.matches[0].text) == (
        "invoice",
        "question",
        "invoice copy",
    )
    assert found.matches[0].similarity == pytest.approx(1.0, abs=1e-5)
    told = {(match.article_id, match.kind, match.text) for match in found.matches}
    assert ("parcel", "passage", "Look at the tracking page.") in told
    assert not any(match.article_id == "paket" for match in found.matches)


def test_contributions_add_up_to_ranking_and_confidence(knowledge: Knowledge) -> None:
    text = "where is the invoice"
    found = explain(knowledge, text, vector(text), locale="en")
    ranking = knowledge.search(text, vector(text), locale="en")
    assert [(c.article_id, c.score) for c in found.candidates] == [
        (c.article_id, pytest.approx(c.score)) for c in ranking.candidates
    ]
    totals = [sum(part.contribution for part in c.parts) for c in found.candidates]
    powers = [math.exp(total) for total in totals]
    assert [c.score for c in found.candidates] == pytest.approx([power / sum(powers) for power in powers])
    logit = found.bias + sum(part.contribution for part in found.signals)
    assert found.confidence == pytest.approx(ranking.confidence)
    assert found.confidence == pytest.approx(1 / (1 + math.exp(-logit)))


def test_what_finds_nothing_explains_nothing(knowledge: Knowledge) -> None:
    found = explain(knowledge, " ", vector("invoice"))
    assert (found.candidates, found.matches, found.confidence) == ((), (), 0.0)
    assert explain(Knowledge.build([], WordEncoder()), "invoice", vector("invoice")).candidates == ()


def test_names_and_numbers_are_as_many() -> None:
    with pytest.raises(ValueError, match="zip"):
        parts(("one",), (1.0, 2.0), (1.0, 2.0))
