"""The inputs and outputs of an ONNX graph: TFLite's names, order and shapes, always float32."""

from __future__ import annotations

from typing import Any

from onnx import TensorProto, helper

from jetson_kit.onnx_export import layout
from jetson_kit.onnx_export.builder import FLOAT, Builder
from jetson_kit.onnx_export.layout import NCHW


def add_inputs(builder: Builder) -> list[Any]:
    """Make the graph's inputs; return ONNX's descriptions of them."""
    described = []
    for index in builder.graph.inputs:
        tensor = builder.graph.tensors[index]
        if tensor.dtype != "FLOAT32":
            raise builder.unsupported(f"input {tensor.name!r} is {tensor.dtype}, not FLOAT32")
        image = len(tensor.shape) == len(NCHW)
        order = NCHW if image and builder.options.layout == "nchw" else builder.own(index)
        shape: list[Any] = list(layout.arranged(tensor.shape, order))
        if builder.options.dynamic:
            if not shape or shape[0] != 1:
                raise builder.unsupported(f"input {tensor.name!r} has no batch of 1 to open")
            shape[0] = "batch"
        builder.batched.add(index)
        described.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, shape))
        builder.put(index, tensor.name, order, FLOAT)
    return described


def add_outputs(builder: Builder) -> list[Any]:
    """Bring the outputs to TFLite's order and float32; return ONNX's descriptions of them."""
    described = []
    for index in builder.graph.outputs:
        tensor = builder.graph.tensors[index]
        if builder.is_constant(index) or index in builder.graph.inputs:
            raise builder.unsupported(f"output {tensor.name!r} is not computed")
        _name(builder, builder.get(index, dtype=FLOAT), tensor.name)
        shape: list[Any] = list(tensor.shape)
        if builder.options.dynamic and index in builder.kept_batch:
            shape.insert(0, "batch")
        elif builder.options.dynamic and index in builder.batched:
            shape[0] = "batch"
        described.append(helper.make_tensor_value_info(tensor.name, TensorProto.FLOAT, shape))
    return described


def _name(builder: Builder, name: str, requested: str) -> None:
    """Give a value an output's name; one that has another output's, or an input's, is copied."""
    result = {item for node in builder.nodes for item in node.output}
    tensors = builder.graph.tensors
    if requested in result or requested in {tensors[item].name for item in builder.graph.inputs}:
        raise builder.damaged(f"two values are named {requested!r}")
    if name not in result or name in {tensors[output].name for output in builder.graph.outputs}:
        builder.nodes.append(helper.make_node("Identity", [name], [requested]))
    else:
        builder.rename(name, requested)
