"""Hands: 21 landmarks in the image and in metres, and which hand it is.

Written to MediaPipe's HandLandmarkerGraph, HandDetectorGraph, MultipleHandLandmarksDetectorGraph,
HandLandmarksToRectCalculator and HandLandmarksDeduplicationCalculator.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Optional

import numpy as np

from mediapipe_jetson.vision.detection import placed
from mediapipe_jetson.vision.graph import DetectorSpec, Graph, to_image
from mediapipe_jetson.vision.rects import (
    Rect,
    Size,
    around,
    direction,
    oldest,
    overlap,
    projected,
    rotated,
    turned,
    widened,
)
from mediapipe_jetson.vision.scores import number

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array
    from mediapipe_jetson.vision.images import Frame

WRIST, MIDDLE_KNUCKLE = 4, 8  # columns of the detector's key points 0 and 2
# MediaPipe sets rotation_vector_target_angle, in radians, to 90: the model sees hands so turned.
UPRIGHT = 90.0
POINTS = 21
DEPTH = 0.4
# The wrist, the thumb but its tip, and two joints of each finger: what is followed in a stream.
FOLLOWED = (0, 1, 2, 3, 5, 6, 9, 10, 13, 14, 17, 18)
# The wrist points to the mean of the middle knuckle and the mean of the two beside it.
MIDDLE, SIDES = 9, (5, 13)
PALM = (0, 5, 17)
ALIKE_DISTANCE = 0.2
ALIKE_POINTS = 10
ALIKE_OVERLAP = 0.2


@dataclass(frozen=True)
class Hand:
    """One hand: landmarks (21, 3) as fractions of the image, z as x is; world ones in metres."""

    landmarks: Array
    world: Array
    first: float
    """Score of the model's first class; the second's is one minus this."""


class HandGraph(Graph[Hand]):
    """Finds hands; nothing is smoothed, as in MediaPipe's task."""

    detector = DetectorSpec("hand_detector", (8, 16, 16, 16), points=7, low=0.0, suppression=0.3)
    landmarks_name = "hand_landmarks_detector"
    landmarks_sizes = (POINTS * 3, 1, 1, POINTS * 3)
    upright: ClassVar[float] = UPRIGHT

    def regions(self, frame: Frame, region: Rect, detections: Array) -> list[Rect]:
        """Return squares about whole hands, upright from the wrist, of detected palms."""
        rects = []
        for row in placed(detections, to_image(region, frame.size)).tolist():
            wrist, knuckle = row[WRIST : WRIST + 2], row[MIDDLE_KNUCKLE : MIDDLE_KNUCKLE + 2]
            rotation = direction(wrist, knuckle, self.upright, frame.size)
            palm = around(row[:4], rotation)
            rects.append(widened(palm, frame.size, 2.6, shift_y=-0.5, square=True))
        return rects[: self.limits.count]

    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return both; what was tracked keeps its place."""
        return oldest(tracked, detected, self.limits.tracking)

    def look(self, frame: Frame, rect: Rect) -> Optional[tuple[Hand, Rect]]:
        """Return the hand in a region and the region about it."""
        hand = self.estimate(frame, rect)
        return None if hand is None else (hand, following(hand.landmarks, frame.size))

    def estimate(self, frame: Frame, rect: Rect) -> Optional[Hand]:
        """Return the hand in a region; None if it shows none."""
        stage = self.landmark_stage
        points, presence, handedness, world = stage.run(frame, rect)
        if not number(presence) > self.limits.presence:
            return None
        inside = points.reshape(POINTS, 3) / np.float32(stage.side)
        inside[:, 2] /= DEPTH
        landmarks = projected(inside, rect)
        return Hand(landmarks, rotated(world.reshape(POINTS, 3), rect), number(handedness))

    def distinct(self, frame: Frame, pairs: list[tuple[Hand, Rect]]) -> list[tuple[Hand, Rect]]:
        """Return hands that are not the same one seen twice."""
        result: list[tuple[Hand, Rect]] = []
        for pair in pairs:
            if not any(alike(pair[0], other, frame.size) for other, _ in result):
                result.append(pair)
        return result


def following(landmarks: Array, size: Size) -> Rect:
    """Return where a hand (21, 3) is looked for in the next frame."""
    return widened(enclosing(landmarks, size), size, 2.0, shift_y=-0.1, square=True)


def enclosing(landmarks: Array, size: Size) -> Rect:
    """Return the rectangle about a hand (21, 3) without its fingertips, upright from the wrist."""
    points = landmarks[:, :2].astype(np.float64)
    ahead = (points[list(SIDES)].mean(axis=0) + points[MIDDLE]) / 2
    rotation = direction(points[0], ahead, math.pi / 2, size)
    points = points[list(FOLLOWED)]
    cos, sin = math.cos(turned(-rotation)), math.sin(turned(-rotation))
    centre = (points.max(axis=0) + points.min(axis=0)) / 2
    moved = (points - centre) * size
    level = np.stack([moved @ (cos, -sin), moved @ (sin, cos)], axis=1)
    # The reference starts its greatest values at the least positive number.
    high, low = np.maximum(level.max(axis=0), 0.0), level.min(axis=0)
    x, y = (high + low) / 2
    cos, sin = math.cos(rotation), math.sin(rotation)
    width, height = high - low
    return Rect(
        float(centre[0] + (x * cos - y * sin) / size[0]),
        float(centre[1] + (x * sin + y * cos) / size[1]),
        float(width / size[0]),
        float(height / size[1]),
        rotation,
    )


def alike(hand: Hand, other: Hand, size: Size) -> bool:
    """Return whether two hands are the same: enough points near each other, and boxes overlap."""
    first, second = hand.landmarks[:, :2] * size, other.landmarks[:, :2] * size
    reach = max(_reach(first), _reach(second)) * ALIKE_DISTANCE
    near = np.hypot(*(first - second).T) < reach
    if int(near.sum()) < ALIKE_POINTS:
        return False
    return overlap(_bounds(hand.landmarks), _bounds(other.landmarks)) > ALIKE_OVERLAP


def _reach(points: Array) -> float:
    """Return the greatest distance between wrist and the knuckles of index and little finger."""
    corners = points[list(PALM)]
    return float(np.hypot(*(corners - np.roll(corners, 1, axis=0)).T).max())


def _bounds(landmarks: Array) -> Rect:
    low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
    return around((*low.tolist(), *high.tolist()), 0.0)
