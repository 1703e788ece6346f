"""How far two runs of a model are apart, and how far they may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from jetson_kit.onnx_export.criteria import Landmarks, Mask
from jetson_kit.onnx_export.runners import Arrays

LEAST = 2e-5
"""What two orders of summation may differ by, where TFLite's own kernels agree better."""
FLOORS = 4.0
"""How many times TFLite's own two kernels may differ."""
HALF = 5e-2
"""What fp16 may differ by on photographs: its rounding (5e-4) through some 70 layers."""
PIXELS = 5e-3
"""How far an fp16 mask may be off, on the average of its pixels: borders alone are less sure."""
FAR = 1e9
"""Stands for infinitely far, which JSON has no word for."""
SIZE = 0.01
"""How far a landmark may lie off, by the size of what it belongs to."""


@dataclass(frozen=True)
class Apart:
    """Per output: the largest difference by the output's largest value over all samples."""

    outputs: tuple[float, ...]

    @property
    def worst(self) -> float:
        """Return the largest of all outputs."""
        return max(self.outputs)


def apart(outputs: Sequence[Arrays], requested: Sequence[Arrays]) -> Apart:
    """Return how far runs on the same samples are apart. Raises ValueError for other shapes.

    A number that is none is `FAR` away, unless both sides have none there. A batch axis that TFLite
    has not counts for nothing.
    """
    columns = []
    for output in range(len(requested[0])):
        scale = max(float(np.abs(_finite(item[output])).max(initial=0.0)) for item in requested)
        differences = []
        for left, right in zip(outputs, requested, strict=True):
            here, there = left[output], right[output]
            if here.shape not in (there.shape, (1, *there.shape)):
                raise ValueError(f"output {output} is {here.shape}, not {there.shape}")
            here = here.reshape(there.shape)
            if not np.array_equal(np.isfinite(here), np.isfinite(there)):
                differences.append(float("inf"))
                continue
            gap = np.abs(_finite(here).astype(np.float64) - _finite(there))
            differences.append(float(gap.max(initial=0.0)))
        columns.append(min(max(differences) / max(scale, 1e-6), FAR))
    return Apart(tuple(columns))


def _finite(array: Any) -> Any:  # noqa: ANN401
    return np.where(np.isfinite(array), array, 0)


def tolerance(floor: float | None) -> float:
    """Return how far a float32 output may be off; `floor` is how far TFLite's kernels are apart."""
    return FLOORS * LEAST if floor is None else max(LEAST, FLOORS * floor)


def mask_off(outputs: Sequence[Arrays], requested: Sequence[Arrays], mask: Mask) -> float:
    """Return how far the worst mask's probabilities are off, on the average of its pixels."""

    def likely(arrays: Arrays) -> Any:  # noqa: ANN401
        values = arrays[mask.output].astype(np.float64)
        return 1 / (1 + np.exp(-np.clip(values, -700, 700))) if mask.logits else values

    gaps = [
        np.abs(likely(left) - likely(right)).mean()
        for left, right in zip(outputs, requested, strict=True)
    ]
    return float(max(gaps))


def overflows(outputs: Sequence[Arrays], requested: Sequence[Arrays]) -> bool:
    """Return whether a run has no number where the other has one."""
    return any(
        bool((np.isfinite(right) & ~np.isfinite(left).reshape(right.shape)).any())
        for item, other in zip(outputs, requested, strict=True)
        for left, right in zip(item, other, strict=True)
    )


def landmarks_off(
    outputs: Sequence[Arrays], requested: Sequence[Arrays], points: Landmarks
) -> float:
    """Return how far the worst landmark lies off, by the larger side of the box around all."""
    worst = 0.0
    for left, right in zip(outputs, requested, strict=True):
        here, there = (
            item[0].reshape(points.count, points.values)[:, :2].astype(np.float64)
            for item in (left, right)
        )
        size = float(np.ptp(there, axis=0).max())
        worst = max(worst, float(np.linalg.norm(here - there, axis=1).max()) / size)
    return worst
