"""MediaPipe's legacy Face Mesh."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from mediapipe_jetson.solutions.base import SolutionBase, landmark_list, limits
from mediapipe_jetson.solutions.face_mesh_connections import (
    FACEMESH_CONTOURS,
    FACEMESH_FACE_OVAL,
    FACEMESH_IRISES,
    FACEMESH_LEFT_EYE,
    FACEMESH_LEFT_EYEBROW,
    FACEMESH_LEFT_IRIS,
    FACEMESH_LIPS,
    FACEMESH_NOSE,
    FACEMESH_RIGHT_EYE,
    FACEMESH_RIGHT_EYEBROW,
    FACEMESH_RIGHT_IRIS,
    FACEMESH_TESSELATION,
)
from mediapipe_jetson.solutions.graphs import attention
from mediapipe_jetson.solutions.graphs.face import AttentionFaceMeshGraph, FaceMeshGraph
from mediapipe_jetson.solutions.messages import NormalizedLandmarkList

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import SubModel

__all__ = [
    "FACEMESH_CONTOURS",
    "FACEMESH_FACE_OVAL",
    "FACEMESH_IRISES",
    "FACEMESH_LEFT_EYE",
    "FACEMESH_LEFT_EYEBROW",
    "FACEMESH_LEFT_IRIS",
    "FACEMESH_LIPS",
    "FACEMESH_NOSE",
    "FACEMESH_NUM_LANDMARKS",
    "FACEMESH_NUM_LANDMARKS_WITH_IRISES",
    "FACEMESH_RIGHT_EYE",
    "FACEMESH_RIGHT_EYEBROW",
    "FACEMESH_RIGHT_IRIS",
    "FACEMESH_TESSELATION",
    "FaceMesh",
    "SolutionBase",
]
FACEMESH_NUM_LANDMARKS = 468
FACEMESH_NUM_LANDMARKS_WITH_IRISES = 478


class FaceMesh(SolutionBase):
    """Finds faces with 468 landmarks, or 478 when these are refined."""

    outputs = ("multi_face_landmarks",)

    def __init__(
        self,
        static_image_mode: Any = False,  # noqa: ANN401 # the legacy signature
        max_num_faces: int = 1,
        refine_landmarks: Any = False,  # noqa: ANN401
        min_detection_confidence: float = 0.5,
        min_tracking_confidence: float = 0.5,
    ) -> None:
        """Take the legacy arguments. Raises TypeError, ModelMissingError and SolutionsError."""
        requested = limits(
            max_num_faces,
            min_detection_confidence,
            min_tracking_confidence,
            static=static_image_mode,
        )
        self._refined = bool(refine_landmarks)
        graph = AttentionFaceMeshGraph if self._refined else FaceMeshGraph
        model = "face_mesh_attention" if self._refined else "face_mesh"
        models = {"face_detector": "face_detector", model: model}
        self._start(models, lambda: graph(requested))

    def _prepared(self, models: dict[str, SubModel]) -> dict[str, SubModel]:
        if not self._refined:
            return models
        return {**models, **attention.parts(models["face_mesh_attention"])}

    def process(self, image: Any) -> Any:  # noqa: ANN401
        """Return a result whose multi_face_landmarks is a list of landmark lists, or None.

        Raises as `SolutionBase.process`.
        """
        return super().process(image)

    def _values(self, result: Any) -> Mapping[str, Any]:  # noqa: ANN401
        lists = [landmark_list(NormalizedLandmarkList, face.landmarks) for face in result]
        return {"multi_face_landmarks": lists or None}
