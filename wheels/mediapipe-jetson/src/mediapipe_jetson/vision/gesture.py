"""GestureRecognizer, with MediaPipe's options and results."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.vision import results
from mediapipe_jetson.vision.errors import OptionError
from mediapipe_jetson.vision.gesture_graph import (
    CLASSIFIER,
    EMBEDDER,
    GESTURES,
    GestureGraph,
    HandWithGesture,
)
from mediapipe_jetson.vision.graph import Limits
from mediapipe_jetson.vision.hand import HandLandmarker
from mediapipe_jetson.vision.hand_graph import HandGraph

# With an s from 1.2.3 on.
CLASSIFIERS = (
    "canned_gesture_classifier_options",
    "canned_gestures_classifier_options",
    "custom_gesture_classifier_options",
    "custom_gestures_classifier_options",
)
CUSTOM = "custom_gesture_classifier.tflite"
NO_INDEX = -1
"""MediaPipe's, as it may have asked two classifiers."""


class GestureRecognizer(HandLandmarker):
    """Finds hands as HandLandmarker does, and which of seven gestures each makes."""

    task = "GestureRecognizer"
    verb = "recognize"

    def sub_models(self) -> tuple[str, ...]:
        """Return the names of the sub-models. Raises OptionError for what has no backend here."""
        if CUSTOM in self.bundle.members:
            raise OptionError("a bundle with gestures of one's own runs on MediaPipe's task alone")
        return HandGraph.detector.name, HandGraph.landmarks_name, EMBEDDER, CLASSIFIER

    def make_graph(self, limits: Limits) -> GestureGraph:
        """Return the graph. Raises OptionError for options of MediaPipe's classifiers."""
        for name in CLASSIFIERS:
            given = getattr(self.options, name, None)
            if given is not None and given != type(given)():
                raise OptionError(f"{name} is for MediaPipe's own task alone")
        return GestureGraph(limits)

    def convert(self, found: list[Any]) -> Any:  # noqa: ANN401 # MediaPipe's result
        """Return MediaPipe's result."""
        types = self.types
        return types.vision.GestureRecognizerResult(
            [[self._gesture(item)] for item in found],
            [[self._category(item.hand)] for item in found],
            [results.points(types.normalized, item.hand.landmarks, types.unset) for item in found],
            [results.points(types.landmark, item.hand.world, types.unset) for item in found],
        )

    def _gesture(self, hand_with_gesture: HandWithGesture) -> Any:  # noqa: ANN401 # MediaPipe's Category
        return self.types.category(
            index=NO_INDEX,
            score=hand_with_gesture.score,
            display_name=self.types.unnamed,
            category_name=GESTURES[hand_with_gesture.gesture],
        )

    def recognize(self, image: Any, image_processing_options: Any = None) -> Any:  # noqa: ANN401
        """Return the result of one image; as `detect` of the landmarkers."""
        return self.detect(image, image_processing_options)

    def recognize_for_video(
        self,
        image: Any,  # noqa: ANN401
        timestamp_ms: int,
        image_processing_options: Any = None,  # noqa: ANN401
    ) -> Any:  # noqa: ANN401
        """Return the result of a video's next frame; as `detect_for_video`."""
        return self.detect_for_video(image, timestamp_ms, image_processing_options)

    def recognize_async(
        self,
        image: Any,  # noqa: ANN401
        timestamp_ms: int,
        image_processing_options: Any = None,  # noqa: ANN401
    ) -> None:
        """Take a frame and return at once; as `detect_async`."""
        self.detect_async(image, timestamp_ms, image_processing_options)
