"""Layers in which every output sees every input."""

from __future__ import annotations

from jetson_kit.onnx_export.builder import Builder, count
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.ops.activation import fused
from jetson_kit.onnx_export.ops.registry import handles


@handles("FULLY_CONNECTED")
def fully_connected(builder: Builder, operator: Operator) -> None:
    """Write a dense layer; weights are (outputs, inputs), what is left of the shape is rows."""
    builder.arity(2, 3)
    source, (target,) = operator.inputs[0], operator.outputs
    weights = builder.constant(operator.inputs[1], "weights")
    if weights.ndim != 2 or weights.dtype.kind != "f" or operator.options["weights_format"]:
        raise builder.unsupported(f"its weights are {weights.dtype} {list(weights.shape)}")
    width, depth = weights.shape
    shape = builder.shape(source)
    rows, rest = divmod(count(shape), depth)
    if rest:
        raise builder.damaged(f"its weights {list(weights.shape)} do not fit {list(shape)}")
    keep_dims = operator.options["keep_num_dims"]
    if keep_dims and (not shape or shape[-1] != depth):
        raise builder.damaged(f"its weights {list(weights.shape)} do not fit {list(shape)}")
    builder.expect(target, (*shape[:-1], width) if keep_dims else (rows, width))
    name = builder.flat(source, builder.work)
    if shape != (rows, depth):
        name = builder.reshape(name, source, (rows, depth))
    inputs = [name, builder.weight(weights)]
    if len(operator.inputs) > 2 and operator.inputs[2] >= 0:
        bias = builder.constant(operator.inputs[2], "bias")
        if bias.shape != (width,) or bias.dtype.kind != "f":
            raise builder.damaged(f"its bias is {bias.dtype} {list(bias.shape)}")
        inputs.append(builder.weight(bias))
    name = builder.node("Gemm", inputs, transB=1)
    name = fused(builder, name, operator.options["fused_activation_function"])
    if builder.shape(target) != (rows, width):
        name = builder.reshape(name, source, builder.shape(target))
    builder.put(target, name)
