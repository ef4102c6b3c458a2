"""Features, shares and their order."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index.encoder import Vectors, normalised
from kb_index.index import VectorIndex
from kb_index.ranking import DEFAULT_WEIGHTS, FEATURES, HeldOut, Ranker, Scored, ordered
from kb_index.words import WordIndex


def angled(*cosines: float) -> Vectors:
    """Vectors in the plane whose cosine with (1, 0) is as given."""
    return np.array([[c, np.sqrt(1 - c * c)] for c in cosines], dtype=np.float32)


QUERY = np.array([[1.0, 0.0]], dtype=np.float32)
NO_WORDS = WordIndex.build([], np.zeros(0, np.int64), 0)


def ranker(questions: Vectors, owners: list[int], passages: Vectors, passage_owners: list[int]) -> Ranker:
    count = max(owners + passage_owners) + 1
    return Ranker(
        VectorIndex(questions, np.array(owners)),
        VectorIndex(passages, np.array(passage_owners)),
        NO_WORDS,
        count,
    )


def columns(scored: Scored) -> dict[str, list[float]]:
    return {name: scored.features[:, column].tolist() for column, name in enumerate(FEATURES)}


def test_features_are_those_of_the_best_rows() -> None:
    made = ranker(angled(0.2, 0.95, 0.5), [0, 0, 1], angled(0.3, 0.6, 0.1), [0, 1, 1])
    (scored,) = made.rank(QUERY, ["?"])
    assert scored.articles.tolist() == [0, 1]
    table = columns(scored)
    assert table["question"] == pytest.approx([0.95, 0.5])
    assert table["near"] == pytest.approx([0.5, 0.0], abs=1e-5)
    assert table["passage"] == pytest.approx([0.3, 0.6])
    assert table["words"] == [0.0, 0.0]
    assert table["local"][0] > table["local"][1]


def test_a_better_passage_decides_between_like_questions() -> None:
    made = ranker(angled(0.60, 0.60), [0, 1], angled(0.30, 0.50), [0, 1])
    assert made.rank(QUERY, ["?"])[0].articles.tolist() == [1, 0]


def test_rare_words_decide_between_like_meanings_and_make_candidates() -> None:
    texts = ["the hood of the Kestrel 300", "the hood of the Marlin 520", "all about hoods"]
    words = WordIndex.build(texts, np.arange(3), 3)
    vectors, owners = angled(0.6, 0.6, 0.6), np.arange(3)
    made = Ranker(VectorIndex(vectors, owners), VectorIndex(vectors, owners), words, 3)
    for position, text in enumerate(("marlin 520 hood", "kestrl 300 hood")):
        (scored,) = made.rank(QUERY, [text])
        assert scored.articles[0] == 1 - position
    few = Ranker(VectorIndex(vectors[:1], owners[:1]), VectorIndex(vectors[:1], owners[:1]), words, 3)
    assert few.rank(QUERY, ["Marlin 520"])[0].articles[0] == 0
    assert 1 in few.rank(QUERY, ["Marlin 520"])[0].articles


def test_a_question_held_out_is_ranked_as_if_it_were_not_there() -> None:
    random = np.random.default_rng(3)
    vectors = normalised(random.standard_normal((40, 8)).astype(np.float32))
    owners = np.arange(40) % 8
    texts = [f"word{row} of article{owner}" for row, owner in enumerate(owners)]
    passages = VectorIndex(vectors[:8], owners[:8])
    whole = Ranker(VectorIndex(vectors, owners), passages, WordIndex.build(texts, owners, 8), 8)
    for row in (3, 39):
        rest = np.arange(40) != row
        less = Ranker(VectorIndex(vectors[rest], owners[rest]), passages, whole.words, 8)
        (ours,) = whole.rank(
            vectors[row : row + 1],
            [texts[row]],
            held_out=HeldOut(np.array([row]), owners[row : row + 1]),
        )
        (theirs,) = less.rank(
            vectors[row : row + 1], [texts[row]], held_out=HeldOut(np.array([-1]), owners[row : row + 1])
        )
        assert ours.articles.tolist() == theirs.articles.tolist()
        assert ours.features == pytest.approx(theirs.features)
        (known,) = whole.rank(vectors[row : row + 1], [texts[row]])
        assert known.articles[0] == owners[row]
        assert columns(known)["question"][0] == pytest.approx(1.0)
        assert columns(ours)["question"][0] < 0.99


def test_shares_sum_to_one_and_fall() -> None:
    random = np.random.default_rng(0)
    vectors = normalised(random.standard_normal((50, 8)).astype(np.float32))
    owners = np.arange(50) % 10
    made = Ranker(VectorIndex(vectors, owners), VectorIndex(vectors, owners), NO_WORDS, 10)
    for scored in made.rank(vectors[:5], ["?"] * 5):
        assert scored.shares.sum() == pytest.approx(1.0)
        assert (np.diff(scored.shares) <= 0).all()


def test_equals_share_equally_in_a_fixed_order() -> None:
    made = ranker(angled(0.8, 0.8), [1, 0], angled(0.5, 0.5), [0, 1])
    (scored,) = made.rank(QUERY, ["?"])
    assert scored.articles.tolist() == [0, 1]
    assert scored.shares == pytest.approx([0.5, 0.5])


def test_only_the_allowed_articles_are_ranked() -> None:
    made = ranker(angled(0.9, 0.5, 0.4), [0, 1, 2], angled(0.9, 0.5, 0.4), [0, 1, 2])
    (scored,) = made.rank(QUERY, ["?"], among=np.array([False, True, True]))
    assert scored.articles.tolist() == [1, 2]
    assert scored.shares.sum() == pytest.approx(1.0)


def test_no_articles_give_no_candidates() -> None:
    empty = VectorIndex(np.zeros((0, 2), np.float32), np.zeros(0, np.int64))
    (scored,) = Ranker(empty, empty, NO_WORDS, 0).rank(QUERY, ["?"])
    assert len(scored.articles) == len(scored.shares) == 0


def test_large_weights_do_not_overflow() -> None:
    features = np.array([[1.0, 1.0, 1.0, 1.0, 5000.0], [0.0, 0.0, 0.0, 0.0, -5000.0]])
    scored = ordered(np.array([0, 1]), features, DEFAULT_WEIGHTS + 10.0)
    assert scored.shares.tolist() == [1.0, 0.0]
