"""A tuned encoder on disk: its upper layers in int8, and what they belong to.

    encoder.json   format, base encoder's fingerprint, share of the tuned half, fidelity, sha256 of the file below
    tail.onnx      the tuned layers, pooling and normalisation inside; 6 MB

The lower layers are the bundled model's and are not copied: the fingerprint of the base stands for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx

from kb_index.encoder import BUNDLED_FINGERPRINT, EncoderError, file_digest
from kb_index.fork import ForkedEncoder, States, Tail, tail_feeds
from kb_index.int8 import computed_in_int8

FORMAT: Final = 1
RECORD: Final = "encoder.json"
TAIL: Final = "tail.onnx"
NAME: Final = "bundled, fine-tuned"

SHOWN: Final = 16
"""Texts of the sample that show which coordinates grow far beyond the others."""

LEAST_FIDELITY: Final = 0.995
"""Cosine between vectors of int8 and of single precision, the worst of a sample; below, single precision is kept."""


def save_tail(
    folder: Path, tail: onnx.ModelProto, *, tuned_share: float, sample: list[States]
) -> dict[str, Any]:
    """Write the folder and return its record. `sample`: texts' states on which int8 must prove itself.

    `tuned_share` as in `ForkedEncoder`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    small = in_int8(tail, sample)
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
        return ForkedEncoder(
            folder / TAIL, name=NAME, fingerprint=_fingerprint(record), tuned_share=share, threads=threads
        )
    except EncoderError:
        raise
    except Exception as error:  # onnxruntime raises exceptions of its own
        raise _damaged(TAIL, f"cannot be read: {error}") from error


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


def in_int8(model: onnx.ModelProto, sample: Sequence[States]) -> onnx.ModelProto:
    """A copy of `model` computed as the layers below are (`kb_index.int8`); `sample` shows which coordinates grow.

    `quantize_dynamic` takes two thirds of the time, but one scale for a whole batch: a vector would depend on who else is
    waiting (cosine 0.996), and even alone it is 0.998 instead of 0.9998 of the single precision one.
    """
    small = onnx.ModelProto()
    small.CopyFrom(model)
    return computed_in_int8(small, [tail_feeds(states) for states in sample[:SHOWN]])


def _likeness(one: onnx.ModelProto, other: onnx.ModelProto, sample: list[States]) -> float:
    """The least cosine between the two models' vectors of the sample; 0 where one gives no number."""
    found = [Tail(model.SerializeToString()).vectors(sample) for model in (one, other)]
    least = float((found[0] * found[1]).sum(axis=1).min()) if sample else 1.0
    return least if np.isfinite(least) else 0.0


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
