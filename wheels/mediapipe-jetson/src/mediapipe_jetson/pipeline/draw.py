"""Landmarks drawn into frames."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.pipeline.frame import Detected
from mediapipe_jetson.pipeline.sources import opencv

LANDMARKS = ("face_landmarks", "hand_landmarks", "pose_landmarks")
GREEN = (0, 255, 0)


def found_in(result: Any) -> list[Any]:  # noqa: ANN401 # MediaPipe's result types
    """Return the lists of landmarks of a result, one for each face, hand or person."""
    return [one for name in LANDMARKS for one in getattr(result, name, None) or ()]


def draw_landmarks(job: Detected) -> None:
    """Draw a dot of one pixel's radius at each landmark, into the frame's own array."""
    cv2 = opencv()
    height, width = job.frame.bgr.shape[:2]
    for points in found_in(job.result):
        for point in points:
            place = (int(point.x * width), int(point.y * height))
            cv2.circle(job.frame.bgr, place, 1, GREEN, -1)
