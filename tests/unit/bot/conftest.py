"""A small shop's knowledge over an encoder that needs no model."""

from __future__ import annotations

import pytest

from bot.content import ContentMaker
from bot.vectors import Vectors
from bot.voice import load
from kb_index.article import Article
from kb_index.knowledge import Knowledge
from tests.unit.kb_index.conftest import FRAMES, TOPICS, WordEncoder

SHOP = [
    Article(
        id=f"topic-{number:02}",
        title=f"All about {topic}",
        answer=f"This is what we say about {topic}.",
        questions=tuple(frame.format(topic) for frame in FRAMES),
    )
    for number, topic in enumerate(TOPICS)
]


@pytest.fixture(scope="session")
def trained() -> Knowledge:
    return Knowledge.build(SHOP, WordEncoder())


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


@pytest.fixture
def maker(trained: Knowledge, words: WordEncoder) -> ContentMaker:
    return ContentMaker(trained, Vectors(words), words, load("formal"))
