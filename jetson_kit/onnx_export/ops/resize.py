"""Images made larger: by interpolation, or out of channels."""

from __future__ import annotations

import numpy as np

from jetson_kit.onnx_export.builder import Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.layout import NCHW
from jetson_kit.onnx_export.ops.registry import handles


@handles("RESIZE_BILINEAR")
def bilinear(builder: Builder, operator: Operator) -> None:
    """Write a bilinear Resize; its size is a constant (height, width)."""
    builder.arity(2)
    source, (target,) = operator.inputs[0], operator.outputs
    batch, height, width, channels = builder.rank(source, 4)
    size = builder.integers(operator.inputs[1], "size")
    if len(size) != 2:
        raise builder.damaged(f"its size is {size}")
    builder.expect(target, (batch, *size, channels))
    corners, centers = (
        bool(operator.options[item]) for item in ("align_corners", "half_pixel_centers")
    )
    if corners and centers:
        raise builder.damaged("it aligns both corners and centres")
    mode = "align_corners" if corners else "half_pixel" if centers else "asymmetric"
    inputs = [builder.get(source, NCHW, builder.work), ""]
    if size[0] % height == 0 and size[1] % width == 0:
        scales = np.array([1, 1, size[0] // height, size[1] // width], dtype=np.float32)
        inputs.append(builder.weight(scales, "float32"))
    elif builder.options.dynamic and source in builder.batched:
        raise builder.unsupported("it resizes by no whole factor, so the batch can't be left open")
    else:
        inputs += ["", builder.whole((batch, channels, *size))]
    name = builder.node("Resize", inputs, mode="linear", coordinate_transformation_mode=mode)
    builder.put(target, name, NCHW)


@handles("DEPTH_TO_SPACE")
def depth_to_space(builder: Builder, operator: Operator) -> None:
    """Write a DepthToSpace; TFLite takes the block's place from the channels' upper digits."""
    builder.arity(1)
    (source,), (target,) = operator.inputs, operator.outputs
    batch, height, width, channels = builder.rank(source, 4)
    block = operator.options["block_size"]
    if not 1 <= block <= channels or channels % (block * block):
        raise builder.damaged(f"its block of {block} does not fit {channels} channels")
    builder.expect(target, (batch, height * block, width * block, channels // block**2))
    order = NCHW
    dtype = builder.form(source).dtype
    name = builder.get(source, order, dtype)
    name = builder.node("DepthToSpace", [name], blocksize=block, mode="DCR")
    builder.put(target, name, order, dtype)
