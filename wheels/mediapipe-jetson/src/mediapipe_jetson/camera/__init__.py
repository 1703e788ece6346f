"""Cameras, streams, files and GStreamer pipelines, read as cv2.VideoCapture reads.

`camera.open("csi://0")` returns a Capture: isOpened(), read(), get(), release(), and iteration.
"""

from __future__ import annotations

from mediapipe_jetson.camera.address import is_live
from mediapipe_jetson.camera.capture import Capture, Picture, open_camera
from mediapipe_jetson.camera.errors import (
    CameraEndedError,
    CameraError,
    CameraMissingError,
    CameraSourceError,
)

open = open_camera  # as in `camera.open`

__all__ = [
    "CameraEndedError",
    "CameraError",
    "CameraMissingError",
    "CameraSourceError",
    "Capture",
    "Picture",
    "is_live",
    "open",
    "open_camera",
]
