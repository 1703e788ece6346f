"""MediaPipe's legacy Face Detection."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from mediapipe_jetson.solutions.base import SolutionBase, limits
from mediapipe_jetson.solutions.enums import FaceKeyPoint
from mediapipe_jetson.solutions.graphs.detection import FULL, SHORT, Detected, FaceDetectionGraph
from mediapipe_jetson.solutions.messages import Detection, LocationData
from mediapipe_jetson.solutions.messages.repeated import RowMessages

__all__ = ["FaceDetection", "FaceKeyPoint", "SolutionBase", "get_key_point"]


def get_key_point(detection: Any, key_point_enum: FaceKeyPoint) -> Any:  # noqa: ANN401
    """Return a key point of a detection; None without a location."""
    if not detection or not detection.location_data:
        return None
    return detection.location_data.relative_keypoints[key_point_enum]


class FaceDetection(SolutionBase):
    """Finds faces with a box and six key points each."""

    outputs = ("detections",)

    def __init__(self, min_detection_confidence: float = 0.5, model_selection: int = 0) -> None:
        """Take the legacy arguments: model 1 is for faces up to five metres away.

        The confidence has no effect, as under MediaPipe 0.10.21 (0.5, and 0.6 for model 1).
        Raises TypeError, ModelMissingError and SolutionsError.
        """
        limits(1, min_detection_confidence, 0.5, static=True)
        spec = FULL if model_selection == 1 else SHORT
        self._start({spec.name: spec.name}, lambda: FaceDetectionGraph(spec))

    def process(self, image: Any) -> Any:  # noqa: ANN401
        """Return a result whose detections is a list of Detection messages, or None.

        Raises as `SolutionBase.process`.
        """
        return super().process(image)

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401
        return {"detections": [_message(item) for item in result] or None}


def _message(detected: Detected) -> Any:  # noqa: ANN401
    left, top, right, bottom = detected.box
    result = Detection(label_id=[0], score=[detected.score])
    location = result.location_data
    location.format = LocationData.RELATIVE_BOUNDING_BOX
    box = location.relative_bounding_box
    box.xmin, box.ymin, box.width, box.height = left, top, right - left, bottom - top
    points = location.DESCRIPTOR.fields_by_name["relative_keypoints"]
    rows = detected.points.astype(np.float32)
    location.values[points.name] = RowMessages(points, location, ("x", "y"), rows)
    return result
