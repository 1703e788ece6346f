"""Constants that are stored smaller than they are used: half precision, sparse."""

from __future__ import annotations

import numpy as np
from mediapipe_jetson.tflite import sparse

from jetson_kit.onnx_export.builder import Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.ops.registry import handles


@handles("DENSIFY")
def densify(builder: Builder, operator: Operator) -> None:
    """Spread out a sparse constant; nothing is written."""
    builder.arity(1)
    (source,), (target,) = operator.inputs, operator.outputs
    tensor = builder.graph.tensors[source]
    if tensor.data is None:
        raise builder.unsupported("its input is not constant")
    if tensor.sparsity is None:
        builder.put_constant(target, tensor.data)
        return
    try:
        dense = sparse.dense(tensor.data, tensor.shape, tensor.sparsity)
    except ValueError as error:
        raise builder.damaged(str(error)) from error
    builder.put_constant(target, dense)


@handles("DEQUANTIZE")
def dequantize(builder: Builder, operator: Operator) -> None:
    """Take a constant in half precision as it is; nothing is written."""
    builder.arity(1)
    (source,), (target,) = operator.inputs, operator.outputs
    stored = builder.constant(source, "input")
    if stored.dtype != np.float16:
        raise builder.unsupported(f"its input is {stored.dtype}, not float16")
    builder.put_constant(target, stored)
