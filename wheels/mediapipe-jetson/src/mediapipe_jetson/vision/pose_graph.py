"""Poses: 33 landmarks in the image and in metres, and a mask of the person.

Written to MediaPipe's PoseLandmarkerGraph, PoseDetectorGraph and
MultiplePoseLandmarksDetectorGraph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Optional

import cv2
import numpy as np

from mediapipe_jetson.vision import smoothing
from mediapipe_jetson.vision.crops import Warp, matrix
from mediapipe_jetson.vision.detection import placed
from mediapipe_jetson.vision.graph import DetectorSpec, Graph, Limits, to_image
from mediapipe_jetson.vision.heatmap import KERNEL, refined
from mediapipe_jetson.vision.rects import Point, Rect, aligned, newest, projected, rotated, widened
from mediapipe_jetson.vision.scores import number, sigmoid

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array
    from mediapipe_jetson.vision.images import Frame

CENTRE, EDGE = 4, 6  # columns of the detector's first two key points
POINTS, HELPERS, ALL = 33, 35, 39
MARGIN = 1.25
VISIBILITY_WEIGHT = 0.1


@dataclass(frozen=True)
class Pose:
    """One person: landmarks (33, 3) as fractions of the image, z as x is; world ones in metres."""

    landmarks: Array
    world: Array
    visibility: Array
    """(33,) from 0 to 1, as `presence` is."""
    presence: Array
    mask: Optional[Array] = None
    """(height, width) of the image, float32: how likely each pixel is of the person."""


class PoseGraph(Graph[Pose]):
    """Finds poses; a single one is smoothed in a stream."""

    detector = DetectorSpec(
        "pose_detector", (8, 16, 32, 32, 32), points=4, low=-1.0, suppression=0.5
    )
    landmarks_name = "pose_landmarks_detector"
    landmarks_sizes = (ALL * 5, 1, 256 * 256, 64 * 64 * ALL, ALL * 3)
    kernel: ClassVar[int] = KERNEL

    def __init__(self, limits: Limits, *, masks: bool) -> None:
        """Take the limits, and whether masks are wanted."""
        super().__init__(limits)
        self.wants_masks = masks
        self.warp: Optional[Warp] = None
        self.place = smoothing.OneEuro(least_cutoff=0.05, beta=80.0)
        self.world = smoothing.OneEuro(least_cutoff=0.1, beta=40.0)
        self.visibility = smoothing.LowPass(VISIBILITY_WEIGHT)

    def regions(self, frame: Frame, region: Rect, detections: Array) -> list[Rect]:
        """Return the squares that two key points of each detection span."""
        rects = []
        for row in placed(detections, to_image(region, frame.size)).tolist():
            square = aligned(row[CENTRE : CENTRE + 2], row[EDGE : EDGE + 2], frame.size)
            rects.append(widened(square, frame.size, MARGIN, square=True))
        return rects

    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return both; what was detected replaces what was tracked."""
        return newest(tracked, detected, self.limits.tracking)

    def look(self, frame: Frame, rect: Rect) -> Optional[tuple[Pose, Rect]]:
        """Return the pose in a region, and the region that its two helper points span."""
        estimate = self.estimate(frame, rect)
        if estimate is None:
            return None
        pose, (centre, edge) = estimate
        square = aligned(centre, edge, frame.size)
        return pose, widened(square, frame.size, MARGIN, square=True)

    def estimate(self, frame: Frame, rect: Rect) -> Optional[tuple[Pose, list[Point]]]:
        """Return the pose in a region and its two helper points: the hips' centre, and an edge."""
        stage = self.landmark_stage
        raw, presence, mask, heatmap, world = stage.run(frame, rect)
        if not number(presence) > self.limits.presence:
            return None
        rows = raw.reshape(ALL, -1)[:HELPERS]
        inside = refined(rows[:, :3] / np.float32(stage.side), heatmap[0], self.kernel)
        points = projected(inside, rect)
        seen = sigmoid(rows[:POINTS, 3:5])
        pose = Pose(
            points[:POINTS],
            rotated(world.reshape(ALL, 3)[:POINTS], rect),
            seen[:, 0],
            seen[:, 1],
            self._mask(mask[0], rect, frame) if self.wants_masks else None,
        )
        return pose, [(x, y) for x, y in points[POINTS:HELPERS, :2].tolist()]

    def _mask(self, logits: Array, rect: Rect, frame: Frame) -> Array:
        """Return a region's mask in the whole image (TensorsToSegmentation, WarpAffine)."""
        if self.warp is None or self.warp.target != frame.size:
            self.warp = Warp(frame.size, zeros=True)
        small = sigmoid(logits[:, :, 0])
        inward = matrix(rect, frame.size, (small.shape[1], small.shape[0]))
        whole = np.empty((frame.size[1], frame.size[0]), np.float32)
        self.warp.read(small, cv2.invertAffineTransform(inward), whole)
        return whole

    def finish(self, frame: Frame, results: list[Pose], timestamp_ms: float) -> list[Pose]:
        """Return the poses, a single one of a stream smoothed."""
        if not self.limits.stream or self.limits.count != 1:
            return results
        if not results:
            for item in (self.place, self.world, self.visibility):
                item.reset()
            return results
        pose = results[0]
        width, height = frame.size
        scale = np.array((width, height, width), np.float64)
        area = self.tracked[0]
        reach = (area.width * width + area.height * height) / 2
        place = self.place.apply(pose.landmarks * scale, timestamp_ms, reach) / scale
        world = self.world.apply(pose.world.astype(np.float64), timestamp_ms, 1.0)
        return [
            replace(
                pose,
                landmarks=place.astype(np.float32),
                world=world.astype(np.float32),
                visibility=self.visibility.apply(pose.visibility),
            )
        ]
