"""Features, shares and their order."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index.encoder import Vectors, normalised
from kb_index.index import VectorIndex
from kb_index.ranking import DEFAULT_WEIGHTS, FEATURES, Ranker, ordered


def angled(*cosines: float) -> Vectors:
    """Vectors in the plane whose cosine with (1, 0) is as given."""
    return np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float32)


QUERY = np.array([[1.0, 0.0]], dtype=np.float32)


def ranker(questions: Vectors, owners: list[int], passages: Vectors, passage_owners: list[int]) -> Ranker:
    count = max(owners + passage_owners) + 1
    return Ranker(
        VectorIndex(questions, np.array(owners)), VectorIndex(passages, np.array(passage_owners)), count, None
    )


def test_features_are_those_of_the_best_rows() -> None:
    made = ranker(angled(0.2, 0.95, 0.5), [0, 0, 1], angled(0.3, 0.6, 0.1), [0, 1, 1])
    (scored,) = made.rank(QUERY)
    assert scored.articles.tolist() == [0, 1]
    table = dict(zip(FEATURES, scored.features.T, strict=True))
    assert table["question"] == pytest.approx([0.95, 0.5])
    assert table["near"] == pytest.approx([0.5, 0.0], abs=1e-5)
    assert table["passage"] == pytest.approx([0.3, 0.6])
    assert table["head"].tolist() == [0.0, 0.0]


def test_without_learning_it_is_seven_tenths_question_and_three_tenths_passage() -> None:
    made = ranker(angled(0.60, 0.50), [0, 1], angled(0.30, 0.50), [0, 1])
    (scored,) = made.rank(QUERY)
    totals = np.array([0.7 * 0.60 + 0.3 * 0.30, 0.7 * 0.50 + 0.3 * 0.50]) * 25
    assert scored.shares[0] == pytest.approx(1 / (1 + np.exp(totals[1] - totals[0])))
    better_passage = ranker(angled(0.60, 0.58), [0, 1], angled(0.30, 0.50), [0, 1])
    assert better_passage.rank(QUERY)[0].articles.tolist() == [1, 0]


def test_shares_sum_to_one_and_fall() -> None:
    random = np.random.default_rng(0)
    vectors = normalised(random.standard_normal((50, 8)).astype(np.float32))
    owners = np.arange(50) % 10
    made = Ranker(VectorIndex(vectors, owners), VectorIndex(vectors, owners), 10, None)
    for scored in made.rank(vectors[:5]):
        assert scored.shares.sum() == pytest.approx(1.0)
        assert (np.diff(scored.shares) <= 0).all()


def test_equals_share_equally_in_a_fixed_order() -> None:
    made = ranker(angled(0.8, 0.8), [1, 0], angled(0.5, 0.5), [0, 1])
    (scored,) = made.rank(QUERY)
    assert scored.articles.tolist() == [0, 1]
    assert scored.shares == pytest.approx([0.5, 0.5])


def test_only_the_allowed_articles_are_ranked() -> None:
    made = ranker(angled(0.9, 0.5, 0.4), [0, 1, 2], angled(0.9, 0.5, 0.4), [0, 1, 2])
    (scored,) = made.rank(QUERY, among=np.array([False, True, True]))
    assert scored.articles.tolist() == [1, 2]
    assert scored.shares.sum() == pytest.approx(1.0)


def test_no_articles_give_no_candidates() -> None:
    empty = VectorIndex(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    (scored,) = Ranker(empty, empty, 0, None).rank(QUERY)
    assert len(scored.articles) == len(scored.shares) == 0


def test_large_weights_do_not_overflow() -> None:
    features = np.array([[1.0, 1.0, 1.0, 5000.0], [0.0, 0.0, 0.0, -5000.0]])
    scored = ordered(np.array([0, 1]), features, DEFAULT_WEIGHTS + 10.0)
    assert scored.shares.tolist() == [1.0, 0.0]
