"""MediaPipe's landmarkers on this kit's backends; a drop-in for `mediapipe.tasks.python.vision`.

    from mediapipe_jetson.vision import FaceLandmarker, FaceLandmarkerOptions, RunningMode

Names of ours are imported when they are asked for, and MediaPipe's own are handed on: without
mediapipe, numpy or OpenCV the rest of the device wheel still works.
"""

from __future__ import annotations

import importlib
import importlib.util
from typing import Any

from mediapipe_jetson.vision.errors import MediaPipeMissingError

OURS = {
    "FaceLandmarker": "mediapipe_jetson.vision.face",
    "GestureRecognizer": "mediapipe_jetson.vision.gesture",
    "HandLandmarker": "mediapipe_jetson.vision.hand",
    "PoseLandmarker": "mediapipe_jetson.vision.pose",
}
MEDIAPIPE = "mediapipe.tasks.python.vision"

__all__ = ["FaceLandmarker", "GestureRecognizer", "HandLandmarker", "PoseLandmarker"]


def __getattr__(name: str) -> Any:  # noqa: ANN401 # a class of ours or of MediaPipe
    """Return a landmarker of ours, else what MediaPipe's vision tasks have by this name."""
    # Python asks here first for a module of this package, too.
    if name.startswith("__") or importlib.util.find_spec(f"{__name__}.{name}"):
        raise AttributeError(name)
    module = OURS.get(name, MEDIAPIPE)
    try:
        return getattr(importlib.import_module(module), name)
    except ImportError as error:
        raise MediaPipeMissingError(f"mediapipe_jetson.vision.{name} needs {error.name}") from error
