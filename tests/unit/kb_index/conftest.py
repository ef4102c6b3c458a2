"""An encoder that needs no model: a fixed random direction for each word, summed."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pytest

from kb_index.article import Article
from kb_index.encoder import Encoder, Vectors, load_encoder, normalised

STOP_WORDS = frozenset(
    ["a", "an", "the", "is", "my", "i", "do", "how", "can", "to", "of", "it", "what", "where"]
)


class WordEncoder:
    """Texts with the same words are alike. Deterministic, 64 dimensions."""

    def __init__(self, name: str = "words", dimension: int = 64) -> None:
        self.name = name
        self.dimension = self.general = dimension
        self.fingerprint = hashlib.sha256(f"{name} {dimension}".encode()).hexdigest()
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> Vectors:
        self.asked += texts
        vectors = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for line, text in enumerate(texts):
            for word in text.lower().replace("?", " ").split():
                seed = int.from_bytes(hashlib.sha256(word.encode()).digest()[:4], "big")
                weight = 0.2 if word in STOP_WORDS else 1.0
                vectors[line] += weight * np.random.default_rng(seed).standard_normal(self.dimension)
        return normalised(vectors)


@pytest.fixture
def words() -> WordEncoder:
    return WordEncoder()


@pytest.fixture(scope="session")
def bundled() -> Encoder:
    return load_encoder("bundled")


TOPICS = (
    "parcel delivery courier",
    "refund money returned",
    "password login account",
    "voucher discount code",
    "jacket size fit",
    "warranty repair broken",
    "invoice tax receipt",
    "newsletter email unsubscribe",
    "gift card balance",
    "shop opening hours",
    "stock available again",
    "address change order",
)
FRAMES = (
    "where can I find {}",
    "problem with {}",
    "please explain {} again",
    "{} question",
    "tell me about {} today",
    "I am unsure about {}",
    "need help: {}",
    "{} does not work",
)


@pytest.fixture
def shop() -> list[Article]:
    """Twelve articles with eight variants each: enough to calibrate on."""
    return [
        Article(
            id=f"topic-{number:02}",
            title=f"All about {topic}",
            answer=f"This is what we say about {topic}.\n\nAnd more on {topic.split()[0]}.",
            questions=tuple(frame.format(topic) for frame in FRAMES),
        )
        for number, topic in enumerate(TOPICS)
    ]
