"""Regions of interest: made of detections, widened, and told apart from frame to frame.

Written to MediaPipe's DetectionsToRectsCalculator, AlignmentPointsRectsCalculator,
RectTransformationCalculator, AssociationNormRectCalculator and HandAssociationCalculator.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

Size = tuple[int, int]
"""Width and height of an image in pixels."""
Point = tuple[float, float]


@dataclass(frozen=True)
class Rect:
    """A turned rectangle: centre and size as fractions of the image, rotation in radians.

    The rotation is clockwise as one sees it, since y grows downwards.
    """

    x: float
    y: float
    width: float
    height: float
    rotation: float = 0.0

    @property
    def box(self) -> tuple[float, float, float, float]:
        """Return left, top, right, bottom, without the rotation."""
        half, tall = self.width / 2, self.height / 2
        return self.x - half, self.y - tall, self.x + half, self.y + tall


def turned(angle: float) -> float:
    """Return an angle in radians brought into [-pi, pi)."""
    return angle - 2 * math.pi * math.floor((angle + math.pi) / (2 * math.pi))


def single(value: float) -> float:
    """Return a number as single precision holds it: what MediaPipe tracks, to the last digit."""
    return float(np.float32(value))


def whole(size: Size, degrees: int) -> Rect:
    """Return the whole image, turned by a multiple of 90 degrees as ImageProcessingOptions says.

    A quarter turn swaps the sides (BaseVisionTaskApi::ConvertToNormalizedRect).
    """
    width, height = size
    sideways = degrees % 180 != 0
    return Rect(
        0.5,
        0.5,
        height / width if sideways else 1.0,
        width / height if sideways else 1.0,
        -math.radians(degrees),
    )


def direction(start: Point, end: Point, target: float, size: Size) -> float:
    """Return the rotation that brings the line between two points to the target angle.

    Points are fractions of the image; angles in radians, the target counter-clockwise.
    """
    across, down = (end[0] - start[0]) * size[0], (end[1] - start[1]) * size[1]
    # In single precision, as the reference: of a target of 90 radians the last digit is 8e-6.
    return single(turned(float(np.float32(target) - np.float32(math.atan2(-down, across)))))


def around(box: Sequence[float], rotation: float) -> Rect:
    """Return the rectangle of a box (left, top, right, bottom)."""
    left, top, right, bottom = box
    return Rect((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, rotation)


def aligned(centre: Point, edge: Point, size: Size, target: float = math.pi / 2) -> Rect:
    """Return the square about a centre that reaches to an edge point, which is turned upwards.

    Another target, in radians, turns it elsewhere.
    """
    reach = 2 * math.hypot((edge[0] - centre[0]) * size[0], (edge[1] - centre[1]) * size[1])
    rotation = direction(centre, edge, target, size)
    return Rect(centre[0], centre[1], reach / size[0], reach / size[1], rotation)


def widened(
    rect: Rect, size: Size, scale: float, *, shift_y: float = 0.0, square: bool = False
) -> Rect:
    """Return a rectangle moved along its own vertical by a part of its height, then scaled.

    `square` takes the longer side for both.
    """
    width, height = rect.width * size[0], rect.height * size[1]
    move = height * shift_y
    x = rect.x - move * math.sin(rect.rotation) / size[0]
    y = rect.y + move * math.cos(rect.rotation) / size[1]
    if square:
        width = height = max(width, height)
    width, height = single(width / size[0]) * scale, single(height / size[1]) * scale
    return Rect(single(x), single(y), single(width), single(height), rect.rotation)


def overlap(rect: Rect, other: Rect) -> float:
    """Return intersection over union of two rectangles, without their rotations."""
    left, top, right, bottom = rect.box
    left2, top2, right2, bottom2 = other.box
    across = min(right, right2) - max(left, left2)
    down = min(bottom, bottom2) - max(top, top2)
    if across <= 0 or down <= 0:
        return 0.0
    both = rect.width * rect.height + other.width * other.height - across * down
    return across * down / both if both > 0 else 0.0


def newest(tracked: Iterable[Rect], detected: Iterable[Rect], threshold: float) -> list[Rect]:
    """Return all of both but those that a later one overlaps: detections replace what was tracked.

    As AssociationNormRectCalculator does for faces and poses.
    """
    rects: list[Rect] = []
    for rect in (*tracked, *detected):
        rects = [item for item in rects if overlap(rect, item) <= threshold]
        rects.append(rect)
    return rects


def oldest(tracked: Iterable[Rect], detected: Iterable[Rect], threshold: float) -> list[Rect]:
    """Return all that were tracked, and detections that overlap none before them.

    As HandAssociationCalculator does for hands.
    """
    rects = list(tracked)
    for rect in detected:
        if all(overlap(item, rect) <= threshold for item in rects):
            rects.append(rect)
    return rects


def projected(points: Array, rect: Rect) -> Array:
    """Return points (n, 3) of a square region, as fractions of it, as fractions of the image.

    z is scaled as x is (LandmarkProjectionCalculator).
    """
    cos, sin = math.cos(rect.rotation), math.sin(rect.rotation)
    x, y = points[:, 0] - 0.5, points[:, 1] - 0.5
    out = points.copy()
    out[:, 0] = (cos * x - sin * y) * rect.width + rect.x
    out[:, 1] = (sin * x + cos * y) * rect.height + rect.y
    out[:, 2] *= rect.width
    return out


def rotated(points: Array, rect: Rect) -> Array:
    """Return world points (n, 3) in metres, turned as the region is (WorldLandmarkProjection)."""
    cos, sin = math.cos(rect.rotation), math.sin(rect.rotation)
    out = points.copy()
    out[:, 0] = cos * points[:, 0] - sin * points[:, 1]
    out[:, 1] = sin * points[:, 0] + cos * points[:, 1]
    return out


def squared(rect: Rect, size: Size) -> Rect:
    """Return the smallest square about a rectangle (letterbox), about the same centre."""
    side = max(rect.width * size[0], rect.height * size[1])
    return replace(rect, width=side / size[0], height=side / size[1])
