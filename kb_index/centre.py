"""What all texts of a content have in common, taken out of their vectors.

Articles of one site share a field, and their vectors a direction that tells none of them apart: in it even unrelated
texts look alike. Half of the mean is taken off (all of it is "all-but-the-top", Mu and Viswanath 2018). Without
variants, questions of articles that are there and that are not were so told apart with an AUROC of 0.743 instead of 0.714
on the demo and 0.967 instead of 0.963 on 40 titles with paraphrases; with variants nothing changes.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from kb_index.encoder import Vectors, normalised

SHARE: Final = 0.5
"""Of the mean. All of it tells unknown questions apart a little better, and the nearest article a little worse."""


def centre_of(vectors: Vectors) -> Vectors:
    """What to take from every vector, shape (dimension,): of rows (n, dimension); zeros where n is 0."""
    if not len(vectors):
        return np.zeros(vectors.shape[1], dtype=np.float32)
    return np.asarray(SHARE * vectors.mean(axis=0), dtype=np.float32)


def centred(vectors: Vectors, centre: Vectors) -> Vectors:
    """Rows (n, dimension) less `centre`, of length 1 again; a row that is zero stays so."""
    moved = np.where(vectors.any(axis=1, keepdims=True), vectors - centre, 0.0)
    return normalised(np.asarray(moved, dtype=np.float32))
