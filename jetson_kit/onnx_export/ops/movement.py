"""What moves values and computes nothing."""

from __future__ import annotations

import numpy as np

from jetson_kit.onnx_export.builder import FLOAT, Builder, Padded, count
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import same, transposed
from jetson_kit.onnx_export.ops.activation import fused
from jetson_kit.onnx_export.ops.registry import handles

MAX_BESIDE = 1 << 22
"""Elements of a tensor into which constants are added."""


@handles("RESHAPE")
def reshape(builder: Builder, operator: Operator) -> None:
    """Write a Reshape to the output's own shape."""
    builder.arity(1, 2)
    source, (target,) = operator.inputs[0], operator.outputs
    shape = builder.shape(target)
    if count(builder.shape(source)) != count(shape):
        raise builder.damaged(f"it makes {list(shape)} of {list(builder.shape(source))}")
    if len(operator.inputs) > 1 and operator.inputs[1] >= 0:
        requested = builder.integers(operator.inputs[1], "shape")
        if len(requested) != len(shape) or any(
            item not in (-1, size) for item, size in zip(requested, shape, strict=True)
        ):
            raise builder.damaged(f"it asks for {list(requested)}, its tensor has {list(shape)}")
    if builder.options.dynamic and source in builder.batched and shape[:1] != (1,):
        raise builder.unsupported("it mixes the batch with other axes")
    name = builder.flat(source)
    builder.put(target, builder.reshape(name, source, shape), None, builder.form(source).dtype)


@handles("TRANSPOSE")
def transpose(builder: Builder, operator: Operator) -> None:
    """Note another order of axes; nothing is moved before someone needs it."""
    builder.arity(2)
    source, (target,) = operator.inputs[0], operator.outputs
    shape = builder.shape(source)
    by = builder.integers(operator.inputs[1], "permutation")
    if sorted(by) != list(range(len(shape))):
        raise builder.damaged(f"{list(by)} is no permutation of {len(shape)} axes")
    builder.expect(target, tuple(shape[axis] for axis in by))
    if builder.options.dynamic and source in builder.batched and by[0] != 0:
        raise builder.unsupported("it moves the batch, which can't be left open")
    builder.alias(target, source, transposed(builder.order(source), by))


@handles("PAD")
def pad(builder: Builder, operator: Operator) -> None:
    """Note zeros around a tensor: a convolution takes those around height and width itself."""
    builder.arity(2)
    source, (target,) = operator.inputs[0], operator.outputs
    shape = builder.shape(source)
    flat = builder.integers(operator.inputs[1], "list of pads")
    if len(flat) != 2 * len(shape) or min(flat, default=0) < 0:
        raise builder.damaged(f"its pads are {list(flat)} for {len(shape)} axes")
    pads = tuple(zip(flat[::2], flat[1::2], strict=True))
    builder.expect(target, tuple(size + sum(two) for size, two in zip(shape, pads, strict=True)))
    if builder.is_constant(source):
        raise builder.unsupported("its input is constant")
    image = len(shape) == 4 and not any((*pads[0], *pads[3]))
    if image and source not in builder.padded:
        builder.padded[target] = Padded(source, pads)
        return
    order = builder.order(source)
    name = builder.pad(builder.get(source, order), pads, order)
    builder.put(target, name, order, builder.form(source).dtype)


@handles("CONCATENATION")
def concatenation(builder: Builder, operator: Operator) -> None:
    """Write a Concat along one axis."""
    builder.arity(1, len(operator.inputs))
    (target,) = operator.outputs
    shape = builder.shape(target)
    axis = builder.axis(operator.options["axis"], len(shape))
    parts = [builder.shape(item) for item in operator.inputs]
    if any(len(part) != len(shape) for part in parts):
        raise builder.damaged("its inputs have not the same number of axes")
    long = sum(part[axis] for part in parts)
    for part_shape in parts:
        builder.expect(target, (*part_shape[:axis], long, *part_shape[axis + 1 :]))
    computed = [item for item in operator.inputs if not builder.is_constant(item)]
    if not computed:
        raise builder.unsupported("all of its inputs are constant")
    open_batch = builder.options.dynamic and builder.batched.intersection(computed)
    if open_batch and axis == 0:
        raise builder.unsupported("it grows the batch, which can't be left open")
    first = max(computed, key=lambda item: count(builder.shape(item)))
    order = builder.order(first)
    wide = any(builder.form(item).dtype == FLOAT for item in computed)
    dtype = FLOAT if wide else builder.work
    if open_batch and len(computed) < len(operator.inputs):
        name = _beside_constants(builder, operator, axis, dtype)
    else:
        names = [builder.get(item, order, dtype) for item in operator.inputs]
        name = builder.node("Concat", names, axis=order.index(axis))
    name = fused(builder, name, operator.options["fused_activation_function"], dtype)
    builder.put(target, name, order, dtype)


def _beside_constants(builder: Builder, operator: Operator, axis: int, dtype: str) -> str:
    """Write a Concat of one computed tensor and constants, for a batch of any size.

    A constant has a batch of 1. It is added into zeros put beside the computed one instead.
    """
    computed = [item for item in operator.inputs if not builder.is_constant(item)]
    if len(computed) > 1:
        raise builder.unsupported("constants between several inputs keep the batch at 1")
    (source,), (target,) = computed, operator.outputs
    shape = builder.shape(target)
    if count(shape) > MAX_BESIDE:
        raise builder.unsupported(f"{list(shape)} is too large to lie beside an open batch")
    beside = np.zeros(shape, dtype=np.float32)
    at, pads = 0, [(0, 0)] * len(shape)
    for tensor in operator.inputs:
        size = builder.shape(tensor)[axis]
        if tensor == source:
            pads[axis] = (at, shape[axis] - at - size)
        else:
            where = [slice(None)] * len(shape)
            where[axis] = slice(at, at + size)
            beside[tuple(where)] = builder.constants[tensor]
        at += size
    order = builder.order(source)
    name = builder.pad(builder.get(source, order, dtype), pads, order)
    return builder.node("Add", [name, builder.weight(np.transpose(beside, order), dtype)])


@handles("STRIDED_SLICE")
def strided_slice(builder: Builder, operator: Operator) -> None:
    """Write a Slice, and a Squeeze for the axes of which one place is taken.

    Masks as in TFLite's strided_slice: begin and end of a masked axis are its own.
    """
    builder.arity(4)
    source, (target,) = operator.inputs[0], operator.outputs
    shape, options = builder.shape(source), operator.options
    begins, ends, steps = (
        builder.integers(item, what)
        for item, what in zip(operator.inputs[1:], ("begin", "end", "strides"), strict=True)
    )
    if not len(begins) == len(ends) == len(steps) == len(shape):
        raise builder.unsupported("it does not name every axis")
    if options["ellipsis_mask"] or options["new_axis_mask"] or options["offset"]:
        raise builder.unsupported("it has an ellipsis, new axes or offsets")
    taken, shrunk, sizes = [], [], []
    for axis, size in enumerate(shape):
        bit = 1 << axis
        if options["shrink_axis_mask"] & bit:
            place = begins[axis] + (size if begins[axis] < 0 else 0)
            if options["begin_mask"] & bit:
                place = 0
            if not 0 <= place < size:
                raise builder.damaged(f"it takes place {begins[axis]} of {size}")
            result = slice(place, place + 1, 1)
            shrunk.append(axis)
        else:
            begin = None if options["begin_mask"] & bit else begins[axis]
            end = None if options["end_mask"] & bit else ends[axis]
            if steps[axis] < 1:
                raise builder.unsupported(f"its stride is {steps[axis]}")
            result = slice(*slice(begin, end, steps[axis]).indices(size))
        sizes.append(len(range(size)[result]))
        if sizes[-1] < 1:
            raise builder.damaged("it takes nothing")
        if sizes[-1] != size:
            taken.append((axis, result))
    builder.expect(target, [size for axis, size in enumerate(sizes) if axis not in shrunk])
    _write_slice(builder, source, target, taken, shrunk)


def _write_slice(
    builder: Builder,
    source: int,
    target: int,
    taken: list[tuple[int, slice]],
    shrunk: list[int],
) -> None:
    order, dtype = builder.order(source), builder.form(source).dtype
    if shrunk:
        order = same(len(order))
    name = builder.get(source, order, dtype)
    if taken:
        rows = sorted((order.index(axis), piece) for axis, piece in taken)
        columns = (
            [piece.start for _, piece in rows],
            [piece.stop for _, piece in rows],
            [place for place, _ in rows],
            [piece.step for _, piece in rows],
        )
        name = builder.node("Slice", [name, *(builder.whole(column) for column in columns)])
    if 0 in shrunk and builder.options.dynamic and source in builder.batched:
        if target not in builder.graph.outputs:
            raise builder.unsupported("it takes one of the batch, which can't be left open")
        builder.kept_batch.add(target)
        shrunk = shrunk[1:]
    if shrunk:
        name = builder.node("Squeeze", [name, builder.whole(shrunk)])
        order = builder.own(target)
    builder.put(target, name, order, dtype)


@handles("GATHER")
def gather(builder: Builder, operator: Operator) -> None:
    """Write a Gather of constant places along one axis."""
    builder.arity(2)
    source, (target,) = operator.inputs[0], operator.outputs
    shape = builder.shape(source)
    if operator.options["batch_dims"]:
        raise builder.unsupported("it gathers for each of a batch")
    axis = builder.axis(operator.options["axis"], len(shape))
    places = builder.constant(operator.inputs[1], "list of places")
    if places.dtype.kind not in "iu" or (places < 0).any() or (places >= shape[axis]).any():
        raise builder.damaged(f"it takes places that axis {axis} of {list(shape)} has not")
    builder.expect(target, (*shape[:axis], *places.shape, *shape[axis + 1 :]))
    if axis == 0 and builder.options.dynamic and source in builder.batched:
        raise builder.unsupported("it picks from the batch, which can't be left open")
    name = builder.node("Gather", [builder.get(source), builder.weight(places, "int64")], axis=axis)
    builder.put(target, name, None, builder.form(source).dtype)


@handles("UNPACK")
def unpack(builder: Builder, operator: Operator) -> None:
    """Write one Gather for each place along an axis."""
    (source,) = operator.inputs or (-1,)
    count_out = len(operator.outputs)
    builder.arity(1, outputs=count_out)
    shape = builder.shape(source)
    axis = builder.axis(operator.options["axis"], len(shape))
    if shape[axis] != count_out or operator.options["num"] != count_out:
        raise builder.damaged(f"it makes {count_out} of {shape[axis]}")
    if axis == 0 and builder.options.dynamic and source in builder.batched:
        raise builder.unsupported("it splits the batch, which can't be left open")
    name = builder.get(source)
    for place, target in enumerate(operator.outputs):
        builder.expect(target, (*shape[:axis], *shape[axis + 1 :]))
        picked = builder.node("Gather", [name, builder.weight(np.int64(place), "int64")], axis=axis)
        builder.put(target, picked, None, builder.form(source).dtype)
