"""What all texts share is taken out."""

from __future__ import annotations

import numpy as np
import pytest

from kb_index.centre import centre_of, centred
from kb_index.encoder import normalised


def test_what_is_common_to_all_tells_apart_no_more() -> None:
    random = np.random.default_rng(0)
    own = random.standard_normal((200, 32)).astype(np.float32)
    common = np.zeros(32, np.float32)
    common[0] = 12.0
    vectors = normalised(own + common)
    moved = centred(vectors, centre_of(vectors))
    assert np.linalg.norm(moved, axis=1) == pytest.approx(1.0, abs=1e-5)
    before, after = vectors @ vectors.T, moved @ moved.T
    apart = ~np.eye(200, dtype=bool)
    assert before[apart].mean() > 0.75
    assert after[apart].mean() < 0.6
    assert before[apart].std() < 0.7 * after[apart].std()
    assert np.diag(after) == pytest.approx(1.0, abs=1e-5)


def test_one_row_stays_what_it_is_and_none_has_no_centre() -> None:
    row = normalised(np.array([[3.0, 4.0]], dtype=np.float32))
    assert centred(row, centre_of(row)) == pytest.approx(row, abs=1e-6)
    assert centre_of(row[:0]).tolist() == [0.0, 0.0]


def test_a_zero_vector_stays_zero() -> None:
    vectors = np.array([[0.0, 0.0], [1.0, 0.0]], dtype=np.float32)
    assert centred(vectors, np.array([0.5, 0.1], np.float32))[0].tolist() == [0.0, 0.0]
