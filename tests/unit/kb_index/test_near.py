"""Cells: what they find beside exact search, and that they are the index that exact search is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb_index.encoder import Vectors, normalised
from kb_index.index import GONE, IndexFileError, VectorIndex

ROWS, DIMENSION = 3_000, 24


def clustered(rows: int, seed: int) -> Vectors:
    """Rows around 60 centres, as sentences lie around topics."""
    random = np.random.default_rng(seed)
    centres = np.random.default_rng(99).standard_normal((60, DIMENSION))
    noise = random.standard_normal((rows, DIMENSION))
    return normalised((centres[random.integers(0, 60, rows)] + 0.6 * noise).astype(np.float32))


@pytest.fixture(scope="module")
def rows() -> Vectors:
    return clustered(ROWS, 1)


@pytest.fixture(scope="module")
def cells(rows: Vectors) -> VectorIndex:
    return VectorIndex.for_serving(rows, np.arange(ROWS), exact_rows=1_000)


def best(index: VectorIndex, queries: Vectors, k: int = 10, **options: object) -> list[set[int]]:
    return [set(line.tolist()) for line in index.search(queries, k, **options)[1]]  # type: ignore[arg-type]


def recall(found: list[set[int]], right: list[set[int]]) -> float:
    return sum(len(f & r) for f, r in zip(found, right, strict=True)) / sum(len(r) for r in right)


def test_few_rows_are_compared_one_by_one_and_many_are_not(rows: Vectors, cells: VectorIndex) -> None:
    assert VectorIndex.for_serving(rows, np.arange(ROWS)).is_exact
    assert not cells.is_exact
    assert cells.described["search"] == "cells"
    assert int(cells.described["probes"]) < int(cells.described["cells"])


def test_questions_find_what_exact_search_finds(rows: Vectors, cells: VectorIndex) -> None:
    queries = clustered(200, 2)
    exact = VectorIndex(rows, np.arange(ROWS))
    assert recall(best(cells, queries), best(exact, queries)) >= 0.97
    scores, _owners = cells.search(queries, 10)
    assert (np.diff(scores, axis=1) <= 0).all()
    # Half precision: 0.001 of a score at most.
    assert scores[:, 0] == pytest.approx(exact.search(queries, 1)[0][:, 0], abs=2e-3)


def test_half_the_memory(rows: Vectors, cells: VectorIndex) -> None:
    exact = VectorIndex(rows, np.arange(ROWS))
    assert exact.memory == ROWS * (DIMENSION * 4 + 8)
    assert cells.memory == ROWS * (DIMENSION * 2 + 8 + 8) + int(cells.described["cells"]) * DIMENSION * 4


def test_rows_come_back_in_their_order(rows: Vectors, cells: VectorIndex) -> None:
    assert cells.vectors() == pytest.approx(rows, abs=1e-3)


@pytest.mark.parametrize("share", [None, 0.5, 0.001])
def test_what_is_found_comes_with_its_rows(rows: Vectors, cells: VectorIndex, share: float | None) -> None:
    among = None if share is None else np.random.default_rng(5).random(ROWS) < share
    found = cells.nearest(clustered(5, 6), 10, among=among)
    assert found.vectors == pytest.approx(rows[found.rows], abs=1e-3)
    if among is not None:
        assert among[found.owners].all()


def test_with_rows_gone_and_rows_beside_it_what_is_found_comes_with_its_rows(
    rows: Vectors, cells: VectorIndex
) -> None:
    less = cells.renumbered(lambda owners: np.where(owners % 3 == 0, GONE, owners))
    more = less.with_rows(rows[:6] + np.float32(0.0), np.arange(ROWS, ROWS + 6))
    found = more.nearest(rows[:9], 2)
    all_rows = np.vstack([rows, rows[:6]])
    assert found.vectors == pytest.approx(all_rows[found.rows], abs=1e-3)
    assert (found.owners[:6, 0] >= ROWS).all() or (found.scores[:6, 0] > 0.99).all()
    assert not (found.owners % 3 == 0)[found.owners < ROWS].any()
    tidy = more.compact().nearest(rows[:9], 2)
    assert tidy.scores == pytest.approx(found.scores, abs=2e-3)


@pytest.mark.parametrize("share", [0.5, 0.02, 0.001])
def test_a_search_among_few_articles_finds_them_wherever_they_lie(
    rows: Vectors, cells: VectorIndex, share: float
) -> None:
    among = np.random.default_rng(3).random(ROWS) < share
    among.flags.writeable = False
    queries = clustered(50, 4)
    exact = VectorIndex(rows, np.arange(ROWS))
    found = best(cells, queries, among=among)
    assert {len(one) for one in found} == {min(10, int(among.sum()))}
    assert all(among[list(one)].all() for one in found)
    assert recall(found, best(exact, queries, among=among)) >= 0.97


def test_a_remembered_mask_is_not_taken_for_another(cells: VectorIndex) -> None:
    queries = clustered(3, 5)
    for wanted in range(100):
        among = np.arange(ROWS) == wanted
        among.flags.writeable = False
        assert best(cells, queries, among=among) == [{wanted}] * 3


def test_as_many_rows_as_asked_for_even_all(cells: VectorIndex) -> None:
    _scores, owners = cells.search(clustered(2, 6), ROWS + 5)
    assert owners.shape == (2, ROWS)
    assert set(owners[0].tolist()) == set(range(ROWS))


def test_saved_and_loaded_it_searches_alike(cells: VectorIndex, tmp_path: Path) -> None:
    cells.save(tmp_path / "x.faiss")
    loaded = VectorIndex.load(tmp_path / "x.faiss", cells.owners, DIMENSION)
    queries = clustered(20, 7)
    for ours, theirs in zip(cells.search(queries, 20), loaded.search(queries, 20), strict=True):
        assert np.array_equal(ours, theirs)
    assert loaded.described == cells.described


def test_owners_that_are_not_the_files_are_refused(cells: VectorIndex, tmp_path: Path) -> None:
    cells.save(tmp_path / "x.faiss")
    elsewhere = cells.owners.copy()
    elsewhere[[0, 5]] = GONE
    longer = np.append(elsewhere, [1, 2])
    for owners in (cells.owners[:-1], elsewhere, longer):
        with pytest.raises(IndexFileError, match="does not hold"):
            VectorIndex.load(tmp_path / "x.faiss", owners, DIMENSION)


@pytest.mark.parametrize("exact_rows", [1_000, 100_000])
def test_rows_come_go_and_are_built_in_without_being_lost(
    rows: Vectors, exact_rows: int, tmp_path: Path
) -> None:
    index = VectorIndex.for_serving(rows, np.arange(ROWS), exact_rows=exact_rows)
    more = clustered(400, 8)
    gone = set(range(100, 500))
    changed = index.with_rows(more, ROWS + np.arange(400)).renumbered(
        lambda owners: np.where((owners >= 100) & (owners < 500), GONE, owners)
    )
    everything = np.vstack([rows, more])
    kept = np.array([owner for owner in range(ROWS + 400) if owner not in gone])
    right = VectorIndex(everything[kept], kept)
    queries = clustered(100, 9)
    compact = changed.compact(exact_rows=exact_rows)
    assert len(changed) == len(compact) == len(right) == ROWS
    for one in (changed, compact):
        assert recall(best(one, queries), best(right, queries)) >= 0.97
        assert not gone & set(np.unique(one.search(queries, ROWS)[1]).tolist())
    assert changed.is_untidy
    assert not compact.is_untidy
    assert compact.compact() is compact
    with pytest.raises(ValueError, match="compact it first"):
        changed.save(tmp_path / "x.faiss")
    compact.save(tmp_path / "x.faiss")
    loaded = VectorIndex.load(tmp_path / "x.faiss", compact.owners, DIMENSION)
    assert best(loaded, queries) == best(compact, queries)
    # With holes among its numbers it takes more, and gives all there is.
    again = compact.with_rows(more[:5], 9_000 + np.arange(5))
    assert set(again.search(queries[:1], 2 * ROWS)[1][0].tolist()) == {*kept.tolist(), *range(9_000, 9_005)}
    there = compact.owners != GONE
    assert compact.vectors()[there] == pytest.approx(everything[compact.owners[there]], abs=1e-3)


def test_an_exact_index_that_has_grown_gets_cells(rows: Vectors) -> None:
    grown = VectorIndex(rows[:900], np.arange(900)).with_rows(rows[900:], np.arange(900, ROWS))
    assert grown.is_exact
    compact = grown.compact(exact_rows=1_000)
    assert not compact.is_exact
    assert best(compact, rows[2_500:2_510], 1) == [{owner} for owner in range(2_500, 2_510)]
