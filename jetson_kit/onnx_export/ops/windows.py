"""Windows that slide over height and width: where SAME puts zeros, and how large the result is.

Source: ComputeOutSize and ComputePaddingWithOffset in TFLite's kernels/padding.h.
"""

from __future__ import annotations

from dataclasses import dataclass

from jetson_kit.onnx_export.builder import Builder
from jetson_kit.onnx_export.graph import Operator
from jetson_kit.onnx_export.schema import Padding


@dataclass(frozen=True)
class Window:
    """Kernel, strides, dilations, pads (top, left, bottom, right) and result's height and width."""

    kernel: tuple[int, int]
    strides: tuple[int, int]
    dilations: tuple[int, int]
    pads: tuple[int, int, int, int]
    result: tuple[int, int]

    @property
    def plain(self) -> bool:
        """Return whether it looks at single pixels, each in its turn."""
        return self.kernel == self.strides == (1, 1) and not any(self.pads)

    @property
    def attributes(self) -> dict[str, list[int]]:
        """Return ONNX's attributes, those left out that have their default."""
        result = {"kernel_shape": list(self.kernel)}
        if any(self.pads):
            result["pads"] = list(self.pads)
        if self.strides != (1, 1):
            result["strides"] = list(self.strides)
        if self.dilations != (1, 1):
            result["dilations"] = list(self.dilations)
        return result


def window(
    builder: Builder,
    operator: Operator,
    size: tuple[int, int],
    kernel: tuple[int, int],
    around: tuple[tuple[int, int], tuple[int, int]] = ((0, 0), (0, 0)),
) -> Window:
    """Return the window of an operator over `size`; `around` are zeros put there before it.

    Raises ModelDamagedError.
    """
    options = operator.options
    strides = (options["stride_h"], options["stride_w"])
    dilations = (options.get("dilation_h_factor", 1), options.get("dilation_w_factor", 1))
    if min(*strides, *dilations, *kernel) < 1 or max(*strides, *dilations, *kernel) > 1 << 16:
        raise builder.damaged(f"its window {kernel} has strides {strides}, dilations {dilations}")
    if options["padding"] not in set(Padding):
        raise builder.damaged(f"its padding {options['padding']} is unknown")
    begins, ends, result = [], [], []
    for axis in (0, 1):
        before, behind = around[axis]
        length = size[axis] + before + behind
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        if options["padding"] == Padding.SAME:
            steps = -(-length // strides[axis])
            total = max(0, (steps - 1) * strides[axis] + reach - length)
            before, behind = before + total // 2, behind + total - total // 2
        else:
            steps = (length - reach) // strides[axis] + 1
        begins.append(before)
        ends.append(behind)
        result.append(steps)
    if min(result) < 1:
        raise builder.damaged(f"its window {kernel} is larger than {size}")
    pads = (begins[0], begins[1], ends[0], ends[1])
    return Window(kernel, strides, dilations, pads, (result[0], result[1]))
