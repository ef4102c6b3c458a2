"""The linear head: a multinomial logistic regression from a sentence's vector to articles.

Written on scipy's L-BFGS rather than scikit-learn's, because training fits it once for each hold-out round: single
precision products on centred vectors take a quarter of the time for the same answers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from kb_index.encoder import Vectors
from kb_index.index import Owners

FEWEST_EXAMPLES: Final = 3
"""Examples (title, variants and passages all count) that an article needs for a place in the head."""

STRENGTH: Final = 10.0
"""Weight of one example's loss against half the squared length of the weights (C in scikit-learn)."""

MOST_STEPS: Final = 80
"""Of the optimiser. On 10,000 questions 80 rank as well as 120 (0.916 right when held out), 40 a little worse."""


@dataclass(frozen=True, slots=True)
class LinearHead:
    """Logits for some articles: `weights` (a, dimension), `bias` (a,); `slots` (articles,) row of each or -1.

    An article without a row gets `offset + slope x similarity` of its best question: what the head says on average
    at that similarity, so that articles with few questions compete on equal terms.
    """

    weights: Vectors
    bias: NDArray[np.float32]
    slots: Owners
    offset: float = 0.0
    slope: float = 0.0

    def logits(self, query: Vectors, similarity: NDArray[np.float64]) -> NDArray[np.float64]:
        """Of all articles (articles,) for one query (dimension,) and the `similarity` of each article's best question."""
        own = (self.weights @ query + self.bias).astype(np.float64)
        return np.asarray(np.where(self.slots >= 0, own[self.slots], self.offset + self.slope * similarity))


def fit_head(vectors: Vectors, owners: Owners, articles: int) -> LinearHead | None:
    """Fit on rows (n, dimension) of known owners (n,); None where fewer than two articles have enough rows."""
    enough = np.flatnonzero(np.bincount(owners, minlength=articles) >= FEWEST_EXAMPLES)
    if len(enough) < 2:
        return None
    slots = np.full(articles, -1, dtype=np.int64)
    slots[enough] = np.arange(len(enough))
    rows = slots[owners] >= 0
    centre = vectors[rows].mean(axis=0)
    examples = vectors[rows] - centre
    target = slots[owners[rows]]
    lines = np.arange(len(target))
    shape = (len(enough), vectors.shape[1] + 1)

    def loss(flat: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        parameters = flat.reshape(shape).astype(np.float32)
        logits = examples @ parameters[:, :-1].T + parameters[:, -1]
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(axis=1)
        value = float((np.log(sums) - logits[lines, target]).sum(dtype=np.float64))
        powers /= sums[:, None]
        powers[lines, target] -= 1.0
        slope = np.empty(shape, dtype=np.float64)
        slope[:, :-1] = (powers.T @ examples) * STRENGTH + parameters[:, :-1]
        slope[:, -1] = powers.sum(axis=0, dtype=np.float64) * STRENGTH
        value = STRENGTH * value + 0.5 * float((parameters[:, :-1].astype(np.float64) ** 2).sum())
        return value, slope.ravel()

    options = {"maxiter": MOST_STEPS, "maxcor": 10, "ftol": 1e-6}
    fit = minimize(loss, np.zeros(shape[0] * shape[1]), jac=True, method="L-BFGS-B", options=options)
    parameters = fit.x.reshape(shape).astype(np.float32)
    weights = np.ascontiguousarray(parameters[:, :-1])
    return LinearHead(weights, parameters[:, -1] - weights @ centre, slots)
