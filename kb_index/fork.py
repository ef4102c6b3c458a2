"""The bundled encoder cut after its lower layers: from there one end is the untouched one, the other a tuned one.

Fine-tuning changes only the layers above `SHARED`; embeddings and lower layers are those of the bundled model, number for
number. So their output is computed once for both ends, while training (no gradient goes below) and while serving (a tuned
vector costs the upper layers alone, and the general one stays bit for bit what it was).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import helper

from kb_index.encoder import BUNDLED, BUNDLED_FINGERPRINT, EncoderError, OnnxEncoder, Vectors, bundled_files

SHARED: Final = 3
"""Lower layers of six that are not tuned."""

LONGEST: Final = 64
"""Tokens of a text that fine-tuning looks at: 98 % of customers' questions are shorter, and memory is bounded."""

_STATES: Final = "shared_states"
TAIL_INPUTS: Final = ("states", "attention_mask")
TAIL_OUTPUT: Final = "tuned"

States = NDArray[np.float16]


def lower_graph() -> onnx.ModelProto:
    """The bundled model with a second output, the states after `SHARED` layers (batch, tokens, dimension)."""
    model = onnx.load(str(bundled_files()[0]))
    weight = f"encoder.layer.{SHARED - 1}.output.LayerNorm.weight"
    found = [
        node
        for node in model.graph.node
        if node.op_type == "LayerNormalization" and node.input[1].endswith(weight)
    ]
    if len(found) != 1:
        raise EncoderError(f"The bundled encoder has no layer {SHARED}; reinstall the bot's environment.")
    width = model.graph.output[0].type.tensor_type.shape.dim[-1].dim_value
    model.graph.node.append(helper.make_node("Identity", [found[0].output[0]], [_STATES]))
    model.graph.output.append(
        helper.make_tensor_value_info(_STATES, onnx.TensorProto.FLOAT, ["batch", "sequence", width])
    )
    return model


class LowerLayers:
    """States of texts after the shared layers, for training the layers above them."""

    def __init__(self, *, threads: int = 1) -> None:
        tokenizer = bundled_files()[1]
        self._encoder = OnnxEncoder(
            lower_graph(),
            tokenizer,
            name=BUNDLED,
            fingerprint=BUNDLED_FINGERPRINT,
            threads=threads,
            longest=LONGEST,
        )

    def states(self, texts: Sequence[str]) -> list[States]:
        """Of each text (tokens, dimension), in half precision: 12 kB for a question of 16 tokens."""
        found: list[States | None] = [None] * len(texts)
        for batch, outputs, mask in self._encoder.run(texts):
            for line, position in enumerate(batch):
                found[position] = outputs[1][line, : int(mask[line].sum())].astype(np.float16)
        return [states for states in found if states is not None]


class ForkedEncoder(OnnxEncoder):
    """Both ends together: a vector is the general one and the tuned one side by side, each weighed by `tuned_share`.

    The inner product of two such vectors is the weighed mean of the two cosines, and a linear head on them chooses for
    itself.
    """

    def __init__(
        self, tail: Path, *, name: str, fingerprint: str, tuned_share: float, threads: int = 1
    ) -> None:
        super().__init__(
            lower_graph(),
            bundled_files()[1],
            name=name,
            fingerprint=fingerprint,
            threads=threads,
        )
        self._tail = Tail(tail, threads=threads)
        self._general = self._dimension
        self._dimension *= 2
        self._tuned_share = tuned_share

    @property
    def general(self) -> int:
        return self._general

    def _pooled(self, outputs: list[Any], mask: NDArray[np.int64]) -> Vectors:
        general = super()._pooled(outputs, mask)
        lengths = np.maximum(np.linalg.norm(general, axis=1, keepdims=True), 1e-12)
        tuned = self._tail.run(outputs[1], mask)
        share = np.float32(self._tuned_share)
        return np.hstack([general / lengths * np.sqrt(1 - share), tuned * np.sqrt(share)])


class Tail:
    """A tuned end, run by itself. `model` is its file or its bytes; raises what onnxruntime raises."""

    def __init__(self, model: Path | bytes, *, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(
            model if isinstance(model, bytes) else str(model), options, providers=["CPUExecutionProvider"]
        )

    def run(self, states: NDArray[np.float32], mask: NDArray[np.int64]) -> Vectors:
        """Vectors (batch, dimension) of length 1 from states (batch, tokens, dimension), where `mask` (batch, tokens) is 1."""
        found: Vectors = self._session.run(None, dict(zip(TAIL_INPUTS, (states, mask), strict=True)))[0]
        return found

    def vectors(self, texts: Iterable[States]) -> Vectors:
        """The same of each text's states by themselves."""
        return np.vstack([self._session.run(None, tail_feeds(states))[0] for states in texts])


def tail_feeds(states: States) -> dict[str, NDArray[Any]]:
    """A tail's inputs for one text."""
    mask = np.ones((1, len(states)), dtype=np.int64)
    return dict(zip(TAIL_INPUTS, (states[None].astype(np.float32), mask), strict=True))
