"""Vectors and the articles they belong to, searched by FAISS: exactly while they are few, by cells when they are many.

An index never changes. `with_rows` and `without_articles` return another one that shares the built part and holds the
difference beside it: rows added since are compared one by one, rows that are gone are passed over. Threads that search
the old one go on undisturbed, and what was added is found at once. `compact` makes the difference part of the rest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_index.encoder import Vectors
from kb_index.near import CellRows, build_cells, cells_of, without

Owners = NDArray[np.int64]
Hits = tuple[NDArray[np.float32], Owners]
Mask = NDArray[np.bool_]

EXACT_ROWS: Final = 15_000
"""Rows up to which all are compared. Where exact search begins to cost more than cells do, see ARCHITECTURE."""

GONE: Final = -1
"""The owner of a row that has been taken out."""

MOST_BESIDE: Final = 4_096
"""Rows added since the last build beyond which an index is untidy: comparing with them costs 0.3 ms."""

MOST_GONE: Final = 0.1
"""Share of rows taken out beyond which an index is untidy: they are looked at in vain."""

_REMEMBERED_MASKS: Final = 16


@dataclass(frozen=True, slots=True)
class Nearest:
    """The best rows of each query: `scores` (m, k) falling, `rows` (m, k), their `owners` (m, k), `vectors` (m, k, dimension)."""

    scores: NDArray[np.float32]
    rows: Owners
    owners: Owners
    vectors: Vectors


class IndexFileError(ValueError):
    """The file is not an index of the expected shape."""


@dataclass(frozen=True, slots=True)
class _Allowed:
    """The rows that a search may find: `rows` of them, of which `built` are in the built part, `selector` FAISS's
    way to say which; `beside` are the others' places among the rows beside it."""

    rows: int
    built: int
    selector: Any
    beside: NDArray[np.int64]

    @classmethod
    def among(cls, rows: Mask, built: int) -> _Allowed:
        """`rows` (all rows,) says which; the first `built` of them are in the built part."""
        in_built = int(rows[:built].sum())
        selector = None
        if 0 < in_built < built:
            selector = faiss.IDSelectorBitmap(np.packbits(rows[:built], bitorder="little"))
        beside = np.flatnonzero(rows[built:])
        return cls(in_built + len(beside), in_built, selector, beside)


class VectorIndex:
    """Rows of length-1 vectors, each owned by one article (its position). The score is the inner product.

    Immutable; searches may run in several threads at once.
    """

    def __init__(self, vectors: Vectors, owners: Owners) -> None:
        """An exact index: `vectors` (n, dimension) without NaN, `owners` (n,). Raises `ValueError` otherwise."""
        _check(vectors, owners)
        index = faiss.IndexFlatIP(vectors.shape[1])
        index.add(np.ascontiguousarray(vectors, dtype=np.float32))
        self._hold(index, owners, vectors[:0].astype(np.float32))

    @classmethod
    def for_serving(cls, vectors: Vectors, owners: Owners, *, exact_rows: int = EXACT_ROWS) -> VectorIndex:
        """Exact up to `exact_rows`; by cells beyond, which takes minutes for a million rows. Raises as the constructor."""
        if len(vectors) <= exact_rows:
            return cls(vectors, owners)
        _check(vectors, owners)
        return cls._of(build_cells(np.ascontiguousarray(vectors, dtype=np.float32)), owners)

    @classmethod
    def _of(
        cls, index: Any, owners: Owners, beside: Vectors | None = None, by_id: CellRows | None = None
    ) -> VectorIndex:
        """Around a FAISS index that is there: no copy of its vectors."""
        made = cls.__new__(cls)
        made._hold(index, owners, np.zeros((0, index.d), np.float32) if beside is None else beside)  # noqa: SLF001
        made._by_id = by_id  # noqa: SLF001
        return made

    def _hold(self, index: Any, owners: Owners, beside: Vectors) -> None:
        """`owners` are of the rows of `index`, by id, and then of those `beside` it."""
        self._index = index
        self._owners = owners
        self._beside = beside
        self._built = len(owners) - len(beside)
        there = owners != GONE
        self._alive = int(there.sum())
        # Rows that are looked at though they are gone. After `compact` some numbers are holes, and no rows.
        self._masks: dict[int, tuple[Mask, _Allowed]] = {}
        self._by_id: CellRows | None = None
        self._in_vain = int(index.ntotal) + len(beside) - self._alive
        self._living = _Allowed.among(there, self._built) if self._in_vain else None

    def __len__(self) -> int:
        return self._alive

    @property
    def owners(self) -> Owners:
        """The owner of each row, shape (rows,); `GONE` where a row has been taken out."""
        return self._owners

    @property
    def dimension(self) -> int:
        """Numbers in one vector."""
        return int(self._index.d)

    @property
    def is_exact(self) -> bool:
        """Whether all rows are compared."""
        return isinstance(self._index, faiss.IndexFlat)

    @property
    def is_untidy(self) -> bool:
        """Whether so much has been added and taken out that `compact` pays."""
        return len(self._beside) > MOST_BESIDE or self._in_vain > MOST_GONE * max(1, self._alive)

    @property
    def memory(self) -> int:
        """Bytes of rows, ids, centres and owners."""
        size = self._owners.nbytes + self._beside.nbytes
        if self.is_exact:
            return size + int(self._index.ntotal) * self.dimension * 4
        centres = int(self._index.nlist) * self.dimension * 4
        return size + int(self._index.ntotal) * (int(self._index.code_size) + 8) + centres

    @property
    def described(self) -> dict[str, int | str]:
        """How it is searched, for the manifest and reports."""
        told: dict[str, int | str] = {"search": "exact" if self.is_exact else "cells", "rows": len(self)}
        if not self.is_exact:
            told |= {"cells": int(self._index.nlist), "probes": int(self._index.nprobe)}
        return told | {"bytes": self.memory}

    def vectors(self) -> Vectors:
        """All rows, shape (rows, dimension): zeros where one has been taken out, rounded to 16 bits in cells."""
        rows = np.zeros((len(self._owners), self.dimension), np.float32)
        if self.is_exact:
            if self._built:
                rows[: self._built] = self._index.reconstruct_n(0, self._built)
        else:
            for ids, halves in cells_of(self._index):
                rows[ids] = halves
        rows[self._built :] = self._beside
        rows[self._owners == GONE] = 0.0
        return rows

    # --- searching ------------------------------------------------------------------------------------------

    def search(self, queries: Vectors, k: int, *, among: Mask | None = None) -> Hits:
        """The `k` best rows of each query (m, dimension): scores (m, k') falling, and owners (m, k').

        `among` (number of articles,) limits the search to the articles that are True. k' is `k`, or the
        number of rows where that is less. A mask that is read-only is looked through once and remembered.
        """
        scores, found, _vectors = self._find(queries, k, among, with_vectors=False)
        return scores, self._owners[found]

    def nearest(self, queries: Vectors, k: int, *, among: Mask | None = None) -> Nearest:
        """As `search`, with the rows themselves: rounded to 16 bits where they stand in cells."""
        scores, found, vectors = self._find(queries, k, among, with_vectors=True)
        return Nearest(scores, found, self._owners[found], vectors)

    def _find(
        self, queries: Vectors, k: int, among: Mask | None, *, with_vectors: bool
    ) -> tuple[Any, Any, Any]:
        allowed = self._living if among is None else self._allowed_by(among)
        k = min(k, self._alive if allowed is None else allowed.rows)
        if k == 0:
            empty = (queries.shape[0], 0)
            return np.zeros(empty, np.float32), np.zeros(empty, np.int64), np.zeros((*empty, self.dimension))
        asked = np.ascontiguousarray(queries, dtype=np.float32)
        built = self._built if allowed is None else allowed.built
        scores, found, vectors = self._find_built(asked, min(k, built), allowed, with_vectors)
        if len(self._beside):
            scores, found, vectors = self._with_beside(asked, k, allowed, (scores, found, vectors))
        return scores, found, vectors

    def _find_built(
        self, queries: Vectors, k: int, allowed: _Allowed | None, with_vectors: bool
    ) -> tuple[Any, Any, Any]:
        if k == 0:
            empty = (len(queries), 0)
            return np.zeros(empty, np.float32), np.zeros(empty, np.int64), np.zeros((*empty, self.dimension))
        selector = None if allowed is None else allowed.selector
        if self.is_exact:
            parameters = None if selector is None else faiss.SearchParameters(sel=selector)
            find = self._index.search_and_reconstruct if with_vectors else self._index.search
            found = find(queries, k, params=parameters)
            return found if with_vectors else (*found, None)
        share = 1.0 if allowed is None else allowed.built / max(1, int(self._index.ntotal))
        # Where few rows are allowed the nearest of them lie farther away; looking at an id costs next to nothing.
        probes = min(int(self._index.nlist), int(np.ceil(self._index.nprobe / share)))
        parts = self._search_cells(queries, k, probes, selector, with_vectors)
        short = np.flatnonzero(parts[1][:, -1] < 0)
        if len(short):
            whole = self._search_cells(queries[short], k, int(self._index.nlist), selector, with_vectors)
            for part, other in zip(parts, whole, strict=True):
                if part is not None:
                    part[short] = other
        return parts

    def _search_cells(
        self, queries: Vectors, k: int, probes: int, selector: Any, with_vectors: bool
    ) -> tuple[Any, Any, Any]:
        named = {} if selector is None else {"sel": selector}
        parameters = faiss.SearchParametersIVF(nprobe=probes, **named)
        if with_vectors and selector is not None:
            scores, found = self._index.search(queries, k, params=parameters)
            if self._by_id is None:  # threads that come at once build it twice, and both are right
                self._by_id = CellRows(self._index, self._built)
            return scores, found, self._by_id.vectors(found)
        if with_vectors:
            return self._index.search_and_reconstruct(queries, k, params=parameters)  # type: ignore[no-any-return]
        return (*self._index.search(queries, k, params=parameters), None)

    def _with_beside(
        self, queries: Vectors, k: int, allowed: _Allowed | None, built: tuple[Any, Any, Any]
    ) -> tuple[Any, Any, Any]:
        """The `k` best of what was found in the built part and of the rows beside it."""
        rows = np.arange(len(self._beside)) if allowed is None else allowed.beside
        there = (len(queries), len(rows))
        scores = np.hstack([built[0], queries @ self._beside[rows].T])
        found = np.hstack([built[1], np.broadcast_to(self._built + rows, there)])
        order = np.argsort(-scores, axis=1, kind="stable")[:, :k]
        vectors = built[2]
        if vectors is not None:
            beside = np.broadcast_to(self._beside[rows], (*there, self.dimension))
            both = np.concatenate([vectors, beside], axis=1)
            vectors = np.take_along_axis(both, order[:, :, None], axis=1)
        return np.take_along_axis(scores, order, axis=1), np.take_along_axis(found, order, axis=1), vectors

    def _allowed_by(self, among: Mask) -> _Allowed:
        if among.flags.writeable:
            return self._looked_through(among)
        remembered = self._masks.get(id(among))
        if remembered is None:
            if len(self._masks) >= _REMEMBERED_MASKS:
                self._masks = {}
            # The mask is kept beside it: while it lives no other array has its id.
            remembered = self._masks[id(among)] = (among, self._looked_through(among))
        return remembered[1]

    def _looked_through(self, among: Mask) -> _Allowed:
        return _Allowed.among((self._owners != GONE) & among[self._owners], self._built)

    # --- changing -------------------------------------------------------------------------------------------

    def with_rows(self, vectors: Vectors, owners: Owners) -> VectorIndex:
        """This index and rows (m, dimension) of `owners` (m,), found from now on. Raises as the constructor."""
        _check(vectors, owners)
        if len(vectors) and vectors.shape[1] != self.dimension:
            raise ValueError(f"rows of {vectors.shape[1]} numbers do not fit those of {self.dimension}")
        return self._changed(
            np.concatenate([self._owners, owners]),
            np.vstack([self._beside, np.asarray(vectors, dtype=np.float32)])
            if len(vectors)
            else self._beside,
        )

    def renumbered(self, owner: Callable[[Owners], Owners]) -> VectorIndex:
        """This index with other owners: `owner` maps those of all rows that are there; `GONE` takes a row out."""
        owners = self._owners.copy()
        there = owners != GONE
        owners[there] = owner(owners[there])
        return self._changed(owners, self._beside)

    def _changed(self, owners: Owners, beside: Vectors) -> VectorIndex:
        return self._of(self._index, owners, beside, self._by_id)

    def compact(self, *, exact_rows: int = EXACT_ROWS) -> VectorIndex:
        """The same rows, none beside and none taken out; the same index where there is nothing to do.

        Copies everything, and builds cells where an exact index has grown beyond `exact_rows`.
        """
        if not len(self._beside) and not self._in_vain:
            return self
        gone = self._owners == GONE
        if self.is_exact or self._alive <= exact_rows:
            return self.for_serving(self.vectors()[~gone], self._owners[~gone], exact_rows=exact_rows)
        # Ids stay, those that are gone as holes in the owners: nothing is assigned to cells anew but what was added.
        index = without(self._index, gone[: self._built])
        added = np.flatnonzero(~gone[self._built :])
        if len(added):
            index.add_with_ids(np.ascontiguousarray(self._beside[added]), self._built + added)
        return self._of(index, self._owners)

    # --- files ----------------------------------------------------------------------------------------------

    def save(self, path: Path) -> None:
        """Write the built part; the owners are the caller's to keep. Raises `ValueError` where rows are beside it."""
        if len(self._beside):
            raise ValueError("rows beside the index are not saved: compact it first")
        faiss.write_index(self._index, str(path))

    @classmethod
    def load(cls, path: Path, owners: Owners, dimension: int) -> VectorIndex:
        """Read what `save` wrote. Raises `IndexFileError`."""
        try:
            index = faiss.read_index(str(path))
        except RuntimeError as error:
            raise IndexFileError(f"{path.name} cannot be read: {error}") from error
        ids = _ids(index)
        if ids is None or index.d != dimension or not np.array_equal(ids, np.flatnonzero(owners != GONE)):
            rows = int((owners != GONE).sum())
            raise IndexFileError(f"{path.name} does not hold {rows} vectors of {dimension} numbers")
        return cls._of(index, owners)


def _check(vectors: Vectors, owners: Owners) -> None:
    if vectors.ndim != 2 or owners.shape != (vectors.shape[0],):
        raise ValueError(f"vectors {vectors.shape} and owners {owners.shape} do not belong together")
    if not np.isfinite(vectors).all():
        raise ValueError("a vector holds NaN or infinite numbers")


def _ids(index: Any) -> NDArray[np.int64] | None:
    """The ids of all rows, rising; None for an index of another kind."""
    if isinstance(index, faiss.IndexFlat):
        return np.arange(index.ntotal)
    if isinstance(index, faiss.IndexIVFScalarQuantizer):
        return np.sort(np.concatenate([np.zeros(0, np.int64), *(ids for ids, _rows in cells_of(index))]))
    return None
