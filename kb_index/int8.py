"""A transformer's matrix products in 8-bit integers: a quarter of the memory to read, which is what one question waits for.

The bundled model keeps its weights in 8 bits, but multiplies them in 32: for one question 42 MB are read and hardly
anything is computed. Here the products themselves are done in integers. Each token's row is scaled by itself (so a
vector does not depend on what else is in the batch), each column of the weights by itself, and the few coordinates
that layer normalisation lets grow far beyond the others stay in 32 bits: with them in the same row nothing would be
left of the rest (Dettmers et al. 2022, LLM.int8).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

Floats = NDArray[np.float32]
Feeds = Mapping[str, NDArray[Any]]

METHOD: Final = "int8-1"
"""Changes with whatever changes the vectors: an index must not meet another encoder's."""

EXACT_SHARE: Final = 24
"""Every 24th coordinate stays in 32 bits."""

FEWEST: Final = 128
"""Rows and columns of a weight matrix below which it is not worth it."""


@dataclass(frozen=True, slots=True)
class _Product:
    """`output` = `input` x `weights` (rows, columns)."""

    node: onnx.NodeProto
    input: str
    output: str
    weights: Floats


def computed_in_int8(model: onnx.ModelProto, probes: Sequence[Feeds]) -> onnx.ModelProto:
    """`model` with every product of activations and constant weights done in integers; it is changed in place.

    `probes` are inputs of some usual texts: they show which coordinates grow. Weights may be constants or, as in the bundled model, integers times a scale. A model without such products is
    left as it is.
    """
    graph = model.graph
    constants = {entry.name: entry for entry in graph.initializer}
    makers = {name: node for node in graph.node for name in node.output}
    products: dict[str, list[_Product]] = {}
    for product in _products(graph, constants, makers):
        products.setdefault(product.input, []).append(product)
    if not products:
        return model
    reach = _reach(model, list(products), probes)
    graph.initializer.extend(_constant(name, value) for name, value in _SHARED)
    first = {id(those[0].node): those for those in products.values()}
    replaced = {id(product.node) for those in products.values() for product in those}
    nodes: list[onnx.NodeProto] = []
    for node in graph.node:
        if id(node) in first:
            those = first[id(node)]
            farthest = np.argsort(-reach[those[0].input], kind="stable")
            exact = np.sort(farthest[: len(farthest) // EXACT_SHARE]).astype(np.int64)
            made, stored = _in_integers(those, exact)
            nodes += made
            graph.initializer.extend(stored)
        elif id(node) not in replaced:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
    _drop_unused(graph)
    return model


def _products(
    graph: onnx.GraphProto, constants: dict[str, onnx.TensorProto], makers: dict[str, onnx.NodeProto]
) -> Iterator[_Product]:
    for node in graph.node:
        if node.op_type == "MatMul":
            weights = _weights(node.input[1], constants, makers)
            if weights is not None and weights.ndim == 2 and min(weights.shape) >= FEWEST:
                yield _Product(node, node.input[0], node.output[0], weights)


def _weights(
    name: str, constants: dict[str, onnx.TensorProto], makers: dict[str, onnx.NodeProto]
) -> Floats | None:
    if name in constants:
        return np.asarray(numpy_helper.to_array(constants[name]), dtype=np.float32)
    times = makers.get(name)
    if times is None or times.op_type != "Mul" or times.input[1] not in constants:
        return None
    cast = makers.get(times.input[0])
    if cast is None or cast.op_type != "Cast" or cast.input[0] not in constants:
        return None
    whole = numpy_helper.to_array(constants[cast.input[0]]).astype(np.float32)
    return np.asarray(whole * numpy_helper.to_array(constants[times.input[1]]), dtype=np.float32)


def _reach(model: onnx.ModelProto, names: Sequence[str], probes: Sequence[Feeds]) -> dict[str, Floats]:
    """The largest value of each coordinate of the named activations over all tokens of `probes`, in units of its row."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    known = {entry.name for entry in watched.graph.output}
    watched.graph.output.extend(
        helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in names if name not in known
    )
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        watched.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    reach: dict[str, Floats] = {}
    for feeds in probes:
        for name, values in zip(names, session.run(list(names), dict(feeds)), strict=True):
            rows = np.abs(values.reshape(-1, values.shape[-1]))
            rows = rows / np.maximum(rows.mean(axis=1, keepdims=True), 1e-10)
            reach[name] = np.maximum(reach.get(name, 0.0), rows.max(axis=0))
    return reach


_SHARED: Final = (
    ("int8_steps", np.array(127.0, np.float32)),
    ("int8_middle", np.array(128.0, np.float32)),
    ("int8_zero", np.array(128, np.uint8)),
    ("int8_least", np.array(1e-10, np.float32)),
)


def _in_integers(
    products: Sequence[_Product], exact: NDArray[np.int64]
) -> tuple[list[onnx.NodeProto], list[onnx.TensorProto]]:
    """Nodes and constants that compute `products` of one input together."""
    given = products[0].input
    name = f"int8_{products[0].output}"
    weights = np.hstack([product.weights for product in products])
    stored: list[onnx.TensorProto] = []
    nodes: list[onnx.NodeProto] = []

    def constant(what: str, value: NDArray[np.generic]) -> str:
        stored.append(_constant(f"{name}_{what}", value))
        return f"{name}_{what}"

    def node(kind: str, inputs: Sequence[str], what: str, **options: Any) -> str:
        nodes.append(helper.make_node(kind, list(inputs), [f"{name}_{what}"], **options))
        return f"{name}_{what}"

    kept = np.ones(weights.shape[0], dtype=np.float32)
    kept[exact] = 0.0
    rows = node("Mul", (given, constant("kept", kept)), "rows")
    largest = node("ReduceMax", (node("Abs", (rows,), "size"),), "reach", axes=[-1], keepdims=1)
    largest = node("Max", (largest, "int8_least"), "largest")
    scaled = node("Mul", (rows, node("Div", ("int8_steps", largest), "inverse")), "scaled")
    shifted = node("Add", (node("Round", (scaled,), "rounded"), "int8_middle"), "shifted")
    unsigned = node("Cast", (shifted,), "unsigned", to=TensorProto.UINT8)
    column_scale = np.maximum(np.abs(weights).max(axis=0, keepdims=True) / 127.0, 1e-12)
    whole = np.rint(weights / column_scale).astype(np.int8)
    total = node("MatMulInteger", (unsigned, constant("weights", whole), "int8_zero"), "integers")
    back = node("Mul", (node("Cast", (total,), "floats", to=TensorProto.FLOAT), largest), "by_row")
    result = node("Mul", (back, constant("scale", (column_scale / 127.0).astype(np.float32))), "by_column")
    few = node("Gather", (given, constant("exact", exact)), "few", axis=-1)
    part = node("MatMul", (few, constant("exact_weights", np.ascontiguousarray(weights[exact]))), "part")
    result = node("Add", (result, part), "whole")
    outputs = [product.output for product in products]
    if len(products) == 1:
        nodes.append(helper.make_node("Identity", [result], outputs))
    else:
        sizes = constant("sizes", np.array([p.weights.shape[1] for p in products], dtype=np.int64))
        nodes.append(helper.make_node("Split", [result, sizes], outputs, axis=-1))
    return nodes, stored


def _constant(name: str, value: NDArray[np.generic]) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def _drop_unused(graph: onnx.GraphProto) -> None:
    """Take out what nobody reads any more: the weights as they were, and what made them."""
    outputs = {entry.name for entry in graph.output}
    while True:
        read = outputs | {name for node in graph.node for name in node.input}
        kept = [node for node in graph.node if any(name in read for name in node.output)]
        if len(kept) == len(graph.node):
            break
        del graph.node[:]
        graph.node.extend(kept)
    stored = [entry for entry in graph.initializer if entry.name in read]
    del graph.initializer[:]
    graph.initializer.extend(stored)
