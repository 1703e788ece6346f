"""Landmarks drawn into frames."""

from __future__ import annotations

import importlib
from typing import Any

from mediapipe_jetson.pipeline.frame import Detected

LANDMARKS = ("face_landmarks", "hand_landmarks", "pose_landmarks")
GREEN = (0, 255, 0)
# A dot: rows and columns about the landmark's pixel.
DOT = ((0, 0), (-1, 0), (1, 0), (0, -1), (0, 1))


def found_in(result: Any) -> list[Any]:  # noqa: ANN401 # MediaPipe's result types
    """Return the lists of landmarks of a result, one for each face, hand or person."""
    return [item for name in LANDMARKS for item in getattr(result, name, None) or ()]


def draw_landmarks(job: Detected) -> None:
    """Draw a dot at each landmark inside the frame, into the frame's own array.

    All at once: a call for each landmark would take Python's lock from inference 478 times.
    """
    numpy: Any = importlib.import_module("numpy")
    bgr = job.frame.bgr
    height, width = bgr.shape[:2]
    for points in found_in(job.result):
        places = numpy.array([(point.y, point.x) for point in points], numpy.float32)
        middles = (places * numpy.float32((height, width))).astype(numpy.int32)
        for down, right in DOT:
            rows, columns = middles[:, 0] + down, middles[:, 1] + right
            inside = (rows >= 0) & (rows < height) & (columns >= 0) & (columns < width)
            bgr[rows[inside], columns[inside]] = GREEN
