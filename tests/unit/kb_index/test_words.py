"""Words in common, whatever the language."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index.index import GONE
from kb_index.words import MOST_ARTICLES, WordIndex

TEXTS = [
    "Where is my parcel?",
    "Your parcel is on its way when the courier has scanned it",
    "Error E-4711 of the stove",
    "Der Kocher zeigt den Fehler E-4711",
    "テントの洗い方",
]
OWNERS = np.array([0, 0, 1, 2, 3])


def made() -> WordIndex:
    return WordIndex.build(TEXTS, OWNERS, 4)


@pytest.mark.parametrize(
    ("text", "owner"),
    [
        ("parcel where", 0),
        ("stove error e-4711", 1),
        ("Fehler am Kocher", 2),
        ("テント", 3),
        ("parcle couriers", 0),
    ],
)
def test_the_article_with_the_words_is_ahead(text: str, owner: int) -> None:
    scores = made().scores([text], 4)[0]
    assert scores.argmax() == owner
    assert 0.0 < scores.max() <= 1.0


def test_words_of_nobody_score_nothing() -> None:
    assert not made().scores(["xylophone", "", "🙂"], 4).any()


def test_no_texts_and_too_many_articles_give_no_evidence() -> None:
    assert not WordIndex.build([], OWNERS[:0], 0).scores(["parcel"], 0).size
    assert not WordIndex.build(TEXTS, OWNERS, MOST_ARTICLES + 1).scores(["parcel"], 4).any()


def test_a_text_taken_away_counts_no_more() -> None:
    """As in an index of the same weights that never had it."""
    index = made()
    without = index.scores(TEXTS[:1], 4, without=np.array([0]))[0]
    rest = WordIndex(index.idf, index.rows(TEXTS[1:2]), np.array([0])).scores(TEXTS[:1], 4)[0]
    assert without[0] == pytest.approx(rest[0], abs=1e-5)
    assert without[1:] == pytest.approx(index.scores(TEXTS[:1], 4)[0][1:])
    # The only text of its article leaves nothing.
    assert index.scores(TEXTS[2:3], 4, without=np.array([1]))[0][1] == pytest.approx(0.0, abs=1e-3)


def test_articles_come_and_go() -> None:
    index = made().renumbered(lambda owners: np.where(owners == 0, GONE, owners - 1))
    assert not index.scores(["parcel"], 3).any()
    assert index.scores(["stove"], 3)[0].argmax() == 0
    more = index.with_articles(["the courier and the stove"], np.array([3]))
    assert more.scores(["courier"], 4)[0].argmax() == 3
    tidy = more.compact()
    assert tidy.owners.tolist() == [0, 1, 2, 3]
    assert tidy.scores(["courier stove"], 4) == pytest.approx(more.scores(["courier stove"], 4))


def test_a_common_piece_tells_nothing() -> None:
    texts = [f"banking about {name}" for name in "abcdefghijklmnopqrstuvwxyz"]
    assert not WordIndex.build(texts, np.arange(26), 26).scores(["banking"], 26).any()


def test_articles_beside_are_scored_as_if_they_had_been_built_in() -> None:
    index = made().with_articles(["the courier and the stove"], np.array([3]))
    again = index.with_articles(["a pot for the stove", "no lid"], np.array([4, 4]))
    less = again.renumbered(lambda owners: np.where(owners == 1, GONE, owners))
    tidy = less.compact()
    assert len(tidy.owners) == len(less.owners) - 1
    texts = ["parcel by courier", "stove", "lid and pot"]
    assert less.scores(texts, 5) == pytest.approx(tidy.scores(texts, 5), abs=1e-6)
    assert not less.scores(texts, 5)[:, 1].any()
    assert tidy.sums.shape[0] == len(tidy.owners)


def test_a_text_is_left_out_of_its_own_article_wherever_that_stands() -> None:
    variants = ["the courier and the stove", "stove by courier"]
    index = made().with_articles(variants, np.array([3, 3])).renumbered(lambda owners: 3 - owners)
    alone = made().with_articles(variants[1:], np.array([3])).renumbered(lambda owners: 3 - owners)
    left = index.scores(variants[:1], 4, without=np.array([0]))
    assert left[0] == pytest.approx(alone.scores(variants[:1], 4)[0], abs=1e-5)
