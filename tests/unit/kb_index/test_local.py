"""Interpolation of the rows near a question."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index.encoder import normalised
from kb_index.local import NOISE, interpolate


def test_it_solves_ridge_regression_on_one_hot_articles() -> None:
    random = np.random.default_rng(0)
    rows = normalised(random.standard_normal((30, 6)).astype(np.float32))
    query = normalised(random.standard_normal((1, 6)).astype(np.float32))[0]
    owners = np.arange(30) % 5
    kernel = np.exp(-((rows[:, None] - rows[None]) ** 2).sum(axis=2)) + NOISE * np.eye(30)
    near = np.exp(-((rows - query) ** 2).sum(axis=1))
    expected = near @ np.linalg.solve(kernel, np.eye(5)[owners])
    assert interpolate(rows @ query, rows, owners, 5) == pytest.approx(expected, abs=1e-4)


def test_many_copies_of_one_text_do_not_outvote_others() -> None:
    """A nearest-neighbour vote would be ten to two."""
    same, other = np.array([[0.8, 0.6, 0.0]] * 10), np.array([[0.8, -0.6, 0.0], [0.8, 0.0, 0.6]])
    rows = np.vstack([same, other]).astype(np.float32)
    found = interpolate(rows @ np.array([1.0, 0.0, 0.0], np.float32), rows, np.array([0] * 10 + [1, 1]), 2)
    assert found[1] > found[0]


def test_far_rows_say_little_and_none_nothing() -> None:
    row = np.array([[1.0, 0.0]], dtype=np.float32)
    near, far = (interpolate(np.array([c], np.float32), row, np.array([0]), 1)[0] for c in (1.0, 0.0))
    assert near == pytest.approx(1.0 / (1.0 + NOISE), abs=1e-3)
    assert far < 0.2
    assert interpolate(np.zeros(0, np.float32), row[:0], np.zeros(0, np.int64), 3).tolist() == [0.0] * 3


def test_equal_rows_of_two_articles_share() -> None:
    row = np.array([[0.6, 0.8]] * 2, dtype=np.float32)
    found = interpolate(np.array([0.9, 0.9], np.float32), row, np.array([0, 1]), 2)
    assert found[0] == pytest.approx(found[1])
