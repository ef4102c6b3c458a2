"""The linear head."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index.encoder import Vectors, normalised
from kb_index.head import fit_head
from kb_index.index import Owners


def clusters(counts: list[int], spread: float = 0.3) -> tuple[Vectors, Owners]:
    random = np.random.default_rng(3)
    centres = random.standard_normal((len(counts), 24))
    owners = np.repeat(np.arange(len(counts)), counts)
    noise = random.standard_normal((len(owners), 24))
    return normalised((centres[owners] + spread * noise).astype(np.float32)), owners


def test_it_tells_articles_apart() -> None:
    vectors, owners = clusters([10, 10, 10])
    head = fit_head(vectors, owners, 3)
    assert head is not None
    found = [int(head.logits(vector, np.zeros(3)).argmax()) for vector in vectors]
    assert found == owners.tolist()


def test_two_articles_are_enough_and_one_is_not() -> None:
    assert fit_head(*clusters([5, 5]), 2) is not None
    assert fit_head(*clusters([5]), 1) is None
    assert fit_head(*clusters([5, 2]), 2) is None
    assert fit_head(np.zeros((0, 24), np.float32), np.zeros(0, np.int64), 0) is None


def test_an_article_with_few_examples_gets_what_its_similarity_says() -> None:
    vectors, owners = clusters([5, 5, 1])
    fitted = fit_head(vectors, owners, 3)
    assert fitted is not None
    head = type(fitted)(fitted.weights, fitted.bias, fitted.slots, offset=-2.0, slope=10.0)
    assert head.logits(vectors[0], np.array([0.1, 0.2, 0.7]))[2] == pytest.approx(5.0)
    assert head.slots.tolist() == [0, 1, -1]


def test_the_same_rows_give_the_same_head() -> None:
    rows = clusters([6, 7, 8])
    one, two = fit_head(*rows, 3), fit_head(*rows, 3)
    assert one is not None
    assert two is not None
    assert np.array_equal(one.weights, two.weights)


def test_it_finds_the_optimum_of_the_regularised_likelihood() -> None:
    """At the optimum the gradient vanishes: C x X'(P - Y) + W = 0."""
    vectors, owners = clusters([12, 12, 12], spread=1.5)
    head = fit_head(vectors, owners, 3)
    assert head is not None
    logits = np.stack([head.logits(vector, np.zeros(3)) for vector in vectors])
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    residual = powers / powers.sum(axis=1, keepdims=True) - np.eye(3)[owners]
    gradient = 10.0 * residual.T @ (vectors - vectors.mean(axis=0)) + head.weights
    assert np.abs(gradient).max() < 0.05 * np.abs(head.weights).max()
