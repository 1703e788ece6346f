"""Functions of one value: fused ones behind other operators, and the ones that stand alone."""

from __future__ import annotations

import numpy as np

from jetson_kit.onnx_export.builder import FLOAT, Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import Order
from jetson_kit.onnx_export.ops.registry import handles
from jetson_kit.onnx_export.schema import Activation

# Operators that ONNX has too, by its name; the second ones are computed in float32: their results
# are sums' and differences' roots, which fp16 can't hold.
SAME = {"RELU": "Relu", "LOGISTIC": "Sigmoid", "TANH": "Tanh", "NEG": "Neg"}
WIDE = {"SQRT": "Sqrt"}


def fused(builder: Builder, name: str, code: int, dtype: str = "") -> str:
    """Write the activation that an operator has built in, if any; TFLite itself knows no others."""
    if code == Activation.NONE:
        return name
    if code == Activation.RELU:
        return builder.node("Relu", [name])
    bounds = {Activation.RELU6: (0.0, 6.0), Activation.RELU_N1_TO_1: (-1.0, 1.0)}.get(
        Activation(code) if code in set(Activation) else Activation.NONE
    )
    if bounds is None:
        raise builder.unsupported(f"it has the fused activation {code}")
    return _clip(builder, name, *bounds, dtype or builder.work)


def _clip(builder: Builder, name: str, low: float, high: float, dtype: str) -> str:
    edges = [builder.weight(np.float32(edge), dtype) for edge in (low, high)]
    return builder.node("Clip", [name, *edges])


@handles(*SAME, *WIDE, "RELU6", "RELU_N1_TO_1", "HARD_SWISH", "RSQRT")
def unary(builder: Builder, operator: Operator) -> None:
    """Write a function of each element."""
    builder.arity(1)
    (source,), (target,) = operator.inputs, operator.outputs
    builder.expect(target, builder.shape(source))
    order = builder.order(source)
    wide = operator.name in WIDE or operator.name == "RSQRT"
    dtype = FLOAT if wide else builder.form(source).dtype
    name = builder.get(source, order, dtype)
    if operator.name in SAME:
        name = builder.node(SAME[operator.name], [name])
    elif operator.name in WIDE:
        name = builder.node(WIDE[operator.name], [name])
    elif operator.name == "RSQRT":
        name = builder.node("Reciprocal", [builder.node("Sqrt", [name])])
    elif operator.name == "RELU6":
        name = fused(builder, name, Activation.RELU6, dtype)
    elif operator.name == "RELU_N1_TO_1":
        name = fused(builder, name, Activation.RELU_N1_TO_1, dtype)
    else:  # x * relu6(x + 3) / 6: TFLite's definition of HARD_SWISH
        gate = builder.node("HardSigmoid", [name], alpha=1 / 6, beta=0.5)
        name = builder.node("Mul", [name, gate])
    builder.put(target, name, order, dtype)


@handles("SOFTMAX")
def softmax(builder: Builder, operator: Operator) -> None:
    """Write a softmax over the last axis."""
    builder.arity(1)
    (source,), (target,) = operator.inputs, operator.outputs
    builder.expect(target, builder.shape(source))
    if operator.options["beta"] != 1.0:
        raise builder.unsupported(f"its beta is {operator.options['beta']}, not 1")
    order = builder.order(source)
    if not order:
        raise builder.damaged("its input has no axis")
    axis = order.index(len(order) - 1)
    name = builder.node("Softmax", [builder.get(source, order, builder.work)], axis=axis)
    builder.put(target, name, order)


@handles("PRELU")
def prelu(builder: Builder, operator: Operator) -> None:
    """Write max(x, 0) + slope * min(x, 0).

    In fp16 as PRelu, which TensorRT fuses. In float32 as slope * x + relu((1 - slope) * x), the
    same where no slope is above 1, else as slope * x + (1 - slope) * relu(x): ONNX Runtime knows
    PRelu only outside of its blocked layout, where it took most of a model's time.
    """
    builder.arity(2)
    (source, slope_at), (target,) = operator.inputs, operator.outputs
    shape = builder.shape(source)
    builder.expect(target, shape)
    slope = builder.constant(slope_at, "slope")
    if slope.ndim > len(shape) or any(
        item not in (1, size) for item, size in zip(slope.shape[::-1], shape[::-1], strict=False)
    ):
        raise builder.damaged(f"its slope {list(slope.shape)} does not fit {list(shape)}")
    order = builder.order(source)
    name = builder.get(source, order, builder.work)
    slope = slope.astype(np.float32).reshape((1,) * (len(shape) - slope.ndim) + slope.shape)
    if builder.work == FLOAT:
        name = _split(builder, name, slope, order)
    else:
        moved = np.transpose(slope, order)
        name = builder.node("PRelu", [name, builder.weight(moved[0] if order else moved)])
    builder.put(target, name, order)


def _split(builder: Builder, name: str, slope: np.ndarray, order: Order) -> str:
    weight = builder.weight(np.transpose(slope, order))
    rest = builder.weight(np.transpose(np.float32(1) - slope, order))
    if (slope <= 1).all():
        risen = builder.node("Relu", [builder.node("Mul", [name, rest])])
    else:
        risen = builder.node("Mul", [builder.node("Relu", [name]), rest])
    return builder.node("Add", [builder.node("Mul", [name, weight]), risen])
