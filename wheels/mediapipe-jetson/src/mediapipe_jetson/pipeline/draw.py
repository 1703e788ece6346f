"""Landmarks drawn into frames."""

from __future__ import annotations

import importlib
from typing import Any

from mediapipe_jetson.pipeline.frame import Detected

LANDMARKS = ("face_landmarks", "hand_landmarks", "pose_landmarks")
GREEN = (0, 255, 0)
# A dot: rows and columns about the landmark's pixel.
DOWN, RIGHT = (0, -1, 1, 0, 0), (0, 0, 0, -1, 1)


def landmark_lists(result: Any) -> list[Any]:  # noqa: ANN401 # MediaPipe's result types
    """Return the lists of landmarks of a result, one for each face, hand or person."""
    return [item for name in LANDMARKS for item in getattr(result, name, None) or ()]


def draw_landmarks(job: Detected) -> None:
    """Draw a dot at each landmark inside the frame, into the frame's own array.

    All at once: a call for each landmark would take Python's lock from inference 478 times.
    """
    numpy: Any = importlib.import_module("numpy")
    bgr = job.frame.bgr
    height, width = bgr.shape[:2]
    for points in landmark_lists(job.result):
        rows = numpy.array([point.y for point in points], numpy.float32) * numpy.float32(height)
        columns = numpy.array([point.x for point in points], numpy.float32) * numpy.float32(width)
        rows = numpy.add.outer(rows.astype(numpy.int32), DOWN)
        columns = numpy.add.outer(columns.astype(numpy.int32), RIGHT)
        inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
        bgr[rows[inside], columns[inside]] = GREEN
