"""How fast and how completely an index finds: `python -m kb_index.search_speed`, one JSON object in, one out.

Passages are made from real sentences' vectors: each is one of them plus noise as long as the mean distance between
nearest neighbours, scaled to length 1. Questions are drawn in the same way and are not in the index; apart from these,
sentences that no passage was made from are asked as they are. Encoding is not part of any figure.

In:  `{texts, n, rounds, encoder, cache}`; `cache` is a folder for vectors of texts, so that a second run starts at once.
Out: see `measure`. Progress goes to standard error.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import faiss
import numpy as np
from numpy.typing import NDArray

from kb_index.embedding_cache import CachedEncoder
from kb_index.encoder import Vectors, load_encoder, normalised
from kb_index.index import VectorIndex

K: Final = 10
HELD_BACK: Final = 200
"""Real sentences that no passage is made from."""

ASKED: Final = 200
"""Questions of each kind asked of the index in a round."""

ASKED_EXACTLY: Final = 20
ADDED: Final = 20
ROWS_OF_ARTICLE: Final = 10
CHUNK: Final = 50_000

Times = list[float]


def mean_nearest_distance(vectors: Vectors) -> float:
    """The mean over rows (n, dimension) of length 1 of the distance to the nearest other row; n at least 2."""
    nearest = []
    for start in range(0, len(vectors), 4096):
        products = vectors[start : start + 4096] @ vectors.T
        lines = np.arange(len(products))
        products[lines, start + lines] = -np.inf
        nearest.append(products.max(axis=1))
    return float(np.sqrt(np.maximum(0.0, 2.0 - 2.0 * np.concatenate(nearest))).mean())


def draw(base: Vectors, count: int, distance: float, random: np.random.Generator) -> Vectors:
    """`count` rows of length 1: rows of `base` at random, each with noise of length `distance`."""
    rows = np.empty((count, base.shape[1]), dtype=np.float32)
    for start in range(0, count, CHUNK):
        many = min(CHUNK, count - start)
        noise = normalised(random.standard_normal((many, base.shape[1]), dtype=np.float32))
        chosen = base[random.integers(0, len(base), many)]
        rows[start : start + many] = normalised(chosen + np.float32(distance) * noise)
    return rows


def measure(
    sentences: Vectors, n: int, rounds: int, tell: Callable[[str], None], *, seed: int = 0
) -> dict[str, Any]:
    """Build an index of `n` rows from `sentences` (m, dimension), m above `HELD_BACK`, and ask it beside exact search.

    Times are in ms, one entry a round: `ms` and `exact_ms` of single questions. `recall` and `recall_real` are shares
    of the exact `K` best found, for drawn questions and for real sentences. `add_ms` is from an article's vectors
    to the search that finds it.
    """
    faiss.omp_set_num_threads(1)
    random = np.random.default_rng(seed)
    order = random.permutation(len(sentences))
    real, base = sentences[order[:HELD_BACK]], sentences[order[HELD_BACK:]]
    distance = mean_nearest_distance(base)
    tell(f"drawing {n} passages at a distance of {distance:.2f} from {len(base)} sentences")
    rows = draw(base, n, distance, random)
    tell("building the index")
    started = time.perf_counter()
    index = VectorIndex.for_serving(rows, np.arange(n))
    build_s = time.perf_counter() - started
    tell(f"built in {build_s:.1f} s: {index.described}")
    exact = faiss.IndexFlatIP(rows.shape[1])
    exact.add(rows)
    del rows
    found: dict[str, Any] = {"ms": [], "exact_ms": []}
    kept: dict[str, list[float]] = {"drawn": [], "real": []}
    for number in range(-1, rounds):
        drawn = draw(base, ASKED, distance, random)
        exactly = [_timed(lambda q=query: exact.search(q[None], K)) for query in drawn[:ASKED_EXACTLY]]  # type: ignore[misc]
        times: Times = []
        for kind, queries in (("drawn", drawn), ("real", real)):
            answers = np.empty((len(queries), min(K, n)), dtype=np.int64)
            for line, query in enumerate(queries):
                started = time.perf_counter()
                answers[line] = index.search(query[None], K)[1]
                times.append(1000 * (time.perf_counter() - started))
            if number >= 0 and (kind == "drawn" or number == 0):
                kept[kind] += _recalls(answers, exact.search(queries, K)[1])
        if number >= 0:  # the first round warms up
            found["ms"].append(times)
            found["exact_ms"].append(exactly)
            tell(f"round {number + 1}: p50 {np.median(times):.2f} ms, exact {np.median(exactly):.2f} ms")
    return {
        **found,
        "build_s": build_s,
        "recall": float(np.mean(kept["drawn"])),
        "recall_real": float(np.mean(kept["real"])),
        "add_ms": _additions(index, draw(base, ADDED * ROWS_OF_ARTICLE, distance, random)),
        "index": index.described,
        "sentences": len(base),
        "distance": distance,
    }


def _additions(index: VectorIndex, rows: Vectors) -> Times:
    """Times to add articles of `ROWS_OF_ARTICLE` rows each, one after the other, until each is found."""
    times = []
    articles = len(index)
    for start in range(0, len(rows), ROWS_OF_ARTICLE):
        own = rows[start : start + ROWS_OF_ARTICLE]
        started = time.perf_counter()
        place = articles // 2  # in the middle: every article behind it gets another number
        index = index.renumbered(lambda owners: owners + (owners >= place)).with_rows(  # noqa: B023 - called at once
            own, np.full(len(own), place)
        )
        _scores, owners = index.search(own[:1], K)
        times.append(1000 * (time.perf_counter() - started))
        if owners[0, 0] != place:
            raise RuntimeError("an article that was added is not found by its own text")
        articles += 1
    return times


def _recalls(answers: NDArray[np.int64], right: NDArray[np.int64]) -> list[float]:
    return [len(np.intersect1d(a, r)) / len(r) for a, r in zip(answers, right, strict=True)]


def _timed(call: Callable[[], object]) -> float:
    started = time.perf_counter()
    call()
    return 1000 * (time.perf_counter() - started)


def main() -> int:
    """Measure the plan on standard input."""

    def tell(line: str) -> None:
        sys.stderr.write(line + "\n")
        sys.stderr.flush()

    plan = json.load(sys.stdin)
    texts: Sequence[str] = plan["texts"]
    encoder = CachedEncoder(load_encoder(plan["encoder"]), Path(plan["cache"]))
    tell(f"encoding {len(texts)} sentences, where they are not kept from before")
    sys.stdout.write(json.dumps(measure(encoder.encode(texts), plan["n"], plan["rounds"], tell)) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
