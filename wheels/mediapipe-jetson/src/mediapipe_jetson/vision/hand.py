"""HandLandmarker, with MediaPipe's options and results."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.vision import results
from mediapipe_jetson.vision.graph import Limits
from mediapipe_jetson.vision.hand_graph import Hand, HandGraph
from mediapipe_jetson.vision.task import Landmarker

HANDS = ("Right", "Left")


class HandLandmarker(Landmarker):
    """Finds hands, their landmarks, and whether they are left or right ones."""

    task = "HandLandmarker"
    count_field = "num_hands"
    detection_field = "min_hand_detection_confidence"
    presence_field = "min_hand_presence_confidence"

    def sub_models(self) -> tuple[str, ...]:
        """Return the names of the sub-models."""
        return HandGraph.detector.name, HandGraph.landmarks_name

    def make_graph(self, limits: Limits) -> HandGraph:
        """Return the graph."""
        return HandGraph(limits)

    def convert(self, found: list[Hand]) -> Any:  # noqa: ANN401 # MediaPipe's result
        """Return MediaPipe's result."""
        types = self.types
        return types.vision.HandLandmarkerResult(
            [[self._category(hand)] for hand in found],
            [results.points(types.normalized, hand.landmarks, types.unset) for hand in found],
            [results.points(types.landmark, hand.world, types.unset) for hand in found],
        )

    def _category(self, hand: Hand) -> Any:  # noqa: ANN401 # MediaPipe's Category
        """Return the likelier of the model's two classes."""
        index = 0 if hand.first >= 1 - hand.first else 1
        score = (hand.first, 1 - hand.first)[index]
        name = HANDS[index]
        return self.types.category(index=index, score=score, display_name=name, category_name=name)
