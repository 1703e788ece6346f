"""PoseLandmarker, with MediaPipe's options and results."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.vision import results
from mediapipe_jetson.vision.graph import Limits
from mediapipe_jetson.vision.pose_graph import Pose, PoseGraph
from mediapipe_jetson.vision.task import Landmarker


class PoseLandmarker(Landmarker):
    """Finds people, the landmarks of their poses, and their masks."""

    task = "PoseLandmarker"
    count_field = "num_poses"
    detection_field = "min_pose_detection_confidence"
    presence_field = "min_pose_presence_confidence"

    def sub_models(self) -> tuple[str, ...]:
        """Return the names of the sub-models."""
        return PoseGraph.detector.name, PoseGraph.landmarks_name

    def make_graph(self, limits: Limits) -> PoseGraph:
        """Return the graph."""
        return PoseGraph(limits, masks=self.options.output_segmentation_masks)

    def convert(self, found: list[Pose]) -> Any:  # noqa: ANN401 # MediaPipe's result
        """Return MediaPipe's result."""
        types = self.types
        landmarks, world, masks = [], [], []
        for pose in found:
            seen, there = pose.visibility.tolist(), pose.presence.tolist()
            landmarks.append(results.seen_points(types.normalized, pose.landmarks, seen, there))
            world.append(results.seen_points(types.landmark, pose.world, seen, there))
            if pose.mask is not None:
                masks.append(types.image(image_format=types.image_format.VEC32F1, data=pose.mask))
        return types.vision.PoseLandmarkerResult(landmarks, world, masks or None)
