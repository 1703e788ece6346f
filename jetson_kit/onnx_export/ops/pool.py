"""Pooling over height and width."""

from __future__ import annotations

from jetson_kit.onnx_export.builder import FLOAT, Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import NCHW
from jetson_kit.onnx_export.ops.activation import fused
from jetson_kit.onnx_export.ops.registry import handles
from jetson_kit.onnx_export.ops.windows import window


@handles("AVERAGE_POOL_2D", "MAX_POOL_2D")
def pool(builder: Builder, operator: Operator) -> None:
    """Write a pooling; borders count neither for the average nor for the largest."""
    builder.arity(1)
    (source,), (target,) = operator.inputs, operator.outputs
    batch, height, width, channels = builder.rank(source, 4)
    kernel = (operator.options["filter_height"], operator.options["filter_width"])
    result = window(builder, operator, (height, width), kernel)
    builder.expect(target, (batch, *result.result, channels))
    dtype = builder.work
    if operator.name == "MAX_POOL_2D":
        kind, attributes = "MaxPool", result.attributes
    elif kernel == (height, width) and result.result == (1, 1):
        # The mean of a whole image: its sum would overflow fp16.
        kind, attributes, dtype = "GlobalAveragePool", {}, FLOAT
    else:
        kind, attributes = "AveragePool", result.attributes
    name = builder.node(kind, [builder.get(source, NCHW, dtype)], **attributes)
    name = fused(builder, name, operator.options["fused_activation_function"], dtype)
    builder.put(target, name, NCHW, dtype)
