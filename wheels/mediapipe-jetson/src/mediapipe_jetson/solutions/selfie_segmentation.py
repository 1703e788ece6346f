"""MediaPipe's legacy Selfie Segmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mediapipe_jetson.solutions.base import SolutionBase, whole
from mediapipe_jetson.solutions.errors import ArgumentError
from mediapipe_jetson.solutions.graphs.selfie import GENERAL, LANDSCAPE, SelfieGraph

__all__ = ["SelfieSegmentation", "SolutionBase"]
MODELS = {0: GENERAL, 1: LANDSCAPE}


class SelfieSegmentation(SolutionBase):
    """Tells a person from the background."""

    outputs = ("segmentation_mask",)

    def __init__(self, model_selection: int = 0) -> None:
        """Take the legacy argument: model 1 is for landscape pictures, and faster.

        Raises TypeError, OverflowError, ArgumentError, ModelMissingError and SolutionsError.
        """
        selection = whole(model_selection, "model_selection")
        if selection not in MODELS:
            raise ArgumentError(f"model_selection is 0 or 1, not {selection}")
        model = MODELS[selection]
        self._start({model: model}, lambda: SelfieGraph(model))

    def process(self, image: Any) -> Any:  # noqa: ANN401
        """Return a result whose segmentation_mask is (height, width), float32 from 0 to 1.

        Raises as `SolutionBase.process`.
        """
        return super().process(image)

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401
        result.flags.writeable = False
        return {"segmentation_mask": result}
