"""What is like a question that somebody settled."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index import settled
from kb_index.encoder import Encoder, normalised
from kb_index.grouping import plain
from kb_index.settled import SAME_QUESTION, LikeSettled, like_settled

SETTLED = (
    "What will the weather be like tomorrow?",
    "write me a poem about the sea",
    "who won the match yesterday",
)
LIKE = (
    "what's the weather going to be like tomorrow",
    "What will the weather be tomorrow??",
    "can you write a poem about the sea for me",
)
UNLIKE = (
    "Will my parcel come tomorrow?",
    "what material is the poem book made of",
    "what is the water resistance of the sea jacket",
    "who do I write to about a return",
    "does the barometer show tomorrow's weather",
    "Is the football shirt of yesterday's match in stock?",
)


def test_paraphrases_are_taken_and_questions_with_the_same_words_are_not(bundled: Encoder) -> None:
    texts = [plain(text) for text in (*LIKE, *UNLIKE)]
    found = like_settled(
        bundled.encode(texts), bundled.encode([plain(text) for text in SETTLED]), ["out_of_scope"] * 3
    )
    assert [(like.row, like.exemplar) for like in found] == [(0, 0), (1, 0), (2, 1)]
    assert all(SAME_QUESTION <= like.score <= 1.001 for like in found)


def at(*angles: float) -> np.ndarray:
    return np.array([[np.cos(angle), np.sin(angle)] for angle in angles], dtype=np.float32)


def test_the_nearest_exemplar_decides() -> None:
    exemplars = at(0.0, 0.3)
    assert like_settled(at(0.1), exemplars, ["out_of_scope", "variants"]) == [
        LikeSettled(0, 0, pytest.approx(np.cos(0.1)))  # type: ignore[arg-type]
    ]
    assert like_settled(at(0.2), exemplars, ["out_of_scope", "variants"]) == []
    assert like_settled(at(1.5), exemplars, ["out_of_scope", "variants"]) == []
    assert like_settled(at(0.0), at()[:0].reshape(0, 2), []) == []


def test_blocks_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(5)
    rows = normalised(random.standard_normal((50, 3)).astype(np.float32))
    exemplars = normalised(random.standard_normal((9, 3)).astype(np.float32))
    whole = like_settled(rows, exemplars, ["out_of_scope"] * 9)
    assert 5 < len(whole) < 50
    monkeypatch.setattr(settled, "_BLOCK", 7)
    assert like_settled(rows, exemplars, ["out_of_scope"] * 9) == whole
