"""Products in integers: near those in floating point, each row by itself, nothing else touched."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from kb_index.int8 import computed_in_int8

WIDTH, COLUMNS = 256, 192
Floats = NDArray[np.float32]


def rows(count: int, seed: int) -> Floats:
    """Rows in which two coordinates are far larger than the others, as layer normalisation leaves them."""
    made = np.random.default_rng(seed).standard_normal((1, count, WIDTH)).astype(np.float32)
    made[..., [7, 99]] *= 40.0
    return made


def model(
    weights: list[onnx.TensorProto], nodes: list[onnx.NodeProto], outputs: list[str]
) -> onnx.ModelProto:
    graph = helper.make_graph(
        nodes,
        "g",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["batch", "tokens", WIDTH])],
        [
            helper.make_tensor_value_info(name, TensorProto.FLOAT, ["batch", "tokens", None])
            for name in outputs
        ],
        weights,
    )
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    made.ir_version = 8
    return made


def run(made: onnx.ModelProto, values: Floats) -> list[Floats]:
    onnx.checker.check_model(made)
    session = onnxruntime.InferenceSession(made.SerializeToString(), providers=["CPUExecutionProvider"])
    return list(session.run(None, {"x": values}))


def weights_of(name: str, seed: int, columns: int = COLUMNS) -> onnx.TensorProto:
    made = np.random.default_rng(seed).standard_normal((WIDTH, columns)).astype(np.float32)
    return numpy_helper.from_array(made, name)


def kinds(made: onnx.ModelProto) -> list[str]:
    return [node.op_type for node in made.graph.node]


def cosines(ours: Floats, theirs: Floats) -> Floats:
    return np.asarray(
        (ours * theirs).sum(-1) / np.linalg.norm(ours, axis=-1) / np.linalg.norm(theirs, axis=-1)
    )


@pytest.fixture
def two() -> onnx.ModelProto:
    """Two products of the same input, as queries and keys are."""
    return model(
        [weights_of("w", 1), weights_of("v", 2, 320)],
        [helper.make_node("MatMul", ["x", "w"], ["y"]), helper.make_node("MatMul", ["x", "v"], ["z"])],
        ["y", "z"],
    )


def test_products_of_one_input_are_done_together_and_nearly_right(two: onnx.ModelProto) -> None:
    values = rows(20, 3)
    right = run(two, values)
    found = run(computed_in_int8(two, [{"x": rows(8, 4)}]), values)  # type: ignore[dict-item]
    assert kinds(two).count("MatMulInteger") == 1
    assert [one.shape for one in found] == [(1, 20, COLUMNS), (1, 20, 320)]
    for ours, theirs in zip(found, right, strict=True):
        assert cosines(ours, theirs).min() > 0.9998


def test_coordinates_that_outgrow_the_rest_do_not_drown_it(two: onnx.ModelProto) -> None:
    values = rows(20, 5)
    right = run(two, values)[0]
    blind = rows(8, 6)
    blind[..., [7, 99]] /= 40.0
    seeing, unseeing = onnx.ModelProto(), onnx.ModelProto()
    seeing.CopyFrom(two)
    unseeing.CopyFrom(two)
    small = values.copy()
    small[..., [7, 99]] = 0.0
    # What the large coordinates leave of the others, with and without having been seen in the probes.
    errors = []
    for made, probe in ((seeing, rows(8, 6)), (unseeing, blind)):
        ours = run(computed_in_int8(made, [{"x": probe}]), values)[0]  # type: ignore[dict-item]
        errors.append(float(np.abs(ours - right).mean()))
    assert errors[0] < errors[1] / 5


def test_a_row_does_not_depend_on_its_neighbours(two: onnx.ModelProto) -> None:
    made = computed_in_int8(two, [{"x": rows(8, 4)}])  # type: ignore[dict-item]
    values = rows(20, 7)
    together = run(made, values)[0]
    for line in range(20):
        assert np.array_equal(run(made, values[:, line : line + 1])[0][0, 0], together[0, line])


def test_weights_stored_as_integers_times_a_scale_are_understood() -> None:
    whole = np.random.default_rng(8).integers(-127, 128, (WIDTH, COLUMNS)).astype(np.int8)
    scale = np.random.default_rng(9).uniform(0.001, 0.01, (1, COLUMNS)).astype(np.float32)
    made = model(
        [numpy_helper.from_array(whole, "q"), numpy_helper.from_array(scale, "s")],
        [
            helper.make_node("Cast", ["q"], ["f"], to=TensorProto.FLOAT),
            helper.make_node("Mul", ["f", "s"], ["w"]),
            helper.make_node("MatMul", ["x", "w"], ["y"]),
        ],
        ["y"],
    )
    values = rows(10, 10)
    right = run(made, values)[0]
    ours = computed_in_int8(made, [{"x": values}])  # type: ignore[dict-item]
    assert cosines(run(ours, values)[0], right).min() > 0.9998
    assert {"q", "s"}.isdisjoint(entry.name for entry in ours.graph.initializer), "read by nobody any more"


def test_products_of_two_activations_and_small_ones_stay_as_they_are() -> None:
    made = model(
        [weights_of("w", 11, 8)],
        [
            helper.make_node("Transpose", ["x"], ["t"], perm=[0, 2, 1]),
            helper.make_node("MatMul", ["x", "t"], ["a"]),
            helper.make_node("MatMul", ["x", "w"], ["b"]),
        ],
        ["a", "b"],
    )
    before = made.SerializeToString()
    assert computed_in_int8(made, []).SerializeToString() == before


def test_a_row_of_zeros_stays_one(two: onnx.ModelProto) -> None:
    made = computed_in_int8(two, [{"x": rows(8, 4)}])  # type: ignore[dict-item]
    assert not run(made, np.zeros((1, 3, WIDTH), np.float32))[0].any()
