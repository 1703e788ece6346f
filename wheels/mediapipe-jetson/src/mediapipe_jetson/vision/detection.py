"""A detector's tensors become boxes with key points.

Written to MediaPipe's SsdAnchorsCalculator, TensorsToDetectionsCalculator and
NonMaxSuppressionCalculator (weighted), with the options of its face, hand and pose graphs.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from mediapipe_jetson.vision.scores import sigmoid

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

BOX = 4
CLIP = 100.0
ANCHORS_PER_LAYER = 2


def anchors(side: int, strides: Sequence[int], per_layer: int = ANCHORS_PER_LAYER) -> Array:
    """Return anchor centres (n, 2), x and y as fractions of a square input of `side` pixels.

    All anchors are of size 1. Layers of the same stride share a grid, so many anchors each a cell.
    """
    grids = []
    for stride in dict.fromkeys(strides):
        cells = -(-side // stride)
        centres = (np.arange(cells, dtype=np.float32) + np.float32(0.5)) / np.float32(cells)
        x, y = np.meshgrid(centres, centres)
        grid = np.stack([x.ravel(), y.ravel()], axis=1)
        grids.append(np.repeat(grid, per_layer * strides.count(stride), axis=0))
    return np.concatenate(grids)


class Decoder:
    """Decodes the two tensors of one detector."""

    def __init__(
        self,
        side: int,
        strides: Sequence[int],
        *,
        confidence: float,
        suppression: float,
        per_layer: int = ANCHORS_PER_LAYER,
    ) -> None:
        """Take the input's side in pixels, and the least score and overlap that count."""
        self.side = side
        self.anchors = anchors(side, strides, per_layer)
        self.confidence = confidence
        # A logit just below the one of that score: few need their score.
        share = min(max(confidence, 1e-9), 1 - 1e-9)
        self.likely = (
            np.float32(math.log(share / (1 - share)) - 0.01) if confidence > 0 else -np.inf
        )
        self.suppression = suppression

    def decode(self, boxes: Array, scores: Array) -> Array:
        """Return detections (n, 4 + 2k), best first, as fractions of the input: see `scored`."""
        return self.scored(boxes, scores)[0]

    def scored(self, boxes: Array, scores: Array) -> tuple[Array, Array]:
        """Return detections (n, 4 + 2k), best first, as fractions of the input; and their scores.

        Columns: left, top, right, bottom, then x and y of each key point. Tensors are
        (1, anchors, 4 + 2k) and (1, anchors, 1) of logits.
        """
        logits = scores.reshape(-1)
        chosen = np.flatnonzero(logits >= self.likely)
        certain = sigmoid(np.clip(logits[chosen], -CLIP, CLIP))
        counts = certain >= self.confidence
        chosen, certain = chosen[counts], certain[counts]
        if not chosen.size:
            return np.empty((0, boxes.shape[-1]), np.float32), np.empty(0, np.float32)
        raw = boxes.reshape(-1, boxes.shape[-1])[chosen] / np.float32(self.side)
        centres = self.anchors[chosen]
        result = np.empty_like(raw)
        middle, half = raw[:, :2] + centres, raw[:, 2:BOX] / 2
        result[:, :2], result[:, 2:BOX] = middle - half, middle + half
        result[:, BOX:] = raw[:, BOX:] + np.tile(centres, raw.shape[1] // 2 - 2)
        # A model may predict a negative size; NaN compares false.
        sound = (raw[:, 2] >= 0) & (raw[:, 3] >= 0)
        return self._merged(result[sound], certain[sound])

    def _merged(self, detections: Array, certain: Array) -> tuple[Array, Array]:
        """Return the score-weighted mean of each group of boxes that overlap its best one.

        A group's score is that of its best.
        """
        order = np.argsort(-certain, kind="stable")
        detections, certain = detections[order], certain[order]
        areas = (detections[:, 2] - detections[:, 0]) * (detections[:, 3] - detections[:, 1])
        left = np.arange(len(detections))
        merged, best_ones = [], []
        while left.size:
            best = left[0]
            best_ones.append(best)
            low = np.maximum(detections[left, :2], detections[best, :2])
            high = np.minimum(detections[left, 2:BOX], detections[best, 2:BOX])
            shared = np.prod(np.maximum(high - low, 0), axis=1)
            union = areas[left] + areas[best] - shared
            similar = np.divide(shared, union, out=np.zeros_like(shared), where=union > 0)
            alike = similar > self.suppression
            if not alike.any():
                # An empty box overlaps not even itself.
                merged.append(detections[best])
                break
            group = left[alike]
            weights = certain[group][:, None]
            merged.append((detections[group] * weights).sum(axis=0) / weights.sum(axis=0))
            left = left[~alike]
        boxes = np.stack(merged) if merged else np.empty((0, detections.shape[1]), np.float32)
        return boxes, certain[best_ones]


def placed(detections: Array, transform: Array) -> Array:
    """Return detections moved by a (2, 3) matrix; a box becomes the upright one about it.

    As DetectionProjectionCalculator does.
    """
    turn, shift = transform[:, :2].T, transform[:, 2]
    out = np.empty(detections.shape, np.float64)
    corners = detections[:, [0, 1, 2, 1, 2, 3, 0, 3]].reshape(-1, BOX, 2) @ turn + shift
    out[:, :2], out[:, 2:BOX] = corners.min(axis=1), corners.max(axis=1)
    points = detections[:, BOX:].reshape(len(detections), -1, 2) @ turn + shift
    out[:, BOX:] = points.reshape(len(detections), -1)
    return out
