"""Legacy Pose: one person. Written to PoseLandmarkCpu of MediaPipe 0.10.21."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Optional

import numpy as np

from mediapipe_jetson.solutions.graphs.face import SUPPRESSION
from mediapipe_jetson.vision import smoothing
from mediapipe_jetson.vision.graph import DetectorSpec, Limits
from mediapipe_jetson.vision.pose_graph import MARGIN, Pose, PoseGraph
from mediapipe_jetson.vision.rects import Rect, aligned, widened

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array
    from mediapipe_jetson.vision.images import Frame

KERNEL = 9
MASK_RATIO = 0.7
# SegmentationSmoothingCalculator: how uncertain a mask's value is, as a polynomial of the square of
# its distance from one half.
CERTAINTY = (5.68842, -0.748699, -57.8051, 291.309, -624.717)


class LegacyPoseGraph(PoseGraph):
    """Finds one person; the two points that lead to the next region are always smoothed."""

    detector = DetectorSpec(
        "pose_detector", (8, 16, 32, 32, 32), points=4, low=-1.0, suppression=SUPPRESSION
    )
    kernel = KERNEL

    def __init__(self, limits: Limits, *, smooth: bool, masks: bool, smooth_masks: bool) -> None:
        """Take the limits, and what is made and smoothed from frame to frame."""
        super().__init__(limits, masks=masks)
        self.smooth = smooth
        self.smooth_masks = smooth_masks
        self.last_mask: Optional[Array] = None
        self.helpers = smoothing.OneEuro(least_cutoff=0.01, beta=10.0)
        self.now = 0.0
        self.scale = 0.0

    def process(self, frame: Frame, timestamp_ms: float) -> list[Pose]:
        """Return the person in the frame, if any."""
        self.now = timestamp_ms
        return super().process(frame, timestamp_ms)

    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return the first of both: the detector runs only while no one is tracked."""
        return [*tracked, *detected][:1]

    def look(self, frame: Frame, rect: Rect) -> Optional[tuple[Pose, Rect]]:
        """Return the pose in a region, and the region that its smoothed helper points span."""
        estimate = self.estimate(frame, rect)
        if estimate is None:
            return None
        pose, (centre, edge) = estimate
        size = np.array(frame.size, np.float64)
        square = aligned(centre, edge, frame.size)
        self.scale = float((square.width * size[0] + square.height * size[1]) / 2)
        points = self.helpers.apply(np.array((centre, edge)) * size, self.now, self.scale) / size
        (x, y), (edge_x, edge_y) = points.astype(np.float32).tolist()
        square = aligned((x, y), (edge_x, edge_y), frame.size)
        return pose, widened(square, frame.size, MARGIN, square=True)

    def finish(self, frame: Frame, results: list[Pose], timestamp_ms: float) -> list[Pose]:
        """Return the pose, smoothed as far as is wanted."""
        if not results:
            for item in (self.place, self.world, self.visibility, self.helpers):
                item.reset()
            self.last_mask = None
            return results
        pose = results[0]
        if self.smooth:
            pose = self._smoothed(frame, pose, timestamp_ms)
        if self.smooth_masks and pose.mask is not None:
            pose = replace(pose, mask=mixed(pose.mask, self.last_mask))
            self.last_mask = pose.mask
        return [pose]

    def _smoothed(self, frame: Frame, pose: Pose, timestamp_ms: float) -> Pose:
        width, height = frame.size
        size = np.array((width, height, width), np.float64)
        place = self.place.apply(pose.landmarks * size, timestamp_ms, self.scale) / size
        world = self.world.apply(pose.world.astype(np.float64), timestamp_ms, 1.0)
        return replace(
            pose,
            landmarks=place.astype(np.float32),
            world=world.astype(np.float32),
            visibility=self.visibility.apply(pose.visibility),
        )


def mixed(mask: Array, before: Optional[Array]) -> Array:
    """Return a mask (height, width) mixed with the one before where it is uncertain."""
    if before is None or before.shape != mask.shape:
        return mask
    square = np.square(mask - np.float32(0.5))
    polynomial = np.zeros_like(square)
    for factor in reversed(CERTAINTY):
        polynomial = square * (np.float32(factor) + polynomial)
    uncertain = 1 - np.minimum(np.float32(1), polynomial)
    return np.asarray(mask + (before - mask) * (uncertain * np.float32(MASK_RATIO)), np.float32)
