"""Exact search over rows that articles own, and how an index changes by becoming another."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb_index.encoder import Vectors, normalised
from kb_index.index import GONE, IndexFileError, Owners, VectorIndex

OWNERS = np.array([0, 0, 1, 2, 2, 2])


@pytest.fixture
def vectors() -> Vectors:
    return normalised(np.random.default_rng(1).standard_normal((6, 16)).astype(np.float32))


def test_a_row_finds_itself_first(vectors: Vectors) -> None:
    scores, owners = VectorIndex(vectors, OWNERS).search(vectors, 6)
    assert owners[:, 0].tolist() == OWNERS.tolist()
    assert scores[:, 0] == pytest.approx(np.ones(6), abs=1e-5)
    assert (np.diff(scores, axis=1) <= 0).all()


def test_asking_for_more_than_there_is(vectors: Vectors) -> None:
    scores, owners = VectorIndex(vectors, OWNERS).search(vectors[:1], 50)
    assert scores.shape == owners.shape == (1, 6)


def test_a_search_among_some_articles(vectors: Vectors) -> None:
    index = VectorIndex(vectors, OWNERS)
    _scores, owners = index.search(vectors[:2], 10, among=np.array([False, True, True]))
    assert owners.shape == (2, 4)
    assert set(owners.ravel().tolist()) == {1, 2}
    assert index.search(vectors[:1], 10, among=np.zeros(3, dtype=bool))[0].shape == (1, 0)


def test_an_empty_index_finds_nothing() -> None:
    index = VectorIndex(np.zeros((0, 16), np.float32), np.zeros(0, np.int64))
    assert index.search(np.ones((1, 16), np.float32), 5)[0].shape == (1, 0)
    assert index.vectors().shape == (0, 16)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_rows_with_nan_are_refused(vectors: Vectors, bad: float) -> None:
    vectors[3, 2] = bad
    with pytest.raises(ValueError, match="NaN"):
        VectorIndex(vectors, OWNERS)


def test_shapes_must_agree(vectors: Vectors) -> None:
    with pytest.raises(ValueError, match="belong together"):
        VectorIndex(vectors, OWNERS[:3])


def test_saved_and_loaded(vectors: Vectors, tmp_path: Path) -> None:
    VectorIndex(vectors, OWNERS).save(tmp_path / "x.faiss")
    loaded = VectorIndex.load(tmp_path / "x.faiss", OWNERS, 16)
    assert np.array_equal(loaded.vectors(), vectors)
    assert loaded.search(vectors[2:3], 1)[1].tolist() == [[1]]


def test_files_that_are_not_the_index_are_refused(vectors: Vectors, tmp_path: Path) -> None:
    path = tmp_path / "x.faiss"
    VectorIndex(vectors, OWNERS).save(path)
    for owners, dimension in ((OWNERS[:2], 16), (OWNERS, 32)):
        with pytest.raises(IndexFileError):
            VectorIndex.load(path, owners, dimension)
    path.write_bytes(b"nonsense")
    with pytest.raises(IndexFileError):
        VectorIndex.load(path, OWNERS, 16)


def test_what_is_added_is_found_and_the_old_index_does_not_know_it(vectors: Vectors) -> None:
    old = VectorIndex(vectors[:4], OWNERS[:4])
    new = old.with_rows(vectors[4:], OWNERS[4:])
    assert len(old) == 4
    assert len(new) == 6
    whole = VectorIndex(vectors, OWNERS)
    for ours, theirs in zip(new.search(vectors, 6), whole.search(vectors, 6), strict=True):
        assert ours == pytest.approx(theirs, abs=1e-6)
    assert set(old.search(vectors, 6)[1].ravel().tolist()) == {0, 1, 2}
    assert np.array_equal(new.vectors(), vectors)


def test_what_is_taken_out_is_found_no_more(vectors: Vectors) -> None:
    index = VectorIndex(vectors, OWNERS).with_rows(vectors, OWNERS + 3)
    less = index.renumbered(lambda owners: np.where(np.isin(owners, [2, 4]), GONE, owners))
    assert len(less) == 8
    _scores, owners = less.search(vectors, 12)
    assert owners.shape == (6, 8)
    assert set(owners.ravel().tolist()) == {0, 1, 3, 5}
    _scores, owners = less.search(vectors, 12, among=np.array([True, True, True, False, True, False]))
    assert set(owners.ravel().tolist()) == {0, 1}
    assert set(index.search(vectors, 12)[1].ravel().tolist()) == {0, 1, 2, 3, 4, 5}


def test_taking_everything_out_leaves_an_empty_index_that_takes_rows_again(vectors: Vectors) -> None:
    empty = VectorIndex(vectors, OWNERS).renumbered(lambda owners: np.full_like(owners, GONE))
    assert len(empty) == 0
    for index in (empty, empty.compact()):
        assert index.search(vectors, 3)[1].shape == (6, 0)
        again = index.with_rows(vectors[:1], np.array([7]))
        assert again.search(vectors[:1], 3)[1].tolist() == [[7]]


@pytest.mark.parametrize(
    ("rows", "owners"),
    [
        (np.ones((2, 8), np.float32), np.array([0, 1])),
        (np.ones((2, 16), np.float32), np.array([0])),
        (np.full((1, 16), np.nan, np.float32), np.array([0])),
    ],
)
def test_rows_that_do_not_fit_are_refused(vectors: Vectors, rows: Vectors, owners: Owners) -> None:
    with pytest.raises(ValueError, match=r"fit|belong|NaN"):
        VectorIndex(vectors, OWNERS).with_rows(rows, owners)
