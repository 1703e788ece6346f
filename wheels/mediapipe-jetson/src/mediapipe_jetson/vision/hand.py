"""HandLandmarker, with MediaPipe's options and results."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.vision import results
from mediapipe_jetson.vision.graph import Limits
from mediapipe_jetson.vision.hand_graph import Hand, HandGraph
from mediapipe_jetson.vision.task import Landmarker

HANDS = ("Left", "Right")


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
        made = self.types
        return made.vision.HandLandmarkerResult(
            [[self._category(hand)] for hand in found],
            [results.points(made.normalized, hand.landmarks, made.unset) for hand in found],
            [results.points(made.landmark, hand.world, made.unset) for hand in found],
        )

    def _category(self, hand: Hand) -> Any:  # noqa: ANN401 # MediaPipe's Category
        """Return the likelier of the model's two classes; versions name them differently."""
        index = 0 if hand.first >= 1 - hand.first else 1
        first = self.types.first_hand
        name = first if index == 0 else HANDS[1 - HANDS.index(first)]
        score = hand.first if index == 0 else 1 - hand.first
        return self.types.category(index=index, score=score, display_name=name, category_name=name)
