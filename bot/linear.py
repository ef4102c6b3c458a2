"""A linear classifier over sentence vectors that is stored as plain numbers.

Multinomial logistic regression: `p = softmax(W x + b)`. scikit-learn fits it; what is stored and what answers
are two arrays, so that a release holds no pickle and a turn costs one small matrix product.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

FORMAT: Final = 1


class HeadError(ValueError):
    """A stored head cannot be used. The message says why."""


@dataclass(frozen=True, slots=True)
class LinearHead:
    """`weights` has shape (classes, features), `bias` (classes,)."""

    labels: tuple[str, ...]
    weights: NDArray[np.float32]
    bias: NDArray[np.float32]

    def probabilities(self, features: NDArray[np.float32]) -> NDArray[np.float32]:
        """Class probabilities, shape (rows, classes), of `features`, shape (rows, features)."""
        logits = features @ self.weights.T + self.bias
        logits -= logits.max(axis=1, keepdims=True)
        odds = np.exp(logits)
        result: NDArray[np.float32] = odds / odds.sum(axis=1, keepdims=True)
        return result

    def save(self, path: Path) -> None:
        """Write the head as JSON (385 numbers a class with the bundled encoder)."""
        body = {
            "format": FORMAT,
            "labels": list(self.labels),
            "weights": [[round(float(w), 6) for w in row] for row in self.weights],
            "bias": [round(float(b), 6) for b in self.bias],
        }
        path.write_text(json.dumps(body), encoding="utf-8")

    @classmethod
    def load(cls, path: Path) -> LinearHead:
        """Read what `save` wrote. Raises `HeadError`."""
        try:
            body = json.loads(path.read_text(encoding="utf-8"))
            labels = tuple(str(label) for label in body["labels"])
            weights = np.asarray(body["weights"], dtype=np.float32)
            bias = np.asarray(body["bias"], dtype=np.float32)
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise HeadError(f"{path.name} cannot be read: {error}") from error
        if body.get("format") != FORMAT:
            raise HeadError(f"{path.name} has format {body.get('format')}, this version reads {FORMAT}")
        if weights.ndim != 2 or weights.shape[0] != len(labels) or bias.shape != (len(labels),):
            raise HeadError(f"{path.name} is damaged: its arrays do not fit its labels")
        return cls(labels, weights, bias)


def fit(
    features: NDArray[np.float32], labels: Sequence[str], *, strength: float, balanced: bool = True
) -> LinearHead:
    """Fit a head on `features`, shape (rows, features), one label a row.

    `strength` is the inverse of the L2 penalty (scikit-learn's C); `balanced` weighs each class by the inverse
    of its count. Raises `HeadError` with fewer than two classes.
    """
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - 1 s, for training alone

    classes = sorted(set(labels))
    if len(classes) < 2:
        raise HeadError("at least two classes are needed to learn from")
    model = LogisticRegression(
        C=strength, max_iter=2000, class_weight="balanced" if balanced else None, multi_class="multinomial"
    )
    model.fit(features, list(labels))
    weights = np.asarray(model.coef_, dtype=np.float32)
    bias = np.asarray(model.intercept_, dtype=np.float32)
    if len(classes) == 2:
        # scikit-learn keeps one row for two classes, whose logits are minus and plus half of a softmax's gap.
        weights = np.concatenate([-weights, weights])
        bias = np.concatenate([-bias, bias])
    return LinearHead(tuple(str(c) for c in model.classes_), weights, bias)
