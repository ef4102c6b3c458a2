"""A tuned encoder on disk: its upper layers with int8 weights, and what they belong to.

    encoder.json   format, base encoder's fingerprint, share of the tuned half, fidelity, sha256 of the file below
    tail.onnx      the tuned layers, pooling and normalisation inside; 5 MB

The lower layers are the bundled model's and are not copied: the fingerprint of the base stands for them.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

from kb_index.encoder import BUNDLED_FINGERPRINT, EncoderError, bundled_files, file_digest
from kb_index.fork import TAIL_INPUTS, ForkedEncoder, States, joined

FORMAT: Final = 1
RECORD: Final = "encoder.json"
TAIL: Final = "tail.onnx"
NAME: Final = "bundled, fine-tuned"

LEAST_FIDELITY: Final = 0.999
"""Cosine between vectors of int8 and of full weights, the worst of a sample; below, full weights are kept."""


def save_tail(
    folder: Path, tail: onnx.ModelProto, *, tuned_share: float, sample: list[States]
) -> dict[str, Any]:
    """Write the folder and return its record. `sample`: texts' states on which int8 weights must prove themselves.

    `tuned_share` as in `ForkedEncoder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    small = with_int8_weights(tail)
    fidelity = _likeness(tail, small, sample)
    good = fidelity >= LEAST_FIDELITY
    onnx.save(small if good else tail, str(folder / TAIL))
    digest = file_digest(folder / TAIL)
    record = {
        "format": FORMAT,
        "base": BUNDLED_FINGERPRINT,
        "tuned_share": tuned_share,
        "weights": "int8" if good else "float32",
        "fidelity": round(fidelity, 5),
        "tail_sha256": digest,
    }
    (folder / RECORD).write_text(json.dumps(record, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    return record


def load_tuned(folder: Path, *, threads: int = 1) -> ForkedEncoder:
    """The encoder that `save_tail` wrote. Raises `EncoderError`: damaged, or made for another base encoder."""
    record = _checked(folder)
    share = float(record["tuned_share"])
    try:
        model = joined(onnx.load(str(folder / TAIL))).SerializeToString()
    except Exception as error:  # protobuf and the checker raise exceptions of their own
        raise _damaged(TAIL, f"cannot be read: {error}") from error
    return ForkedEncoder(
        model,
        bundled_files()[1],
        name=NAME,
        fingerprint=_fingerprint(record),
        tuned_share=share,
        threads=threads,
    )


def fingerprint_of(folder: Path) -> str:
    """The fingerprint that `load_tuned` would give, its files checked but not loaded. Raises `EncoderError`."""
    return _fingerprint(_checked(folder))


def _fingerprint(record: dict[str, Any]) -> str:
    key = f"{record['base']}\n{record['tail_sha256']}\n{record['tuned_share']!r}"
    return hashlib.sha256(key.encode()).hexdigest()


def _checked(folder: Path) -> dict[str, Any]:
    record = _read_record(folder)
    tail = folder / TAIL
    if not tail.is_file():
        raise _damaged(TAIL, "is missing")
    if file_digest(tail) != record["tail_sha256"]:
        raise _damaged(TAIL, "has changed since it was made")
    if record["base"] != BUNDLED_FINGERPRINT:
        raise EncoderError(
            "The release's encoder was fine-tuned from another version of the bundled one. Train again "
            "(baton train --publish)."
        )
    return record


def with_int8_weights(model: onnx.ModelProto) -> onnx.ModelProto:
    """`model` with each matrix as int8 and one scale for each output; products are computed in single precision.

    As the bundled encoder is stored. Weights alone lose next to nothing (cosine 0.9999); activations in int8 as well
    lose what fine-tuning gained between two like articles.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    graph = small.graph
    matrices = {node.input[1] for node in graph.node if node.op_type == "MatMul"}
    added = []
    for entry in list(graph.initializer):
        if entry.name not in matrices or len(entry.dims) != 2:
            continue
        weights = numpy_helper.to_array(entry)
        scale = np.maximum(np.abs(weights).max(axis=0, keepdims=True), 1e-12) / 127.0
        numbers = np.clip(np.rint(weights / scale), -127, 127).astype(np.int8)
        graph.initializer.remove(entry)
        graph.initializer.append(numpy_helper.from_array(numbers, entry.name + "_int8"))
        graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), entry.name + "_scale"))
        added.append(
            helper.make_node(
                "Cast", [entry.name + "_int8"], [entry.name + "_cast"], to=onnx.TensorProto.FLOAT
            )
        )
        added.append(helper.make_node("Mul", [entry.name + "_cast", entry.name + "_scale"], [entry.name]))
    nodes = [*added, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)
    return small


def _likeness(one: onnx.ModelProto, other: onnx.ModelProto, sample: list[States]) -> float:
    """The least cosine between the two models' vectors of the sample; 0 where one gives no number."""
    found = [_vectors(model, sample) for model in (one, other)]
    least = float((found[0] * found[1]).sum(axis=1).min()) if sample else 1.0
    return least if np.isfinite(least) else 0.0


def _vectors(model: onnx.ModelProto, sample: list[States]) -> np.ndarray[Any, np.dtype[np.float32]]:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    rows = []
    for states in sample:
        mask = np.ones((1, len(states)), dtype=np.int64)
        feeds = dict(zip(TAIL_INPUTS, (states[None].astype(np.float32), mask), strict=True))
        rows.append(session.run(None, feeds)[0][0])
    return np.asarray(rows, dtype=np.float32)


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / RECORD).read_bytes())
    except FileNotFoundError:
        raise _damaged(RECORD, "is missing") from None
    except ValueError:
        raise _damaged(RECORD, "is not valid JSON") from None
    if not isinstance(record, dict) or record.get("format") != FORMAT:
        raise _damaged(RECORD, f"has not the format {FORMAT}")
    share = record.get("tuned_share")
    if not isinstance(share, float) or not 0.0 < share < 1.0:
        raise _damaged(RECORD, "has no share of the tuned half between 0 and 1")
    if not isinstance(record.get("base"), str) or not isinstance(record.get("tail_sha256"), str):
        raise _damaged(RECORD, "does not say what it belongs to")
    return record


def _damaged(name: str, problem: str) -> EncoderError:
    return EncoderError(
        f"The release's fine-tuned encoder is damaged: {name} {problem}. Publish another release, or train again "
        "(baton train)."
    )
