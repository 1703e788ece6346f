"""Whether a region of the frame before still fits, or the one found anew is taken.

Written to RoiTrackingCalculator of MediaPipe 0.10.21.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

import numpy as np

from mediapipe_jetson.vision.rects import Rect, Size, turned

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array


@dataclass(frozen=True)
class Requirements:
    """How far a region may move: degrees, parts of its sides, and a margin for old landmarks."""

    rotation_degrees: float
    translation: float
    scale: float
    margin: float


FACE = Requirements(rotation_degrees=15, translation=0.1, scale=0.3, margin=-0.2)
HAND = Requirements(rotation_degrees=40, translation=0.2, scale=0.4, margin=-0.1)


def tracked(
    before: Optional[Rect], landmarks: Optional[Array], now: Rect, size: Size, allowed: Requirements
) -> Rect:
    """Return the region of the landmarks (n, 2 or more) before, if all requirements hold."""
    if before is None or landmarks is None:
        return now
    fits = _near(before, now, size, allowed) and _inside(landmarks, now, size, allowed.margin)
    return before if fits else now


def _level(points: Array, rect: Rect, size: Size) -> Array:
    """Return points, as fractions of the image, in pixels along the sides of a rectangle."""
    cos, sin = math.cos(-rect.rotation), math.sin(-rect.rotation)
    return np.asarray((points * size) @ np.array([[cos, sin], [-sin, cos]]))


def _near(before: Rect, now: Rect, size: Size, allowed: Requirements) -> bool:
    if abs(math.degrees(turned(before.rotation - now.rotation))) > allowed.rotation_degrees:
        return False
    old, new = _level(np.array([(before.x, before.y), (now.x, now.y)]), now, size)
    sides = np.array([now.width, now.height]) * size
    old_sides = np.array([before.width, before.height]) * size
    moved = bool((np.abs(old - new) > sides * allowed.translation).any())
    return not moved and not bool((np.abs(old_sides - sides) > sides * allowed.scale).any())


def _inside(landmarks: Array, now: Rect, size: Size, margin: float) -> bool:
    (centre,) = _level(np.array([(now.x, now.y)]), now, size)
    half = np.array([now.width, now.height]) * size * (1 + margin) / 2
    return bool((np.abs(_level(landmarks[:, :2], now, size) - centre) < half).all())
