"""MediaPipe's legacy Hands."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mediapipe_jetson.solutions.base import SolutionBase, landmark_list, limits, whole
from mediapipe_jetson.solutions.enums import HandLandmark
from mediapipe_jetson.solutions.errors import ArgumentError
from mediapipe_jetson.solutions.graphs.hand import HandsGraph
from mediapipe_jetson.solutions.hands_connections import HAND_CONNECTIONS
from mediapipe_jetson.solutions.messages import (
    ClassificationList,
    LandmarkList,
    NormalizedLandmarkList,
)
from mediapipe_jetson.solutions.messages.fields import single

__all__ = ["HAND_CONNECTIONS", "HandLandmark", "Hands", "SolutionBase"]
# The model's first class is the left hand of a mirrored picture.
LABELS = ("Left", "Right")
SUFFIXES = {0: "_lite", 1: ""}


class Hands(SolutionBase):
    """Finds hands with 21 landmarks each, and tells left from right in mirrored pictures."""

    outputs = ("multi_hand_landmarks", "multi_hand_world_landmarks", "multi_handedness")

    def __init__(
        self,
        static_image_mode: Any = False,  # noqa: ANN401 # the legacy signature
        max_num_hands: int = 2,
        model_complexity: int = 1,
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
    ) -> None:
        """Take the legacy arguments.

        Raises TypeError, OverflowError, ArgumentError, ModelMissingError and SolutionsError.
        """
        requested = limits(
            max_num_hands,
            min_detection_confidence,
            min_tracking_confidence,
            static=static_image_mode,
        )
        complexity = whole(model_complexity, "model_complexity")
        if complexity not in SUFFIXES:
            raise ArgumentError(f"model_complexity of Hands is 0 or 1, not {complexity}")
        suffix = SUFFIXES[complexity]
        names = ("hand_detector", "hand_landmarks_detector")
        self._start({name: name + suffix for name in names}, lambda: HandsGraph(requested))

    def process(self, image: Any) -> Any:  # noqa: ANN401
        """Return a result with multi_hand_landmarks, multi_hand_world_landmarks, multi_handedness.

        Each is a list, or None. Raises as `SolutionBase.process`.
        """
        return super().process(image)

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401
        if not result:
            return {}
        return {
            "multi_hand_landmarks": [
                landmark_list(NormalizedLandmarkList, hand.landmarks) for hand in result
            ],
            "multi_hand_world_landmarks": [
                landmark_list(LandmarkList, hand.world) for hand in result
            ],
            "multi_handedness": [_handedness(hand.first) for hand in result],
        }


def _handedness(first: float) -> Any:  # noqa: ANN401 # a message
    index = 0 if first >= 1 - first else 1
    result = ClassificationList()
    score = first if index == 0 else single(1.0 - first)
    result.classification.add(index=index, score=score, label=LABELS[index])
    return result
