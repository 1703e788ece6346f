"""MediaPipe's legacy Holistic."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mediapipe_jetson.solutions.base import SolutionBase, landmark_list, limits, whole
from mediapipe_jetson.solutions.enums import HandLandmark, PoseLandmark
from mediapipe_jetson.solutions.errors import ArgumentError
from mediapipe_jetson.solutions.face_mesh_connections import (
    FACEMESH_CONTOURS,
    FACEMESH_TESSELATION,
)
from mediapipe_jetson.solutions.graphs import attention
from mediapipe_jetson.solutions.graphs.face import AttentionFaceMeshGraph, FaceMeshGraph
from mediapipe_jetson.solutions.graphs.hand import HandsGraph
from mediapipe_jetson.solutions.graphs.holistic import LANDMARKS, OWN, RECROP, HolisticGraph
from mediapipe_jetson.solutions.graphs.pose import LegacyPoseGraph
from mediapipe_jetson.solutions.hands_connections import HAND_CONNECTIONS
from mediapipe_jetson.solutions.messages import NormalizedLandmarkList
from mediapipe_jetson.solutions.pose import SUFFIXES, pose_values, unread
from mediapipe_jetson.solutions.pose_connections import POSE_CONNECTIONS

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, SubModel

__all__ = [
    "FACEMESH_CONTOURS",
    "FACEMESH_TESSELATION",
    "HAND_CONNECTIONS",
    "POSE_CONNECTIONS",
    "HandLandmark",
    "Holistic",
    "PoseLandmark",
    "SolutionBase",
]


HANDS = (RECROP, LANDMARKS)
POSE = ("pose_detector", "pose_landmarks_detector")
MOST_THREADS = 4


class Holistic(SolutionBase):
    """Finds one person's pose, face and hands."""

    outputs = (
        "pose_landmarks",
        "pose_world_landmarks",
        "left_hand_landmarks",
        "right_hand_landmarks",
        "face_landmarks",
        "segmentation_mask",
    )

    def __init__(
        self,
        static_image_mode: Any = False,  # noqa: ANN401 # the legacy signature
        model_complexity: int = 1,
        smooth_landmarks: Any = True,  # noqa: ANN401
        enable_segmentation: Any = False,  # noqa: ANN401
        smooth_segmentation: Any = True,  # noqa: ANN401
        refine_face_landmarks: Any = False,  # noqa: ANN401
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
    ) -> None:
        """Take the legacy arguments; both confidences are of the pose.

        Raises TypeError, OverflowError, ArgumentError, ModelMissingError and SolutionsError.
        """
        requested = limits(
            1, min_detection_confidence, min_tracking_confidence, static=static_image_mode
        )
        usual = limits(1, 0.5, 0.5, static=False)
        complexity = whole(model_complexity, "model_complexity")
        if complexity not in SUFFIXES:
            raise ArgumentError(f"model_complexity of Holistic is 0, 1 or 2, not {complexity}")
        self._refined = bool(refine_face_landmarks)
        face = AttentionFaceMeshGraph if self._refined else FaceMeshGraph
        stream = not static_image_mode
        names = ("pose_detector", "face_detector", face.landmarks_name, *HANDS)
        models = {name: name for name in names}
        models.update((OWN + name, name) for name in HANDS)
        models["pose_landmarks_detector"] = "pose_landmarks_detector" + SUFFIXES[complexity]
        self._unread = unread(masks=bool(enable_segmentation))
        # While the pose is looked for, nothing else runs.
        self._threads = dict.fromkeys(POSE, min(os.cpu_count() or 1, MOST_THREADS))
        self._start(
            models,
            lambda: HolisticGraph(
                LegacyPoseGraph(
                    requested,
                    smooth=bool(smooth_landmarks) and stream,
                    masks=bool(enable_segmentation),
                    smooth_masks=bool(smooth_segmentation) and stream,
                ),
                face(usual),
                lambda: HandsGraph(usual),
            ),
        )

    def _prepared(self, models: dict[str, SubModel]) -> dict[str, SubModel]:
        if not self._refined:
            return models
        return {**models, **attention.parts(models["face_mesh_attention"])}

    def process(self, image: Any) -> Any:  # noqa: ANN401
        """Return a result with landmark lists of pose, face and hands, each None if not seen.

        Raises as `SolutionBase.process`.
        """
        return super().process(image)

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401
        if result is None:
            return {}
        return {
            **pose_values(result.pose),
            "face_landmarks": _list(result.face),
            "left_hand_landmarks": _list(result.left_hand),
            "right_hand_landmarks": _list(result.right_hand),
        }


def _list(points: Array | None) -> Any:  # noqa: ANN401 # a message
    return None if points is None else landmark_list(NormalizedLandmarkList, points)
