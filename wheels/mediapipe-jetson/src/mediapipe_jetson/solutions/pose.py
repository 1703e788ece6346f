"""MediaPipe's legacy Pose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mediapipe_jetson.solutions.base import SolutionBase, landmark_list, limits, whole
from mediapipe_jetson.solutions.enums import PoseLandmark
from mediapipe_jetson.solutions.errors import ArgumentError
from mediapipe_jetson.solutions.graphs.pose import LegacyPoseGraph
from mediapipe_jetson.solutions.messages import LandmarkList, NormalizedLandmarkList
from mediapipe_jetson.solutions.pose_connections import POSE_CONNECTIONS

if TYPE_CHECKING:
    from mediapipe_jetson.vision.pose_graph import Pose as FoundPose

__all__ = ["POSE_CONNECTIONS", "Pose", "PoseLandmark", "SolutionBase"]
MASK = 2  # its position among the model's outputs
SUFFIXES = {0: "_lite", 1: "", 2: "_heavy"}


class Pose(SolutionBase):
    """Finds one person with 33 landmarks, and on demand a mask."""

    outputs = ("pose_landmarks", "pose_world_landmarks", "segmentation_mask")

    def __init__(
        self,
        static_image_mode: Any = False,  # noqa: ANN401 # the legacy signature
        model_complexity: int = 1,
        smooth_landmarks: Any = True,  # noqa: ANN401
        enable_segmentation: Any = False,  # noqa: ANN401
        smooth_segmentation: Any = True,  # noqa: ANN401
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
    ) -> None:
        """Take the legacy arguments.

        Raises TypeError, OverflowError, ArgumentError, ModelMissingError and SolutionsError.
        """
        requested = limits(
            1, min_detection_confidence, min_tracking_confidence, static=static_image_mode
        )
        complexity = whole(model_complexity, "model_complexity")
        if complexity not in SUFFIXES:
            raise ArgumentError(f"model_complexity of Pose is 0, 1 or 2, not {complexity}")
        models = {
            "pose_detector": "pose_detector",
            "pose_landmarks_detector": "pose_landmarks_detector" + SUFFIXES[complexity],
        }
        stream = not static_image_mode
        self._unread = unread(masks=bool(enable_segmentation))
        self._start(
            models,
            lambda: LegacyPoseGraph(
                requested,
                smooth=bool(smooth_landmarks) and stream,
                masks=bool(enable_segmentation),
                smooth_masks=bool(smooth_segmentation) and stream,
            ),
        )

    def process(self, image: Any) -> Any:  # noqa: ANN401
        """Return a result with pose_landmarks, pose_world_landmarks and segmentation_mask.

        The mask is (height, width), float32 from 0 to 1; each is None without a person. Raises as
        `SolutionBase.process`.
        """
        return super().process(image)

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401
        return pose_values(result[0]) if result else {}


def unread(*, masks: bool) -> dict[str, tuple[int, ...]]:
    """Return the outputs of the models that Pose doesn't read, with or without masks."""
    return {} if masks else {"pose_landmarks_detector": (MASK,)}


def pose_values(pose: FoundPose) -> dict[str, Any]:
    """Return the outputs of a pose; its mask can't be written to from now on."""
    if pose.mask is not None:
        pose.mask.flags.writeable = False
    return {
        "pose_landmarks": landmark_list(NormalizedLandmarkList, pose.landmarks, pose.visibility),
        "pose_world_landmarks": landmark_list(LandmarkList, pose.world, pose.visibility),
        "segmentation_mask": pose.mask,
    }
