"""Questions like those that somebody has settled: said to be no business of the articles, and not worth asking again. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from kb_index.encoder import Vectors

OUT_OF_SCOPE: Final = "out_of_scope"

SAME_QUESTION: Final = 0.86
"""Cosine from which a question is taken for one that was settled. Where topics lie as near each other as they can, in
one bank's 77 with 8 of them settled by 8 questions each, 95 of 100 that it takes are of a settled topic (0.8: 86, 0.9: 97), and a
quarter of these topics' questions are taken. What it lets through is looked at by a person, as before."""

_BLOCK: Final = 2_048


@dataclass(frozen=True, slots=True)
class LikeSettled:
    """`row` is the question's, `exemplar` the nearest settled one's position, `score` their cosine."""

    row: int
    exemplar: int
    score: float


def like_settled(
    vectors: Vectors, exemplars: Vectors, settled: Sequence[str], *, at_least: float = SAME_QUESTION
) -> list[LikeSettled]:
    """The rows of `vectors` (n, dimension) whose nearest of `exemplars` (m, dimension) is near enough and was settled (m,)
    as out of scope. One that was settled otherwise and is nearer says that such questions are worth a look.
    """
    if not len(exemplars):
        return []
    found = []
    for start in range(0, len(vectors), _BLOCK):
        scores = vectors[start : start + _BLOCK] @ exemplars.T
        best = scores.argmax(axis=1)
        for line in np.flatnonzero(scores[np.arange(len(scores)), best] >= at_least):
            exemplar = int(best[line])
            if settled[exemplar] == OUT_OF_SCOPE:
                found.append(LikeSettled(start + int(line), exemplar, float(scores[line, exemplar])))
    return found
