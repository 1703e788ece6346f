"""Landmarks made finer by a heatmap, as MediaPipe's RefineLandmarksFromHeatmapCalculator does."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mediapipe_jetson.vision.scores import sigmoid

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

KERNEL = 7
LEAST_CONFIDENCE = 0.5


def refined(points: Array, heatmap: Array, kernel: int = KERNEL) -> Array:
    """Return points (n, 3), fractions of the input, with x and y from the heatmap about them.

    `heatmap` is (height, width, n or more) of logits. A point moves to the mean of the kernel
    about it, weighted by confidence, where the greatest confidence there is enough.
    """
    height, width, _ = heatmap.shape
    count = len(points)
    # Truncated towards zero, as the reference does it.
    columns = np.trunc(points[:, 0] * width).astype(np.int64)
    rows = np.trunc(points[:, 1] * height).astype(np.int64)
    # The reference compares the column with the height; heatmaps are square.
    inside = (columns >= 0) & (columns < width) & (rows >= 0)
    steps = np.arange(kernel) - kernel // 2
    x, y = columns[:, None] + steps, rows[:, None] + steps
    x_in, y_in = (x >= 0) & (x < width), (y >= 0) & (y < height)
    x_near, y_near = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    logits = heatmap[y_near[:, :, None], x_near[:, None, :], np.arange(count)[:, None, None]]
    certain = sigmoid(logits.astype(np.float64))
    certain *= y_in[:, :, None] & x_in[:, None, :]
    total = certain.sum(axis=(1, 2))
    moves = inside & (certain.max(axis=(1, 2)) >= LEAST_CONFIDENCE) & (total > 0)
    out = points.copy()
    share = np.where(total > 0, total, 1.0)
    out[moves, 0] = ((certain.sum(axis=1) * x).sum(axis=1) / share / width)[moves]
    out[moves, 1] = ((certain.sum(axis=2) * y).sum(axis=1) / share / height)[moves]
    return out
