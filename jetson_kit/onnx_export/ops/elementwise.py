"""Functions of two values, element by element, one stretched over the other."""

from __future__ import annotations

import numpy as np

from jetson_kit.onnx_export.builder import FLOAT, Builder, count
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import Order, same
from jetson_kit.onnx_export.ops.activation import fused
from jetson_kit.onnx_export.ops.registry import handles

KINDS = {"ADD": "Add", "SUB": "Sub", "MUL": "Mul", "DIV": "Div", "MAXIMUM": "Max", "MINIMUM": "Min"}


@handles(*KINDS, "SQUARED_DIFFERENCE")
def binary(builder: Builder, operator: Operator) -> None:
    """Write a function of two tensors. fp16 work on what is still float32 stays float32."""
    builder.arity(2)
    left, right = operator.inputs
    (target,) = operator.outputs
    try:
        result = np.broadcast_shapes(builder.shape(left), builder.shape(right))
    except ValueError as error:
        raise builder.damaged(f"its shapes do not fit each other: {error}") from error
    builder.expect(target, result)
    computed = [item for item in (left, right) if not builder.is_constant(item)]
    if not computed:
        raise builder.unsupported("both of its inputs are constant")
    order = _order(builder, computed, len(result))
    dtype = _dtype(builder, operator, computed)
    names = [_operand(builder, item, order, dtype) for item in (left, right)]
    if operator.name == "SQUARED_DIFFERENCE":
        apart = builder.node("Sub", names)
        name = builder.node("Mul", [apart, apart])
    else:
        name = builder.node(KINDS[operator.name], names)
    name = fused(builder, name, operator.options.get("fused_activation_function", 0), dtype)
    builder.put(target, name, order, dtype)


def _order(builder: Builder, computed: list[int], rank: int) -> Order:
    """Return the order of the largest input, so that the smaller one is moved."""
    if any(len(builder.shape(item)) != rank for item in computed):
        if builder.options.dynamic and len(builder.batched.intersection(computed)) > 1:
            raise builder.unsupported("its inputs have the batch in different places")
        return same(rank)
    largest = max(count(builder.shape(item)) for item in computed)
    orders = [builder.order(item) for item in computed if count(builder.shape(item)) == largest]
    return next((order for order in orders if order != same(rank)), orders[0])


def _dtype(builder: Builder, operator: Operator, computed: list[int]) -> str:
    squares = operator.name == "SQUARED_DIFFERENCE" or (
        operator.name == "MUL" and operator.inputs[0] == operator.inputs[1]
    )
    if squares or any(builder.form(item).dtype == FLOAT for item in computed):
        return FLOAT
    return builder.work


def _operand(builder: Builder, index: int, order: Order, dtype: str) -> str:
    if not builder.is_constant(index):
        own = order if len(builder.shape(index)) == len(order) else None
        return builder.get(index, own, dtype)
    array = builder.constants[index]
    if array.dtype.kind != "f":
        raise builder.unsupported(f"one of its inputs is {array.dtype}")
    if array.size == 1:
        return builder.weight(array.reshape(()), dtype)
    wide = array.reshape((1,) * (len(order) - array.ndim) + array.shape)
    return builder.weight(np.transpose(wide, order), dtype)
