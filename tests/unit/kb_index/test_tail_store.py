"""The folder of a tuned encoder: int8 weights that prove themselves, and every way in which it can be damaged."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from kb_index import tail_store
from kb_index.encoder import Encoder, EncoderError, Vectors, file_digest
from kb_index.finetune import Lesson, fine_tune
from kb_index.fork import LowerLayers, States, Tail
from kb_index.tail_store import RECORD, TAIL, in_int8, load_tuned, save_tail

TEXTS = ["Where is my parcel?", "Where is my refund?", "my voucher does not work", "I cannot log in", "ok"]


def vectors_of(model: onnx.ModelProto, states: list[States]) -> Vectors:
    return Tail(model.SerializeToString()).vectors(states)


@pytest.fixture(scope="module")
def states() -> list[States]:
    return LowerLayers().states(TEXTS)


@pytest.fixture(scope="module")
def tail(bundled: Encoder, states: list[States]) -> onnx.ModelProto:
    lesson = Lesson(states, bundled.encode(TEXTS), np.array([0, 0, 1, 1, 1]), epochs=2)
    return fine_tune(lesson, deadline=float("inf"), threads=1, progress=lambda _done, _total: None)


@pytest.fixture
def folder(tail: onnx.ModelProto, states: list[States], tmp_path: Path) -> Path:
    save_tail(tmp_path / "encoder", tail, tuned_share=0.5, sample=states)
    return tmp_path / "encoder"


def test_int8_is_a_quarter_and_nearly_as_good(
    folder: Path, tail: onnx.ModelProto, states: list[States]
) -> None:
    record = json.loads((folder / RECORD).read_text())
    assert record["weights"] == "int8"
    assert record["fidelity"] >= tail_store.LEAST_FIDELITY
    assert (folder / TAIL).stat().st_size < 0.35 * len(tail.SerializeToString())
    stored = onnx.load(str(folder / TAIL))
    likeness = (vectors_of(stored, states) * vectors_of(tail, states)).sum(axis=1)
    assert likeness.min() == pytest.approx(record["fidelity"], abs=1e-5)


def test_what_is_loaded_gives_what_was_saved(
    folder: Path, tail: onnx.ModelProto, states: list[States]
) -> None:
    encoder = load_tuned(folder)
    tuned = encoder.encode(TEXTS)[:, 384:] * np.sqrt(2.0)
    assert (tuned * vectors_of(tail, states)).sum(axis=1).min() >= 0.998
    assert load_tuned(folder).fingerprint == encoder.fingerprint


def test_weights_that_lose_too_much_are_kept_whole(
    tail: onnx.ModelProto, states: list[States], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def coarse(model: onnx.ModelProto, sample: list[States]) -> onnx.ModelProto:
        small = in_int8(model, sample)
        for entry in small.graph.initializer:
            if entry.name.endswith("_weights") and entry.data_type == onnx.TensorProto.INT8:
                numbers = numpy_helper.to_array(entry) // 64 * 64
                entry.CopyFrom(numpy_helper.from_array(numbers.astype(np.int8), entry.name))
        return small

    monkeypatch.setattr(tail_store, "in_int8", coarse)
    record = save_tail(tmp_path, tail, tuned_share=0.5, sample=states)
    assert record["weights"] == "float32"
    assert record["fidelity"] < tail_store.LEAST_FIDELITY
    assert load_tuned(tmp_path).encode(TEXTS).shape == (len(TEXTS), 768)


def changed(**values: object) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        record = json.loads((folder / RECORD).read_text())
        (folder / RECORD).write_text(json.dumps({**record, **values}))

    return change


def with_another_tail(data: bytes) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        (folder / TAIL).write_bytes(data)
        changed(tail_sha256=file_digest(folder / TAIL))(folder)

    return change


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda folder: (folder / RECORD).unlink(), "encoder.json is missing"),
        (lambda folder: (folder / RECORD).write_text("{"), "encoder.json is not valid JSON"),
        (lambda folder: (folder / RECORD).write_text("[]"), "encoder.json has not the format"),
        (changed(format=99), "has not the format"),
        (changed(tuned_share=1.5), "share of the tuned half"),
        (changed(tuned_share=None), "share of the tuned half"),
        (changed(base=None), "does not say what it belongs to"),
        (lambda folder: (folder / TAIL).unlink(), "tail.onnx is missing"),
        (lambda folder: (folder / TAIL).write_bytes(b"x"), "tail.onnx has changed"),
        (with_another_tail(b"no model"), "tail.onnx cannot be read"),
        (changed(base="0" * 64), "another version of the bundled one"),
    ],
)
def test_a_damaged_folder_says_what_to_do(folder: Path, damage: Callable[[Path], None], told: str) -> None:
    damage(folder)
    with pytest.raises(EncoderError, match=told) as error:
        load_tuned(folder)
    assert "rain again" in str(error.value)
    shutil.rmtree(folder)
