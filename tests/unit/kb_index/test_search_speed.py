"""What the measurement of search measures: drawn passages, times of every question, recall against exact search."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index import search_speed
from kb_index.encoder import Vectors, normalised
from kb_index.search_speed import ADDED, ASKED, HELD_BACK, draw, mean_nearest_distance, measure


@pytest.fixture(scope="module")
def sentences() -> Vectors:
    random = np.random.default_rng(1)
    centres = random.standard_normal((30, 32))
    return normalised(
        (centres[random.integers(0, 30, 500)] + random.standard_normal((500, 32))).astype(np.float32)
    )


def test_the_mean_distance_to_the_nearest_other() -> None:
    square = np.array([[1, 0], [0, 1], [-1, 0], [1, 0]], dtype=np.float32)
    assert mean_nearest_distance(square) == pytest.approx((0 + 2**0.5 + 2**0.5 + 0) / 4)


def test_drawn_rows_lie_that_far_from_their_sentence(sentences: Vectors) -> None:
    drawn = draw(sentences[:1], 2_000, 0.5, np.random.default_rng(2))
    assert np.linalg.norm(drawn, axis=1) == pytest.approx(np.ones(2_000), abs=1e-5)
    # Noise of length 0.5 nearly at a right angle: the angle's tangent is 0.5.
    assert (drawn @ sentences[0]).mean() == pytest.approx(1 / (1 + 0.5**2) ** 0.5, abs=0.01)
    assert len(np.unique(drawn.round(5), axis=0)) == 2_000


def test_a_small_index_is_exact_and_finds_everything(sentences: Vectors) -> None:
    told: list[str] = []
    found = measure(sentences, 2_000, 2, told.append)
    assert [len(one) for one in found["ms"]] == [ASKED + HELD_BACK] * 2
    assert min(min(one) for one in found["ms"] + found["exact_ms"]) > 0
    assert found["recall"] == found["recall_real"] == 1.0
    assert found["index"]["search"] == "exact"
    assert len(found["add_ms"]) == ADDED
    assert found["sentences"] == 300
    assert any("round 2" in line for line in told)


def test_what_an_index_misses_is_counted(sentences: Vectors, monkeypatch: pytest.MonkeyPatch) -> None:
    real = search_speed.VectorIndex.search

    def forgetful(self: search_speed.VectorIndex, queries: Vectors, k: int) -> object:
        scores, owners = real(self, queries, k)
        owners[:, 5:] = -1
        return scores, owners

    monkeypatch.setattr(search_speed.VectorIndex, "search", forgetful)
    assert measure(sentences, 1_000, 1, lambda _line: None)["recall"] == pytest.approx(0.5)
    monkeypatch.setattr(
        search_speed.VectorIndex, "search", lambda self, queries, k: (None, np.full((1, k), 3))
    )
    with pytest.raises(RuntimeError, match="not found"):
        measure(sentences, 1_000, 1, lambda _line: None)
