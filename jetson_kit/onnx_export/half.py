"""What an fp16 file computes, on a processor that has no fp16: float32, rounded after every node.

ONNX Runtime's CPU kernels leave the roundings of an fp16 graph out. Here each value is rounded to
fp16's 11 binary digits by Veltkamp's splitting (Dekker 1971, "A floating-point technique for
extending the available precision"), and what fp16 can't hold becomes infinite. Sums inside of one
node stay float32, as in tensor cores with float32 accumulators. Subnormal numbers keep their
digits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LARGEST = float(np.finfo(np.float16).max)
SPLIT = float(2**13 + 1)
"""float32 has 24 binary digits; this leaves 11."""
EXACT = frozenset(
    "Clip Concat DepthToSpace Flatten Gather Identity Max MaxPool Neg Pad ReduceMax ReduceMin Relu"
    " Reshape Slice Squeeze Transpose".split()
)
"""Nodes that make no new values."""


def emulated(blob: bytes) -> bytes:
    """Return a float32 model that rounds where the fp16 model `blob` does."""
    model = onnx.shape_inference.infer_shapes(onnx.load_from_string(blob), strict_mode=True)
    graph = model.graph
    halves = {
        item.name
        for item in graph.value_info
        if item.type.tensor_type.elem_type == TensorProto.FLOAT16
    }
    nodes: list[Any] = []
    for node in graph.node:
        if node.op_type == "Cast":
            node = helper.make_node("Identity", node.input, node.output)  # noqa: PLW2901
        exact = node.op_type in EXACT and node.op_type != "Identity"
        rounds = [name for name in node.output if name in halves and not exact]
        for place, name in enumerate(node.output):
            if name in rounds:
                node.output[place] = f"{name}_raw"
        nodes.append(node)
        for name in rounds:
            nodes += _rounding(f"{name}_raw", name)
    weights = [_widened(item) for item in graph.initializer]
    constants = {"half_split": SPLIT, "half_largest": LARGEST, "half_infinite": float("inf")}
    weights += [numpy_helper.from_array(np.float32(v), name) for name, v in constants.items()]
    rounded = helper.make_graph(nodes, graph.name, graph.input, graph.output, weights)
    result = helper.make_model(
        rounded, opset_imports=model.opset_import, ir_version=model.ir_version
    )
    return bytes(result.SerializeToString())


def _rounding(name: str, to: str) -> list[Any]:
    """Return the nodes that round a value, large ones to infinity with their sign."""
    part = [f"{to}_{number}" for number in range(6)]
    return [
        helper.make_node("Mul", [name, "half_split"], [part[0]]),
        helper.make_node("Sub", [part[0], name], [part[1]]),
        helper.make_node("Sub", [part[0], part[1]], [part[2]]),
        helper.make_node("Abs", [part[2]], [part[3]]),
        helper.make_node("Greater", [part[3], "half_largest"], [part[4]]),
        helper.make_node("Mul", [part[2], "half_infinite"], [part[5]]),
        helper.make_node("Where", [part[4], part[5], part[2]], [to]),
    ]


def _widened(tensor: Any) -> Any:  # noqa: ANN401
    if tensor.data_type != TensorProto.FLOAT16:
        return tensor
    values = numpy_helper.to_array(tensor).astype(np.float32)
    return numpy_helper.from_array(values, tensor.name)
