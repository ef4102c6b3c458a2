"""The bundled encoder cut in two: what is shared stays as it was, what is tuned comes beside it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb_index.encoder import Encoder, general_part
from kb_index.finetune import Lesson, fine_tune
from kb_index.fork import LONGEST, ForkedEncoder, LowerLayers
from kb_index.tail_store import load_tuned, save_tail


def repr_short(text: str) -> str:
    return ascii(text[:10])


TEXTS = ["Where is my parcel?", "I want my money back", "ok", "word " * 300, "¿Dónde está mi pedido? 📦"]


def test_states_are_those_of_each_text_without_padding() -> None:
    lower = LowerLayers()
    together = lower.states(TEXTS)
    assert [states.shape[1] for states in together] == [384] * len(TEXTS)
    assert len(together[3]) == LONGEST, "a long text is cut"
    assert len(together[2]) == 3, "one word between the two marks that the tokenizer adds"
    alone = lower.states(TEXTS[:1])[0]
    np.testing.assert_allclose(together[0].astype(float), alone.astype(float), atol=5e-3)
    assert lower.states([]) == []


@pytest.fixture(scope="module")
def untrained(bundled: Encoder, tmp_path_factory: pytest.TempPathFactory) -> ForkedEncoder:
    """A tail that has learnt nothing: no step is taken, so both ends are the same model."""
    folder = tmp_path_factory.mktemp("untrained")
    lesson = Lesson(LowerLayers().states(TEXTS), bundled.encode(TEXTS), np.arange(len(TEXTS)), epochs=0)
    tail = fine_tune(lesson, deadline=float("inf"), threads=1, progress=lambda _done, _total: None)
    save_tail(folder, tail, tuned_share=0.5, sample=lesson.states)  # type: ignore[arg-type]
    return load_tuned(folder)


def test_the_general_part_is_what_the_bundled_encoder_gives(
    bundled: Encoder, untrained: ForkedEncoder
) -> None:
    vectors = untrained.encode(TEXTS)
    assert vectors.shape == (len(TEXTS), 768)
    assert (untrained.dimension, untrained.general) == (768, 384)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(general_part(vectors, untrained), bundled.encode(TEXTS), atol=1e-6)


def test_a_tail_that_learnt_nothing_says_the_same_again(untrained: ForkedEncoder) -> None:
    vectors = untrained.encode(TEXTS)
    halves = vectors[:, :384], vectors[:, 384:]
    # Each half has half of the squared length; two kinds of int8 lie between them.
    assert (2.0 * (halves[0] * halves[1]).sum(axis=1)).min() >= 0.99


def test_a_vector_does_not_depend_on_what_shares_its_batch(untrained: ForkedEncoder) -> None:
    together = untrained.encode(TEXTS)
    for text, vector in zip(TEXTS, together, strict=True):
        np.testing.assert_allclose(untrained.encode([text])[0], vector, atol=2e-3)
        assert (untrained.encode([text])[0] * vector).sum() > 0.9999


def test_it_is_another_encoder(bundled: Encoder, untrained: ForkedEncoder) -> None:
    assert untrained.fingerprint != bundled.fingerprint
    assert untrained.encode([]).shape == (0, 768)


@pytest.mark.parametrize("text", ["", " ", "\n", "\ud800", "\x00", "😀", "a" * 5000], ids=repr_short)
def test_odd_texts_have_a_vector_of_length_one(untrained: ForkedEncoder, text: str) -> None:
    vector = untrained.encode([text])[0]
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_an_untuned_vector_is_general_as_a_whole(bundled: Encoder) -> None:
    vectors = bundled.encode(TEXTS)
    assert general_part(vectors, bundled) is vectors
    assert bundled.general == bundled.dimension == 384


def test_the_folder_is_needed(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"encoder\.json is missing"):
        load_tuned(tmp_path / "nothing")
