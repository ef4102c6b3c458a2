"""Approximate search for many rows: k-means cells (FAISS IVF), half-precision rows, as many cells looked into as it takes.

A question is compared with the centre of each cell and then with the rows of the nearest `probes` cells alone.
Half precision (16 bits a number) halves the memory, errs by about 0.0001 in a score, and unlike coarser codes needs
no second look at the originals. Cells rather than an HNSW graph: rows can be taken out of a cell, a graph only marks
them and holds 0.3 kB a row more.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_index.encoder import Vectors

CELLS_PER_ROOT: Final = 4.0
"""Cells, times the root of the number of rows: comparing with centres then costs about as much as with rows."""

SAMPLE_PER_CELL: Final = 40
"""Rows that k-means sees of each cell at most. Bounds the time of a build: more found no more neighbours."""

STEPS: Final = 6
"""Of k-means. The cells need not be the best ones, only of like size."""

FEWEST_PROBES: Final = 32
PROBES_PER_ROOT: Final = 0.75
"""Cells looked into at least, times the root of their number: questions lie farther from the rows than these from each
other, which is all that `_probes_needed` can try."""

WANTED_RECALL: Final = 0.99
TRIED: Final = 256
NEIGHBOURS: Final = 10
CHUNK: Final = 65_536
ROUNDING: Final = 1e-3
"""By how much two scores may differ through half precision."""


def build_cells(vectors: Vectors, *, seed: int = 0) -> Any:
    """A FAISS index of rows (n, dimension) of length 1, whose ids are their positions.

    Its `nprobe` is set so that, for rows taken as queries, `WANTED_RECALL` of the `NEIGHBOURS` nearest others are
    found. Takes minutes for a million rows on one thread.
    """
    random = np.random.default_rng(seed)
    rows, dimension = vectors.shape
    cells = max(1, min(int(CELLS_PER_ROOT * rows**0.5), rows // 8))
    made = faiss.IndexIVFScalarQuantizer(
        faiss.IndexFlatIP(dimension),
        dimension,
        cells,
        faiss.ScalarQuantizer.QT_fp16,
        faiss.METRIC_INNER_PRODUCT,
        False,
    )
    made.cp.niter = STEPS
    made.cp.spherical = True
    made.cp.min_points_per_centroid = 1
    made.cp.max_points_per_centroid = SAMPLE_PER_CELL
    made.cp.seed = seed + 1
    sample = vectors[random.permutation(rows)[: SAMPLE_PER_CELL * cells]]
    made.train(sample)
    del sample
    _fill(made, vectors)
    made.nprobe = _probes_needed(made, vectors, random.permutation(rows)[:TRIED])
    return made


def _fill(index: Any, vectors: Vectors) -> None:
    """Add all rows, each to the cell whose centre is nearest.

    numpy's product finds these more than twice as fast as FAISS does (70 against 30 GFLOPS on one thread).
    """
    centres = index.quantizer.reconstruct_n(0, index.nlist)
    for start in range(0, len(vectors), CHUNK // 8):
        some = np.ascontiguousarray(vectors[start : start + CHUNK // 8])
        ids = np.arange(start, start + len(some), dtype=np.int64)
        cells = (some @ centres.T).argmax(axis=1).astype(np.int64)
        index.add_core(len(some), faiss.swig_ptr(some), faiss.swig_ptr(ids), faiss.swig_ptr(cells))


def cells_of(index: Any) -> Iterator[tuple[NDArray[np.int64], NDArray[np.float16]]]:
    """Ids (c,) and rows (c, dimension) of each cell that has any; views into the index."""
    lists = index.invlists
    for cell in range(index.nlist):
        size = lists.list_size(cell)
        if size:
            codes = faiss.rev_swig_ptr(lists.get_codes(cell), size * lists.code_size)
            yield faiss.rev_swig_ptr(lists.get_ids(cell), size), codes.view(np.float16).reshape(size, -1)


class CellRows:
    """The rows of an index of cells by their ids: views into it, 8 bytes an id, built in some milliseconds for 100,000.

    FAISS cannot give the vectors of what it found where a search is limited to some rows.
    """

    def __init__(self, index: Any, ids: int) -> None:
        """`ids`: one more than the largest id. `index` must not change any more."""
        self._index = index  # the views live as long as it does
        self._cells: list[NDArray[np.float16]] = []
        self._cell = np.zeros(ids, dtype=np.int32)
        self._place = np.zeros(ids, dtype=np.int32)
        for here, rows in cells_of(index):
            self._cell[here] = len(self._cells)
            self._place[here] = np.arange(len(here))
            self._cells.append(rows)

    def vectors(self, ids: NDArray[np.int64]) -> NDArray[np.float32]:
        """Rows (m, k, dimension) of `ids` (m, k), rounded to 16 bits; zeros for ids below 0."""
        found = np.zeros((*ids.shape, int(self._index.d)), dtype=np.float32)
        for place in zip(*np.nonzero(ids >= 0), strict=True):
            row = ids[place]
            found[place] = self._cells[self._cell[row]][self._place[row]]
        return found


def without(index: Any, gone: NDArray[np.bool_]) -> Any:
    """A copy of `index` less the ids that are True in `gone` (ids,); cells and probes stay."""
    kept = faiss.clone_index(index)
    kept.nprobe = index.nprobe
    if gone.any():
        bits = np.packbits(gone, bitorder="little")
        kept.remove_ids(faiss.IDSelectorBitmap(bits))
    return kept


def _probes_needed(index: Any, vectors: Vectors, tried: NDArray[np.int64]) -> int:
    """The number of cells at which rows in `tried` (positions) find the nearest others."""
    queries = np.ascontiguousarray(vectors[tried])
    wanted = min(NEIGHBOURS + 1, len(vectors))  # a row finds itself too
    lowest = _exact_scores(queries, vectors, wanted)[:, -1:]
    probes = max(FEWEST_PROBES, int(PROBES_PER_ROOT * index.nlist**0.5))
    while probes < index.nlist:
        parameters = faiss.SearchParametersIVF(nprobe=probes)
        scores, _found = index.search(queries, wanted, params=parameters)
        found = (scores >= lowest - ROUNDING).sum() - len(queries)
        if found >= WANTED_RECALL * len(queries) * (wanted - 1):
            return int(probes)
        probes *= 2
    return int(index.nlist)


def _exact_scores(queries: Vectors, vectors: Vectors, k: int) -> Vectors:
    """The `k` best inner products of each query (m, k), falling."""
    best = np.full((len(queries), k), -np.inf, dtype=np.float32)
    for start in range(0, len(vectors), CHUNK):
        scores = np.hstack([best, queries @ vectors[start : start + CHUNK].T])
        best = np.partition(scores, scores.shape[1] - k, axis=1)[:, -k:]
    return np.asarray(-np.sort(-best, axis=1), dtype=np.float32)
