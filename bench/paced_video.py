"""A camera's stand-in: a video's first frames for ever, each at its time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import cv2

PER_SECOND = 30
FRAMES = 60


def pictures(path: str) -> Iterator[Any]:
    """Yield the frames at a camera's pace."""
    capture = cv2.VideoCapture(path)
    frames = [capture.read()[1] for _ in range(FRAMES)]
    due = time.monotonic()
    while True:
        for frame in frames:
            due += 1 / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
            yield frame
