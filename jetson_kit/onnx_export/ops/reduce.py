"""Means, sums and extremes along axes; in float32, since fp16 can't hold long sums."""

from __future__ import annotations

from jetson_kit.onnx_export.builder import FLOAT, Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import NCHW
from jetson_kit.onnx_export.ops.registry import handles

KINDS = {
    "MEAN": "ReduceMean",
    "SUM": "ReduceSum",
    "REDUCE_MAX": "ReduceMax",
    "REDUCE_MIN": "ReduceMin",
}


@handles(*KINDS)
def reduce(builder: Builder, operator: Operator) -> None:
    """Write a reduction; its axes are a constant."""
    builder.arity(2)
    source, axes_at = operator.inputs
    (target,) = operator.outputs
    shape = builder.shape(source)
    given = builder.integers(axes_at, "list of axes")
    axes = sorted({builder.axis(axis, len(shape)) for axis in given})
    keep = bool(operator.options["keep_dims"])
    left = [axis for axis in range(len(shape)) if axis not in axes]
    same_rank = tuple(1 if axis in axes else size for axis, size in enumerate(shape))
    builder.expect(target, same_rank if keep else tuple(shape[axis] for axis in left))
    if 0 in axes and builder.options.dynamic and source in builder.batched:
        raise builder.unsupported("it reduces the batch, which can't be left open")
    order = builder.order(source)
    name = builder.get(source, order, FLOAT)
    if operator.name == "MEAN" and len(shape) == 4 and axes == [1, 2] and order == NCHW:
        name = builder.node("GlobalAveragePool", [name])
        if not keep:
            name = builder.node("Flatten", [name])
    else:
        places = sorted(order.index(axis) for axis in axes)
        if operator.name == "SUM":
            name = builder.node("ReduceSum", [name, builder.whole(places)], keepdims=int(keep))
        else:
            name = builder.node(KINDS[operator.name], [name], axes=places, keepdims=int(keep))
    if not keep:
        order = tuple(left.index(axis) for axis in order if axis in left)
    builder.put(target, name, order, FLOAT)
