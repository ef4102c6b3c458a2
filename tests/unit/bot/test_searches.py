"""What the articles say to a text is asked once, and other readings of a message only where they matter."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
import pytest
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message

from bot import runtime
from bot.components.keys import RANKING, TurnInput
from bot.components.knowledge import KnowledgeRetriever
from bot.content import Content
from bot.languages import Languages
from bot.searches import KEPT, Searches
from bot.vectors import Vectors
from kb_index.knowledge import Candidate, Knowledge, Ranking


class Articles:
    """As sure of each text as told, and a memory of what was asked."""

    threshold = 0.9

    def __init__(self, sure: dict[str, float]) -> None:
        self._sure = sure
        self.asked: list[tuple[str, str]] = []

    def search(self, text: str, vector: Any, *, locale: str, k: int) -> Ranking:
        del vector, k
        self.asked.append((text, locale))
        confidence = self._sure.get(text, 0.0)
        return Ranking((Candidate(text, text, 0.9),), confidence, confidence)


class NoVectors:
    def get(self, texts: Sequence[str]) -> Any:
        return np.zeros((len(texts), 1))


def searches(sure: dict[str, float]) -> tuple[Searches, Articles]:
    articles = Articles(sure)
    return Searches(cast("Knowledge", articles), cast("Vectors", NoVectors())), articles


def test_a_ranking_is_looked_for_once_in_each_language() -> None:
    made, articles = searches({"a": 0.5})
    first = made.ranking("a", "en")
    assert made.ranking("a", "en") is first
    made.ranking("a", "de")
    assert articles.asked == [("a", "en"), ("a", "de")]


def test_only_the_newest_are_kept() -> None:
    made, articles = searches({})
    for number in range(KEPT + 1):
        made.ranking(str(number), "en")
    made.ranking(str(KEPT), "en")
    assert len(articles.asked) == KEPT + 1
    made.ranking("0", "en")
    assert len(articles.asked) == KEPT + 2


@pytest.mark.parametrize(
    ("text", "sure", "asked"),
    [
        ("Where is it? Many thanks", 0.95, []),
        ("Where is it? Many thanks", 0.5, ["Where is it?"]),
        ("Where is it? Can I pay now?", 0.95, ["Where is it?", "Can I pay now?"]),
    ],
)
def test_other_readings_are_searched_where_they_matter(text: str, sure: float, asked: list[str]) -> None:
    made, articles = searches({text: sure, "Where is it?": 0.97})
    given = TurnInput(turn=1, locale="en", choice=None, name=None, explain=False)
    message = Message({"text": text, "metadata": given.as_metadata()})
    content = Content(cast("Knowledge", articles), made, Languages({}))
    with runtime.answering_from(content):
        KnowledgeRetriever().process([message], DialogueStateTracker("c", []))
    assert [text for text, _ in articles.asked] == [text, *asked]
    best = "Where is it?" if sure < articles.threshold else text
    assert message.get(RANKING).candidates[0].article_id == best
