"""Names and numbers of TFLite's schema, and which options each operator has.

Source: schema.fbs of TensorFlow Lite, by the package `tflite` that is generated from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum
from typing import Any

import numpy as np
import tflite


def _names(table: type) -> dict[int, str]:
    return {value: name for name, value in vars(table).items() if isinstance(value, int)}


OPERATORS: Mapping[int, str] = _names(tflite.BuiltinOperator)
TYPES: Mapping[int, str] = _names(tflite.TensorType)
OPTION_TABLES: Mapping[int, str] = _names(tflite.BuiltinOptions)
CUSTOM = int(tflite.BuiltinOperator.CUSTOM)
DTYPES: Mapping[str, Any] = {
    "FLOAT32": np.dtype("<f4"),
    "FLOAT16": np.dtype("<f2"),
    "INT32": np.dtype("<i4"),
    "INT64": np.dtype("<i8"),
    "INT8": np.dtype("i1"),
    "UINT8": np.dtype("u1"),
    "BOOL": np.dtype("?"),
}


class Padding(IntEnum):
    """How a window meets the border."""

    SAME = 0
    VALID = 1


class Activation(IntEnum):
    """What an operator does to its own result."""

    NONE = 0
    RELU = 1
    RELU_N1_TO_1 = 2
    RELU6 = 3


_WINDOW = ("padding", "stride_w", "stride_h", "fused_activation_function")
_DILATED = (*_WINDOW, "dilation_w_factor", "dilation_h_factor")
_POOL = (*_WINDOW, "filter_width", "filter_height")
_ACTIVATION = ("fused_activation_function",)
_REDUCE = ("ReducerOptions", ("keep_dims",))
_SLICE = ("begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask", "offset")

# Operator: its table of options, and those of its fields that handlers read.
OPTIONS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "ADD": ("AddOptions", _ACTIVATION),
    "AVERAGE_POOL_2D": ("Pool2DOptions", _POOL),
    "CONCATENATION": ("ConcatenationOptions", ("axis", *_ACTIVATION)),
    "CONV_2D": ("Conv2DOptions", _DILATED),
    "DEPTHWISE_CONV_2D": ("DepthwiseConv2DOptions", (*_DILATED, "depth_multiplier")),
    "DEPTH_TO_SPACE": ("DepthToSpaceOptions", ("block_size",)),
    "DIV": ("DivOptions", _ACTIVATION),
    "FULLY_CONNECTED": (
        "FullyConnectedOptions",
        (*_ACTIVATION, "weights_format", "keep_num_dims"),
    ),
    "GATHER": ("GatherOptions", ("axis", "batch_dims")),
    "MAX_POOL_2D": ("Pool2DOptions", _POOL),
    "MEAN": _REDUCE,
    "MUL": ("MulOptions", _ACTIVATION),
    "REDUCE_MAX": _REDUCE,
    "REDUCE_MIN": _REDUCE,
    "RESIZE_BILINEAR": ("ResizeBilinearOptions", ("align_corners", "half_pixel_centers")),
    "SOFTMAX": ("SoftmaxOptions", ("beta",)),
    "STRIDED_SLICE": ("StridedSliceOptions", _SLICE),
    "SUB": ("SubOptions", _ACTIVATION),
    "SUM": _REDUCE,
    "UNPACK": ("UnpackOptions", ("num", "axis")),
}


def accessor(field: str) -> str:
    """Return the name that generated code gives a field: stride_w is read by StrideW."""
    return "".join(part.capitalize() for part in field.split("_"))
