"""Legacy Hands. Written to HandLandmarkTrackingCpu of MediaPipe 0.10.21."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mediapipe_jetson.solutions.graphs.face import (
    ASSOCIATION,
    SUPPRESSION,
    check_count,
    counted,
)
from mediapipe_jetson.vision.graph import DetectorSpec, Limits
from mediapipe_jetson.vision.hand_graph import Hand, HandGraph
from mediapipe_jetson.vision.rects import Rect, newest

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array
    from mediapipe_jetson.vision.images import Frame


class HandsGraph(HandGraph):
    """Hands upright to the model; new ones first, and none is taken for another."""

    detector = DetectorSpec(
        "hand_detector", (8, 16, 16, 16), points=7, low=0.0, suppression=SUPPRESSION
    )
    at_most_count = False
    upright = math.pi / 2

    def __init__(self, limits: Limits) -> None:
        """Take the limits."""
        super().__init__(counted(limits))
        self.count = limits.count

    def regions(self, frame: Frame, region: Rect, detections: Array) -> list[Rect]:
        """Return squares about whole hands. Raises SolutionsError."""
        check_count(self.count, detections)
        return super().regions(frame, region, detections)

    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return both, what is new first; what is tracked replaces what is detected."""
        return newest(detected, tracked, ASSOCIATION)

    def distinct(self, frame: Frame, pairs: list[tuple[Hand, Rect]]) -> list[tuple[Hand, Rect]]:
        """Return all that was found."""
        del frame
        return pairs
