"""Small models, one or more for each operator, built with TFLite's schema."""

from __future__ import annotations

import itertools
import struct
from collections.abc import Callable
from typing import Any

import numpy as np

from jetson_kit.onnx_export.bundle import SubModel
from tests.engines.tiny import Tiny

Case = Callable[[], SubModel]
CASES: dict[str, tuple[Case, bool]] = {}
"""A name that starts with the operator's, its model, and whether its batch can be left open."""


def case(name: str, dynamic: bool = True) -> Callable[[Case], Case]:
    def keep(make: Case) -> Case:
        CASES[name] = (make, dynamic)
        return make

    return keep


def weights(*shape: int, dtype: Any = np.float32) -> Any:
    return np.random.default_rng(sum(shape)).normal(0, 0.5, shape).astype(dtype)


def ints(*numbers: int) -> Any:
    return np.asarray(numbers, dtype=np.int32)


def conv(t: Tiny, inputs: list[int], shape: tuple[int, ...], padding: int, stride: int) -> int:
    strides: dict[str, Any] = {"stride_w": stride, "stride_h": stride}
    return t.op("CONV_2D", inputs, shape, table="Conv2DOptions", padding=padding, **strides)


def conv_case(size: int, kernel: int, stride: int, padding: int, **options: Any) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(1, size, size + 1, 3)
        dilation = options.get("dilation_h_factor", 1)
        reach = (kernel - 1) * dilation + 1
        out = [
            -(-side // stride) if padding == 0 else (side - reach) // stride + 1
            for side in (size, size + 1)
        ]
        w, b = t.constant(weights(5, kernel, kernel, 3)), t.constant(weights(5))
        y = t.op(
            "CONV_2D",
            [x, w, b],
            (1, *out, 5),
            table="Conv2DOptions",
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            **options,
        )
        return t.done(y)

    return make


for _stride, _kernel, _padding in itertools.product((1, 2, 3), (1, 3, 4), (0, 1)):
    _name = f"CONV_2D {_kernel}x{_kernel} stride {_stride} padding {_padding}"
    case(_name)(conv_case(11, _kernel, _stride, _padding))
for _activation in (1, 2, 3):
    case(f"CONV_2D activation {_activation}")(
        conv_case(6, 3, 1, 0, fused_activation_function=_activation)
    )
case("CONV_2D dilated")(conv_case(12, 3, 1, 0, dilation_h_factor=2, dilation_w_factor=2))


@case("CONV_2D after PAD")
def padded_conv() -> SubModel:
    t = Tiny()
    x = t.input(1, 8, 8, 4)
    pads = t.constant(np.array([[0, 0], [1, 2], [0, 3], [0, 0]], dtype=np.int32))
    p = t.op("PAD", [x, pads], (1, 11, 11, 4), table="PadOptions")
    w, b = t.constant(weights(4, 3, 3, 4)), t.constant(weights(4))
    y = conv(t, [p, w, b], (1, 5, 5, 4), 1, 2)
    z = t.op("RELU", [p], (1, 11, 11, 4))
    return t.done(y, z)


@case("CONV_2D of rows, points and channels in turns")
def rows() -> SubModel:
    """As in face_blendshapes: nothing has to be moved."""
    t = Tiny()
    x = t.input(1, 1, 6, 4)
    by = t.constant(ints(0, 1, 3, 2))
    y = t.op("TRANSPOSE", [x, by], (1, 1, 4, 6), table="TransposeOptions")
    y = conv(t, [y, t.constant(weights(5, 1, 1, 6)), t.constant(weights(5))], (1, 1, 4, 5), 1, 1)
    y = t.op("TRANSPOSE", [y, by], (1, 1, 5, 4), table="TransposeOptions")
    y = conv(t, [y, t.constant(weights(3, 1, 1, 4)), t.constant(weights(3))], (1, 1, 5, 3), 1, 1)
    return t.done(y)


@case("DEPTHWISE_CONV_2D")
def depthwise() -> SubModel:
    t = Tiny()
    x = t.input(1, 9, 9, 3)
    w, b = t.constant(weights(1, 3, 3, 6)), t.constant(weights(6))
    y = t.op(
        "DEPTHWISE_CONV_2D",
        [x, w, b],
        (1, 5, 5, 6),
        table="DepthwiseConv2DOptions",
        padding=0,
        stride_w=2,
        stride_h=2,
        depth_multiplier=2,
        fused_activation_function=3,
    )
    return t.done(y)


@case("Convolution2DTransposeBias")
def transposed() -> SubModel:
    t = Tiny()
    x = t.input(1, 6, 5, 4)
    w, b = t.constant(weights(2, 2, 2, 4)), t.constant(weights(2))
    y = t.op(
        "Convolution2DTransposeBias", [x, w, b], (1, 12, 10, 2), custom=struct.pack("<3i", 1, 2, 2)
    )
    return t.done(y)


def pool_case(kind: str, size: int, kernel: int, stride: int, padding: int) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(1, size, size, 3)
        out = -(-size // stride) if padding == 0 else (size - kernel) // stride + 1
        y = t.op(
            kind,
            [x],
            (1, out, out, 3),
            table="Pool2DOptions",
            padding=padding,
            stride_w=stride,
            stride_h=stride,
            filter_width=kernel,
            filter_height=kernel,
        )
        return t.done(y)

    return make


for _kind in ("MAX_POOL_2D", "AVERAGE_POOL_2D"):
    case(f"{_kind} valid")(pool_case(_kind, 8, 2, 2, 1))
    case(f"{_kind} same")(pool_case(_kind, 7, 3, 2, 0))
    case(f"{_kind} whole image")(pool_case(_kind, 6, 6, 6, 1))


def unary_case(kind: str, positive: bool = False) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(1, 4, 5, 3)
        if positive:
            x = t.op("MUL", [x, x], (1, 4, 5, 3), table="MulOptions")
        return t.done(t.op(kind, [x], (1, 4, 5, 3)))

    return make


for _kind in ("RELU", "RELU6", "RELU_N1_TO_1", "LOGISTIC", "TANH", "HARD_SWISH", "NEG"):
    case(_kind)(unary_case(_kind))
for _kind in ("SQRT", "RSQRT"):
    case(_kind)(unary_case(_kind, positive=True))


def prelu_case(slope: Any, *shape: int) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(*shape)
        return t.done(t.op("PRELU", [x, t.constant(np.asarray(slope, np.float32))], shape))

    return make


case("PRELU slopes below 1")(prelu_case([[[0.5, -2.0, 1.0]]], 1, 4, 5, 3))
case("PRELU slopes above 1")(prelu_case([[[0.5, 3.0, -1.0]]], 1, 4, 5, 3))
case("PRELU of a list")(prelu_case([0.5, 3.0], 1, 2))


def binary_case(kind: str, table: str, left: tuple[int, ...], right: Any) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(*left)
        y = t.input(*right) if isinstance(right, tuple) else t.constant(right)
        other = right if isinstance(right, tuple) else right.shape
        shape = np.broadcast_shapes(left, other)
        return t.done(t.op(kind, [x, y], shape, table=table))

    return make


for _kind in ("ADD", "SUB", "MUL", "DIV", "MAXIMUM", "MINIMUM", "SQUARED_DIFFERENCE"):
    _plain = _kind in ("ADD", "SUB", "MUL", "DIV")
    _table = f"{_kind.capitalize()}Options" if _plain else ""
    if not _plain:
        _table = "SquaredDifferenceOptions" if _kind[0] == "S" else "MaximumMinimumOptions"
    case(f"{_kind} of two")(binary_case(_kind, _table, (1, 4, 5, 3), (1, 4, 5, 3)))
    case(f"{_kind} stretched")(binary_case(_kind, _table, (1, 4, 5, 3), (1, 1, 1, 3)))
    case(f"{_kind} with a constant")(binary_case(_kind, _table, (1, 4, 5, 3), weights(3) + 3))
    case(f"{_kind} with a number")(
        binary_case(_kind, _table, (1, 21, 3), np.asarray(2.5, np.float32))
    )


@case("ADD of two orders of axes")
def mixed() -> SubModel:
    """One side lies as a convolution left it, the other as the input came."""
    t = Tiny()
    x = t.input(1, 6, 6, 3)
    w, b = t.constant(weights(3, 1, 1, 3)), t.constant(weights(3))
    y = conv(t, [x, w, b], (1, 6, 6, 3), 1, 1)
    z = t.op("ADD", [x, y], (1, 6, 6, 3), table="AddOptions", fused_activation_function=1)
    return t.done(z, y)


def reduce_case(kind: str, axes: tuple[int, ...], keep: bool, after_conv: bool) -> Case:
    def make() -> SubModel:
        t = Tiny()
        shape = (1, 4, 5, 3)
        x = t.input(*shape)
        if after_conv:
            w, b = t.constant(weights(3, 1, 1, 3)), t.constant(weights(3))
            x = t.op(
                "CONV_2D",
                [x, w, b],
                shape,
                table="Conv2DOptions",
                padding=1,
                stride_w=1,
                stride_h=1,
            )
        gone = {axis % 4 for axis in axes}
        left = [1 if a in gone else s for a, s in enumerate(shape) if keep or a not in gone]
        y = t.op(kind, [x, t.constant(ints(*axes))], left, table="ReducerOptions", keep_dims=keep)
        return t.done(y)

    return make


for _kind, _axes, _keep, _after in itertools.product(
    ("MEAN", "SUM", "REDUCE_MAX", "REDUCE_MIN"), ((1, 2), (-1,), (2,)), (True, False), (True, False)
):
    case(f"{_kind} {_axes} keep={_keep} conv={_after}")(reduce_case(_kind, _axes, _keep, _after))


def resize_case(size: tuple[int, int], dynamic: bool, **options: Any) -> None:
    @case(f"RESIZE_BILINEAR to {size} {options}", dynamic)
    def make() -> SubModel:
        t = Tiny()
        x = t.input(1, 4, 6, 3)
        y = t.op(
            "RESIZE_BILINEAR",
            [x, t.constant(ints(*size))],
            (1, *size, 3),
            table="ResizeBilinearOptions",
            version=3,
            **options,
        )
        return t.done(y)


for _size, _dynamic in (((8, 12), True), ((7, 5), False), ((12, 6), True)):
    resize_case(_size, _dynamic, half_pixel_centers=True)
    resize_case(_size, _dynamic, align_corners=True)
    resize_case(_size, _dynamic)


@case("DEPTH_TO_SPACE")
def depth_to_space() -> SubModel:
    t = Tiny()
    x = t.input(1, 3, 4, 12)
    return t.done(
        t.op("DEPTH_TO_SPACE", [x], (1, 6, 8, 3), table="DepthToSpaceOptions", block_size=2)
    )


@case("RESHAPE after a convolution")
def reshape() -> SubModel:
    t = Tiny()
    x = t.input(1, 4, 4, 3)
    w, b = t.constant(weights(6, 1, 1, 3)), t.constant(weights(6))
    y = conv(t, [x, w, b], (1, 4, 4, 6), 1, 1)
    z = t.op("RESHAPE", [y, t.constant(ints(1, -1, 2))], (1, 48, 2), table="ReshapeOptions")
    return t.done(z)


@case("TRANSPOSE")
def transpose() -> SubModel:
    t = Tiny()
    x = t.input(1, 3, 4, 5)
    y = t.op("TRANSPOSE", [x, t.constant(ints(0, 3, 1, 2))], (1, 5, 3, 4), table="TransposeOptions")
    w, b = t.constant(weights(2, 1, 1, 4)), t.constant(weights(2))
    z = conv(t, [y, w, b], (1, 5, 3, 2), 1, 1)
    a = t.op("TRANSPOSE", [z, t.constant(ints(0, 2, 3, 1))], (1, 3, 2, 5), table="TransposeOptions")
    return t.done(a, y)


@case("PAD of channels")
def pad() -> SubModel:
    t = Tiny()
    x = t.input(1, 4, 5, 3)
    pads = t.constant(np.array([[0, 0], [0, 1], [2, 0], [1, 4]], dtype=np.int32))
    return t.done(t.op("PAD", [x, pads], (1, 5, 7, 8), table="PadOptions"))


@case("CONCATENATION")
def concatenation() -> SubModel:
    t = Tiny()
    x, y = t.input(1, 4, 5, 3), t.input(1, 4, 5, 2)
    z = t.op("CONCATENATION", [x, y], (1, 4, 5, 5), table="ConcatenationOptions", axis=3)
    return t.done(z)


@case("CONCATENATION with a constant")
def beside() -> SubModel:
    t = Tiny()
    x, c, d = t.input(1, 1, 5, 4), t.constant(weights(1, 1, 1, 4)), t.constant(weights(1, 1, 2, 4))
    z = t.op("CONCATENATION", [c, x, d], (1, 1, 8, 4), table="ConcatenationOptions", axis=-2)
    return t.done(z)


def slice_case(begin: Any, end: Any, strides: Any, shape: Any, **masks: Any) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(1, 6, 5, 4)
        y = t.op(
            "STRIDED_SLICE",
            [x, *(t.constant(ints(*item)) for item in (begin, end, strides))],
            shape,
            table="StridedSliceOptions",
            **masks,
        )
        return t.done(y)

    return make


case("STRIDED_SLICE")(slice_case((0, 1, 0, 0), (1, 5, 5, 3), (1, 2, 1, 2), (1, 2, 5, 2)))
case("STRIDED_SLICE masked")(
    slice_case((0, 2, 1, 0), (0, 0, 3, 0), (1, 1, 1, 1), (1, 4, 2, 4), begin_mask=1, end_mask=11)
)
case("STRIDED_SLICE of one place")(
    slice_case((0, -2, 0, 0), (1, 0, 5, 4), (1, 1, 1, 1), (1, 5, 4), shrink_axis_mask=2)
)
case("STRIDED_SLICE without the batch")(
    slice_case((0, 0, 0, 0), (1, 6, 5, 4), (1, 1, 1, 1), (6, 5, 4), shrink_axis_mask=1)
)


@case("GATHER")
def gather() -> SubModel:
    t = Tiny()
    x = t.input(1, 21, 3)
    return t.done(
        t.op(
            "GATHER", [x, t.constant(ints(0, 5, 5, 20))], (1, 4, 3), table="GatherOptions", axis=-2
        )
    )


@case("UNPACK")
def unpack() -> SubModel:
    t = Tiny()
    x = t.input(1, 7, 3)
    first = t.op("UNPACK", [x], (1, 7), (1, 7), (1, 7), table="UnpackOptions", num=3, axis=-1)
    return t.done(first + 1, first, first + 2)


def dense_case(shape: tuple[int, ...], keep: bool, bias: bool = True) -> Case:
    def make() -> SubModel:
        t = Tiny()
        x = t.input(*shape)
        rows = int(np.prod(shape)) // 4
        inputs = [x, t.constant(weights(6, 4)), t.constant(weights(6)) if bias else -1]
        out = (*shape[:-1], 6) if keep else (rows, 6)
        y = t.op(
            "FULLY_CONNECTED",
            inputs,
            out,
            table="FullyConnectedOptions",
            version=6,
            keep_num_dims=keep,
            fused_activation_function=1,
        )
        return t.done(y)

    return make


case("FULLY_CONNECTED")(dense_case((1, 4), False))
case("FULLY_CONNECTED of an image")(dense_case((1, 2, 1, 2), False))
case("FULLY_CONNECTED keeps axes")(dense_case((1, 3, 4), True, bias=False))


@case("SOFTMAX")
def softmax() -> SubModel:
    t = Tiny()
    x = t.input(1, 8)
    return t.done(t.op("SOFTMAX", [x], (1, 8), table="SoftmaxOptions", beta=1.0))


@case("DEQUANTIZE of half precision")
def dequantize() -> SubModel:
    t = Tiny()
    x = t.input(1, 5, 5, 3)
    w = t.op("DEQUANTIZE", [t.constant(weights(4, 3, 3, 3, dtype=np.float16))], (4, 3, 3, 3))
    b = t.op("DEQUANTIZE", [t.constant(weights(4, dtype=np.float16))], (4,))
    y = conv(t, [x, w, b], (1, 5, 5, 4), 0, 1)
    return t.done(y)
