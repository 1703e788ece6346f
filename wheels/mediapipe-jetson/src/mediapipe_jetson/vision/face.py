"""FaceLandmarker, with MediaPipe's options and results."""

from __future__ import annotations

import json
from typing import Any

from mediapipe_jetson.vision import geometry, results
from mediapipe_jetson.vision.face_graph import BLENDSHAPES, TABLE, Face, FaceGraph
from mediapipe_jetson.vision.graph import Limits
from mediapipe_jetson.vision.task import Landmarker

GEOMETRY = "geometry_pipeline_metadata_landmarks.binarypb"


class FaceLandmarker(Landmarker):
    """Finds faces and their landmarks, blendshapes and transformation matrices."""

    task = "FaceLandmarker"
    count_field = "num_faces"
    detection_field = "min_face_detection_confidence"
    presence_field = "min_face_presence_confidence"

    def sub_models(self) -> tuple[str, ...]:
        """Return the names of the sub-models."""
        always = (FaceGraph.detector.name, FaceGraph.landmarks_name)
        return (*always, BLENDSHAPES) if self.options.output_face_blendshapes else always

    def make_graph(self, limits: Limits) -> FaceGraph:
        """Return the graph."""
        self.names = json.loads(TABLE.read_text(encoding="utf-8"))["names"]
        requested = self.options.output_facial_transformation_matrixes
        return FaceGraph(
            limits,
            blendshapes=self.options.output_face_blendshapes,
            canonical=geometry.read(self.bundle.member(GEOMETRY)) if requested else None,
        )

    def convert(self, found: list[Face]) -> Any:  # noqa: ANN401 # MediaPipe's result
        """Return MediaPipe's result."""
        types = self.types
        return types.vision.FaceLandmarkerResult(
            [results.points(types.normalized, face.landmarks, types.unset) for face in found],
            [
                [
                    types.category(index, score, types.unnamed, name)
                    for index, (score, name) in enumerate(
                        zip(face.blendshapes.tolist(), self.names)  # noqa: B905 # Python 3.9
                    )
                ]
                for face in found
                if face.blendshapes is not None
            ],
            [face.matrix for face in found if face.matrix is not None],
        )
