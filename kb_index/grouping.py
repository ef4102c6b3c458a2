"""Questions grouped by meaning: which of them one article might answer. Pure; vectors in, groups out.

Two steps. Texts nearly alike are taken together first (greedy balls around the texts with the most neighbours, as
sentence-transformers' `community_detection` does it), then these by average linkage (UPGMA) up to a distance. The balls alone
leave twice as many groups of the same purity; linkage alone needs memory by the square of all texts.
"""

from __future__ import annotations

import hashlib
import os
import re
import unicodedata
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.cluster.hierarchy import fcluster, linkage

from kb_index.encoder import Vectors, normalised

Numbers = NDArray[np.int64]

ALIKE: Final = (0.8, 0.7, 0.6)
"""Cosine from which texts are taken together before linkage. The first; another only where too many would be left."""

TOGETHER: Final = 0.55
"""Mean cosine down to which groups are joined. Of 20,000 questions of one trade (77 topics as near as topics can be) 0.65 makes
1,401 groups (adjusted Rand index 0.39, homogeneity 0.91), 0.6 makes 969 (0.44, 0.88), 0.55 makes 658 (0.44, 0.84), 0.5 makes 438 (0.43,
0.79). Topics of a shop lie farther apart, and their paraphrases are whole from 0.55 on."""

MOST_LINKED: Final = 6_000
"""Balls that are linked, 144 MB and 4 s; what is beyond, the smallest ones, are groups by themselves."""

LONGEST_NAME: Final = 80

_BLOCK: Final = 1_024
_EDGES: Final = re.compile(r"^[\W_]+|[\W_]+$")
_REPEATED: Final = re.compile(r"([^\w\s])\1+")
_SENTENCE: Final = re.compile(r"(?<=[.!?…])\s+")
_SHORTEST_NAME: Final = 15


@dataclass(frozen=True, slots=True)
class Group:
    """`members` are positions of texts, most central first; `id` is that of its most central text, see `id_of`."""

    id: str
    members: tuple[int, ...]


def plain(text: str) -> str:
    """`text` without what makes no other question of it: case, spacing, punctuation around it, repeated marks.

    The text itself, trimmed, where nothing else is left.
    """
    folded = " ".join(unicodedata.normalize("NFKC", text).casefold().split())
    return _EDGES.sub("", _REPEATED.sub(r"\1", folded)) or folded


def id_of(text: str, language: str) -> str:
    """The id of the group around a plain text, 16 hex digits: the same in every grouping in which that text is its centre."""
    return hashlib.sha256(f"{language}\n{text}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def grouped(texts: Sequence[str], vectors: Vectors, counts: Numbers, language: str) -> list[Group]:
    """Groups of distinct plain `texts` (n,) with `vectors` (n, dimension) of length 1, largest first.

    `counts` (n,) says how often each was asked. Memory is n²/4 bytes and 8 bytes for each pair of at most `MOST_LINKED`.
    """
    if not len(texts):
        return []
    owners = _linked(vectors, counts, *_balls(vectors, counts))
    order = np.argsort(owners, kind="stable")
    parts = np.split(order, np.flatnonzero(np.diff(owners[order])) + 1)
    found = []
    for part in parts:
        ranked = part[central(vectors[part], counts[part])]
        found.append(Group(id_of(texts[int(ranked[0])], language), tuple(int(row) for row in ranked)))
    size = {group.id: int(counts[list(group.members)].sum()) for group in found}
    return sorted(found, key=lambda group: (-size[group.id], group.id))


def central(vectors: Vectors, counts: Numbers) -> Numbers:
    """Positions of vectors (n, dimension), nearest to their common centre first; each counts `counts` (n,) times."""
    centre = counts.astype(np.float64) @ vectors
    # Rounded, so that equals keep their order on any machine.
    return np.asarray(np.argsort(-np.round(vectors @ centre, 6), kind="stable"), dtype=np.int64)


def _balls(vectors: Vectors, counts: Numbers) -> tuple[Numbers, int]:
    """The ball of each row (n,) and their number; the fewest that `ALIKE` allows for linkage."""
    for alike in _likenesses(vectors, counts):
        owners, number = _balls_of(alike)
        if number <= MOST_LINKED:
            break
    return owners, number


@dataclass(frozen=True, slots=True)
class _Alike:
    """By one bound: `near` (n, n/8) as bits which texts are alike, `asked` (n,) how often those like each were asked."""

    bound: float
    near: NDArray[np.uint8]
    asked: NDArray[np.float32]


def _likenesses(vectors: Vectors, counts: Numbers) -> list[_Alike]:
    """By each bound of `ALIKE`. All products are made once, on all cores that this process may use."""
    n, weight = len(vectors), counts.astype(np.float32)
    found = [
        _Alike(bound, np.zeros((n, (n + 7) // 8), dtype=np.uint8), np.zeros(n, dtype=np.float32))
        for bound in ALIKE
    ]

    def block(start: int) -> None:
        cosines = vectors[start : start + _BLOCK] @ vectors.T
        for one in found:
            close = cosines >= one.bound
            one.near[start : start + _BLOCK] = np.packbits(close, axis=1)
            one.asked[start : start + _BLOCK] = close @ weight

    with ThreadPoolExecutor(len(os.sched_getaffinity(0)), thread_name_prefix="group") as pool:
        for _ in pool.map(block, range(0, n, _BLOCK)):
            pass
    return found


def _balls_of(alike: _Alike) -> tuple[Numbers, int]:
    """Greedy: the text with most like it and all of these, then of those left the next."""
    n = len(alike.asked)
    owners = np.full(n, -1, dtype=np.int64)
    number = 0
    for row in np.argsort(-alike.asked, kind="stable"):
        if owners[row] >= 0:
            continue
        members = np.flatnonzero(np.unpackbits(alike.near[row], count=n))
        owners[members[owners[members] < 0]] = number
        owners[row] = number  # rounding may leave a text out of its own ball
        number += 1
    return owners, number


def _linked(vectors: Vectors, counts: Numbers, balls: Numbers, number: int) -> Numbers:
    """The group of each row (n,), of balls joined by average linkage."""
    if number < 2:
        return balls
    sums = np.zeros((number, vectors.shape[1]), dtype=np.float64)
    np.add.at(sums, balls, vectors * counts[:, None])
    centres = normalised(sums.astype(np.float32))
    sizes = np.bincount(balls, weights=counts, minlength=number)
    kept = np.sort(np.argsort(-sizes, kind="stable")[:MOST_LINKED])
    joined = fcluster(linkage(_distances(centres[kept]), "average"), 1.0 - TOGETHER, "distance")
    groups = np.arange(number, dtype=np.int64) + len(kept) + 1
    groups[kept] = joined
    return np.asarray(groups[balls])


def _distances(centres: Vectors) -> NDArray[np.float64]:
    """1 - cosine of each pair, in the order in which scipy takes them, shape (n (n - 1) / 2,)."""
    n = len(centres)
    found = np.zeros(n * (n - 1) // 2, dtype=np.float64)
    at = 0
    for start in range(0, n, _BLOCK):
        block = 1.0 - centres[start : start + _BLOCK] @ centres[start:].T
        for line, row in enumerate(block):
            pairs = row[line + 1 :]
            found[at : at + len(pairs)] = pairs
            at += len(pairs)
    return np.maximum(found, 0.0, out=found)


def name_of(text: str) -> str:
    """A question as a name of at most `LONGEST_NAME` characters: its first question, or sentence, whole if it can be."""
    line = " ".join(text.split())
    if len(line) <= LONGEST_NAME:
        return line
    sentences = [part for part in _SENTENCE.split(line) if _SHORTEST_NAME <= len(part) <= LONGEST_NAME]
    asking = [part for part in sentences if part.endswith("?")]
    if asking or sentences:
        return (asking or sentences)[0]
    cut = line[: LONGEST_NAME - 1]
    at_word = cut.rfind(" ")
    return f"{cut[: at_word if at_word > LONGEST_NAME // 2 else None].rstrip(' ,;:-')}…"
