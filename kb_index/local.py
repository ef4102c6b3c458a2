"""What the texts near a question say together: kernel ridge regression on its nearest rows alone.

The nearest row alone decides by one text, and a linear classifier learns one direction for each article from all of its
texts. In between, the rows near a question are interpolated: each tells its article, and what it says counts less where
many like it say the same (Zhang et al. 2006, SVM-KNN, with ridge regression in the place of the SVM, so that the solution
is one small system). On 10,003 questions of 77 articles the nearest row is right in 0.906, a logistic regression in
0.917, this in 0.926, as exact regression on all rows is. Nothing is trained: an article that is added counts at once.
"""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import lapack

from kb_index.encoder import Vectors
from kb_index.index import Owners

Floats = NDArray[np.float64]

ROWS: Final = 128
"""Rows that are interpolated, 0.2 ms. 64 find as often and tell unknown questions apart a little less well."""

WIDTH: Final = 1.0
"""The kernel is exp(-WIDTH x squared distance): 0.37 at a cosine of 0.5."""

NOISE: Final = 0.2
"""How much less than everything one row is believed, as a variance beside the kernel's 1."""

FLOOR: Final = 0.05
"""Of a share before its logarithm: an article of which nothing is near gets `log(FLOOR)`, -3."""


def interpolate(similarities: NDArray[np.float32], vectors: Vectors, owners: Owners, articles: int) -> Floats:
    """How far each article is the answer, about 0 to 1, shape (articles,), from rows (k, dimension) of length 1.

    `similarities` (k,) are their cosines with the question, `owners` (k,) their articles. Zeros where k is 0.
    """
    if not len(owners):
        return np.zeros(articles)
    kernel = vectors @ vectors.T
    kernel -= 1.0
    np.exp(2.0 * WIDTH * kernel, out=kernel)
    kernel[np.diag_indices(len(kernel))] = 1.0 + NOISE
    near = np.exp(2.0 * WIDTH * (similarities - 1.0))
    _factor, weights, failed = lapack.sposv(kernel, near)
    if failed:  # rounding alone cannot do it: the smallest eigenvalue is NOISE
        weights = np.linalg.lstsq(kernel, near, rcond=None)[0]
    return np.asarray(np.bincount(owners, weights=weights.ravel(), minlength=articles), dtype=np.float64)
