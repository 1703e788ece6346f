"""Gestures of hands: landmarks become 128 numbers, these a gesture.

Written to MediaPipe's SingleHandGestureRecognizerGraph, LandmarksToMatrixCalculator and
HandednessToMatrixCalculator.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

import numpy as np

from mediapipe_jetson.backends.base import ModelError
from mediapipe_jetson.vision.hand_graph import POINTS, Hand, HandGraph

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame
    from mediapipe_jetson.vision.rects import Size

EMBEDDER, CLASSIFIER = "gesture_embedder", "canned_gesture_classifier"
# labels.txt of the classifier's file.
GESTURES = (
    "None",
    "Closed_Fist",
    "Open_Palm",
    "Pointing_Up",
    "Thumb_Down",
    "Thumb_Up",
    "Victory",
    "ILoveYou",
)
EPSILON = 1e-5


@dataclass(frozen=True)
class HandWithGesture:
    """A hand, the place of its gesture in GESTURES, and that one's score."""

    hand: Hand
    gesture: int
    score: float


class GestureGraph(HandGraph):
    """Finds hands and their gestures."""

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on. Raises ModelError."""
        super().use(sessions)
        self.embedder, self.classifier = sessions[EMBEDDER], sessions[CLASSIFIER]
        takes = [spec.shape for spec in self.embedder.inputs]
        gives = [math.prod(spec.shape) for spec in self.classifier.outputs]
        if takes != [(1, POINTS, 3), (1, 1), (1, POINTS, 3)] or gives != [len(GESTURES)]:
            raise ModelError(f"gestures of inputs {takes} and outputs {gives} are not known")

    def finish(self, frame: Frame, results: list[Hand], timestamp_ms: float) -> Any:  # noqa: ANN401
        """Return the hands with their gestures."""
        return [self._with_gesture(frame, hand) for hand in super().finish(
            frame, results, timestamp_ms)]  # fmt: skip

    def _with_gesture(self, frame: Frame, hand: Hand) -> HandWithGesture:
        rotation = frame.region.rotation
        seen, left, world = self.embedder.buffers
        seen[0] = normalized(hand.landmarks, rotation, frame.size)
        left[0, 0] = 1 - hand.first
        world[0] = normalized(hand.world, rotation)
        (embedding,) = self.embedder.run(self.embedder.buffers)
        (given,) = self.classifier.buffers
        np.copyto(given, embedding)
        (scores,) = self.classifier.run(self.classifier.buffers)
        best = int(scores.argmax())
        return HandWithGesture(hand, best, float(scores.reshape(-1)[best]))


def normalized(landmarks: Array, rotation: float, size: Optional[Size] = None) -> Array:
    """Return landmarks (21, 3) upright, from the wrist, in units of the hand's longer side.

    `size` is the image's, where they are fractions of it.
    """
    points = landmarks.astype(np.float32, copy=True)
    middle = np.float32(0.5)
    if size is not None:
        points[:, :2] = (points[:, :2] - middle) * (np.float32(size) / max(size)) + middle
    cos, sin = np.float32(math.cos(rotation)), np.float32(math.sin(-rotation))
    x, y = points[:, 0] - middle, points[:, 1] - middle
    points[:, 0], points[:, 1] = x * cos - y * sin + middle, y * cos + x * sin + middle
    points -= points[0].copy()
    extent = np.maximum(points[:, :2].max(axis=0), 0) - points[:, :2].min(axis=0)
    result: Array = points / (np.float32(extent.max()) + np.float32(EPSILON))
    return result
