"""What flows through a pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Frame:
    """A picture: `bgr` is a NumPy array, uint8 of shape (height, width, 3), as OpenCV has it.

    `index` counts what the source gave, from 0; `taken_s` is time.monotonic() of its capture.
    """

    index: int
    timestamp_ms: int
    bgr: Any
    taken_s: float


@dataclass(frozen=True)
class Detected:
    """A frame and what the landmarker found in it, in the landmarker's own result type."""

    frame: Frame
    result: Any
