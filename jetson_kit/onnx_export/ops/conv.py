"""Convolutions: plain, depthwise, and MediaPipe's transposed one with a bias."""

from __future__ import annotations

import struct

import numpy as np

from jetson_kit.onnx_export.builder import Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import NCHW, Order
from jetson_kit.onnx_export.ops.activation import fused
from jetson_kit.onnx_export.ops.registry import handles
from jetson_kit.onnx_export.ops.windows import window
from jetson_kit.onnx_export.schema import Padding


@handles("CONV_2D", "DEPTHWISE_CONV_2D")
def conv(builder: Builder, operator: Operator) -> None:
    """Write a convolution; weights are OHWI, or 1HWO where each channel has its own."""
    builder.arity(3)
    source, around = builder.unpadded(operator.inputs[0])
    _, height, width, channels = builder.rank(source, 4)
    kernel = _weights(builder, operator.inputs[1])
    if operator.name == "CONV_2D":
        # Fewer channels in a kernel than in the image: groups.
        groups, rest = divmod(channels, kernel.shape[3])
        weights = np.transpose(kernel, (0, 3, 1, 2))
        whole = rest == 0 and weights.shape[0] % max(groups, 1) == 0
    else:
        groups = channels
        weights = np.transpose(kernel, (3, 0, 1, 2))
        whole = kernel.shape[0] == 1 and weights.shape[0] % channels == 0
    if not whole:
        raise builder.damaged(f"its weights {list(kernel.shape)} do not fit {channels} channels")
    (target,) = operator.outputs
    result = window(builder, operator, (height, width), kernel.shape[1:3], (around[1], around[2]))
    builder.expect(target, (builder.shape(source)[0], *result.result, weights.shape[0]))
    order = builder.order(source)
    row = height == 1 and result.plain and groups == 1
    if row and order != NCHW and order.index(3) >= 2:
        _row(builder, operator, source, order)
        return
    inputs = [
        builder.get(source, NCHW, builder.work),
        builder.weight(weights),
        builder.weight(_bias(builder, operator, weights.shape[0])),
    ]
    attributes = dict(result.attributes)
    if groups != 1:
        attributes["group"] = groups
    name = builder.node("Conv", inputs, **attributes)
    builder.put(target, fused(builder, name, operator.options["fused_activation_function"]), NCHW)


def _row(builder: Builder, operator: Operator, source: int, order: Order) -> None:
    """Write a convolution of single pixels in one row as a matrix product, in the order at hand.

    Models that mix points and channels in turns keep their axes where they are that way.
    """
    (target,) = operator.outputs
    kernel = _weights(builder, operator.inputs[1])[:, 0, 0, :]
    name = builder.get(source, order, builder.work)
    last = order.index(3) == 3
    if last:
        name = builder.node("MatMul", [name, builder.weight(kernel.T)])
    else:
        name = builder.node("MatMul", [builder.weight(kernel), name])
    bias = _bias(builder, operator, len(kernel))
    name = builder.node("Add", [name, builder.weight(bias if last else bias[:, None])])
    name = fused(builder, name, operator.options["fused_activation_function"])
    builder.put(target, name, order)


@handles("Convolution2DTransposeBias")
def transposed(builder: Builder, operator: Operator) -> None:
    """Write MediaPipe's custom operator: a transposed convolution, weights OHWI, with a bias.

    Its options are three int32 (padding as in the schema, stride across, stride down). Source:
    TfLiteTransposeConvParams in TFLite's c/builtin_op_data.h, and transpose_conv_bias.cc of
    MediaPipe, which counts SAME's zeros as TFLite's TRANSPOSE_CONV does.
    """
    builder.arity(3)
    if len(operator.custom_options) < 12:
        raise builder.damaged(f"it has {len(operator.custom_options)} bytes of options, not 12")
    padding, across, down = struct.unpack_from("<3i", operator.custom_options)
    size = builder.rank(operator.inputs[0], 4)
    kernel = _weights(builder, operator.inputs[1])
    (target,) = operator.outputs
    result = builder.rank(target, 4)
    if kernel.shape[3] != size[3] or kernel.shape[0] != result[3] or size[0] != result[0]:
        raise builder.damaged(f"its weights {list(kernel.shape)} do not fit its shapes")
    if min(across, down) < 1 or padding not in set(Padding):
        raise builder.damaged(f"its padding is {padding}, its strides are {down} and {across}")
    begins, ends, extra = [], [], []
    for axis, stride in ((1, down), (2, across)):
        reach = (size[axis] - 1) * stride + kernel.shape[axis]
        usual = size[axis] * stride if padding == Padding.SAME else max(reach, size[axis] * stride)
        if result[axis] != usual:
            raise builder.damaged(f"it gives {usual} along axis {axis}, not {result[axis]}")
        total = max(0, reach - result[axis])
        begins.append(total // 2)
        ends.append(total - total // 2)
        extra.append(max(0, result[axis] - reach))
    inputs = [
        builder.get(operator.inputs[0], NCHW, builder.work),
        builder.weight(np.transpose(kernel, (3, 0, 1, 2))),
        builder.weight(_bias(builder, operator, kernel.shape[0])),
    ]
    attributes: dict[str, list[int]] = {
        "kernel_shape": list(kernel.shape[1:3]),
        "strides": [down, across],
    }
    if any((*begins, *ends)):
        attributes["pads"] = [*begins, *ends]
    if any(extra):
        attributes["output_padding"] = extra
    builder.put(target, builder.node("ConvTranspose", inputs, **attributes), NCHW)


def _weights(builder: Builder, index: int) -> np.ndarray:
    constant = builder.constant(index, "weights")
    if constant.ndim != 4 or constant.dtype.kind != "f":
        raise builder.unsupported(f"its weights are {constant.dtype} {list(constant.shape)}")
    return constant


def _bias(builder: Builder, operator: Operator, channels: int) -> np.ndarray:
    bias = builder.constant(operator.inputs[2], "bias")
    if bias.shape != (channels,) or bias.dtype.kind != "f":
        raise builder.damaged(f"its bias is {bias.dtype} {list(bias.shape)}")
    return bias
