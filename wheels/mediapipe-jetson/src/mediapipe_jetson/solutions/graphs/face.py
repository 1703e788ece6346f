"""Legacy Face Mesh: 468 landmarks, or 478 with lips, eyes and irises refined by attention.

Written to FaceLandmarkFrontCpu of MediaPipe 0.10.21 and the custom operators of its model.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Optional

import numpy as np

from mediapipe_jetson.solutions.errors import SolutionsError
from mediapipe_jetson.solutions.graphs.attention import REGIONS, TABLE
from mediapipe_jetson.vision.detection import placed
from mediapipe_jetson.vision.face_graph import LEFT_EYE, MARGIN, RIGHT_EYE, Face, FaceGraph
from mediapipe_jetson.vision.graph import DetectorSpec, Limits, to_image
from mediapipe_jetson.vision.rects import Rect, around, direction, newest, widened
from mediapipe_jetson.vision.scores import number, sigmoid

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame

ASSOCIATION = 0.5
SUPPRESSION = 0.3
CROP, CROP_SCALE, FEATURES, STRIDE = 16, 1.5, (48, 48, 32), 4
# The four pixels about a place: columns and rows (4, 1).
OFFSETS = np.array([[0, 1, 0, 1], [0, 0, 1, 1]])[:, :, None]


def counted(limits: Limits) -> Limits:
    """Return limits that let a detector run, whatever count was asked for."""
    return dataclasses.replace(limits, count=max(1, limits.count))


def check_count(count: int, detections: Array) -> None:
    """Raise SolutionsError where something is detected and nothing was to be found."""
    if count < 1 and len(detections):
        raise SolutionsError(f"at most {count} can be found; ask for 1 or more")


class FaceMeshGraph(FaceGraph):
    """468 landmarks; nothing is smoothed, and what is tracked replaces what is detected."""

    detector = DetectorSpec(
        "face_detector", (8, 16, 16, 16), points=6, low=-1.0, suppression=SUPPRESSION
    )
    landmarks_name = "face_mesh"
    landmarks_sizes: ClassVar[tuple[int, ...]] = (468 * 3, 1)
    at_most_count = False

    def __init__(self, limits: Limits) -> None:
        """Take the limits."""
        super().__init__(counted(limits), blendshapes=False, canonical=None)
        self.count = limits.count

    def regions(self, frame: Frame, region: Rect, detections: Array) -> list[Rect]:
        """Return squares about the detections, level with the eyes. Raises SolutionsError."""
        check_count(self.count, detections)
        rects = []
        for row in placed(detections[: self.limits.count], to_image(region, frame.size)).tolist():
            eye, other = row[RIGHT_EYE : RIGHT_EYE + 2], row[LEFT_EYE : LEFT_EYE + 2]
            box = around(row[:4], direction(eye, other, 0.0, frame.size))
            rects.append(widened(box, frame.size, MARGIN, square=True))
        return rects

    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return both, what is new first; what is tracked replaces what is detected."""
        return newest(detected, tracked, ASSOCIATION)

    def finish(self, frame: Frame, results: list[Face], timestamp_ms: float) -> list[Face]:
        """Return the faces as they are."""
        del frame, timestamp_ms
        return results


class AttentionFaceMeshGraph(FaceMeshGraph):
    """478 landmarks: two parts of one model, with crops of its features between them."""

    landmarks_name = "face_mesh_attention"
    landmarks_sizes = (468 * 3, 1, FEATURES[0] * FEATURES[1] * FEATURES[2])

    def __init__(self, limits: Limits) -> None:
        """Take the limits."""
        super().__init__(limits)
        table = json.loads(TABLE.read_text(encoding="utf-8"))
        self.refinements = {
            name: (np.array(row["landmarks"]), np.array(row.get("mean_of", ()), int))
            for name, row in table["refinements"].items()
        }
        self.corners = {name: row["corners"] for name, row in table["regions"].items()}

    def use_landmarks(self, sessions: Mapping[str, Session]) -> None:
        """Run the two parts of the model on their sessions."""
        super().use_landmarks(sessions)
        self.region_session = sessions[REGIONS]

    def inside(self, frame: Frame, rect: Rect) -> Optional[Array]:
        """Return the landmarks (478, 3) as fractions of a region; None if it shows no face."""
        points, presence, features = self.landmark_stage.run(frame, rect)
        if not number(sigmoid(presence)) > self.limits.presence:
            return None
        mesh = points.reshape(-1, 3)
        matrices = [self._matrix(mesh, name) for name in self.corners]
        inputs = self.region_session.buffers
        crops = sample(features[0], np.stack(matrices))
        for crop, given in zip(crops, inputs):  # noqa: B905 # Python 3.9
            given[0] = crop
        outputs = self.region_session.run(inputs)
        lips, left, right = matrices
        # The model's outputs: lips, an eye and its iris, the other eye and its iris.
        result = dict(zip(("lips", "left_eye", "left_iris", "right_eye", "right_iris"), outputs))  # noqa: B905
        places = {"lips": lips, "left_eye": left, "left_iris": left}
        whole = np.concatenate([mesh, np.zeros((10, 3), np.float32)])
        for name, (indices, mean_of) in self.refinements.items():
            flat = moved(result[name].reshape(-1, 2), places.get(name, right))
            whole[indices, :2] = flat
            if mean_of.size:
                whole[indices, 2] = whole[mean_of, 2].mean()
        return whole / np.float32(self.landmark_stage.side)

    def _matrix(self, mesh: Array, name: str) -> Array:
        """Return the (2, 3) matrix from a crop's pixels to those of the features."""
        points = mesh[:, :2] / np.float32(STRIDE)
        start, end = (points[index] for index in self.corners[name])
        across, down = (end - start).tolist()
        return crop_matrix(points[self.refinements[name][0]], -math.atan2(down, across))


def crop_matrix(points: Array, angle: float) -> Array:
    """Return the (2, 3) matrix from pixels of a crop to the plane of points (n, 2).

    The crop is upright after the points are turned by an angle in radians, and half as large again
    as what they cover then (Landmarks2TransformMatrix, version 2).
    """
    cos, sin = math.cos(angle), math.sin(angle)
    level = points @ np.array([[cos, sin], [-sin, cos]], np.float32)
    high, low = level.max(axis=0), level.min(axis=0)
    (x, y), (width, height) = (
        ((high + low) / 2).tolist(),
        ((high - low) * CROP_SCALE / CROP).tolist(),
    )
    centre_x, centre_y = cos * x + sin * y, -sin * x + cos * y
    linear: Any = np.array([[cos * width, sin * height], [-sin * width, cos * height]])
    shift = np.array([centre_x, centre_y]) - linear @ np.array([CROP / 2, CROP / 2])
    return np.column_stack([linear, shift]).astype(np.float32)


# Centres of a crop's pixels (3, pixels): x, y and 1.
_ROWS, _COLUMNS = np.mgrid[:CROP, :CROP].astype(np.float32).reshape(2, -1) + np.float32(0.5)
CENTRES = np.stack([_COLUMNS, _ROWS, np.ones_like(_ROWS)])


def sample(features: Array, matrices: Array) -> Array:
    """Return crops (n, side, side, channels) of features (height, width, channels), bilinearly.

    `matrices` are (n, 2, 3). Pixels' centres are at halves; outside are zeros
    (TransformTensorBilinear, version 2).
    """
    height, width, channels = features.shape
    places = np.concatenate([matrix @ CENTRES for matrix in matrices], axis=1) - np.float32(0.5)
    x, y = places
    left, top = np.floor(x), np.floor(y)
    across, down = x - left, y - top
    outside = (x < 0) | (x > width - 1) | (y < 0) | (y > height - 1)
    weights = np.stack(
        [(1 - across) * (1 - down), across * (1 - down), (1 - across) * down, across * down]
    )
    weights[:, outside] = 0
    columns = np.clip(left.astype(np.intp) + OFFSETS[0], 0, width - 1)
    rows = np.clip(top.astype(np.intp) + OFFSETS[1], 0, height - 1)
    corners = features.reshape(-1, channels)[rows * width + columns]
    crops = np.einsum("kp,kpc->pc", weights, corners)
    return crops.reshape(len(matrices), CROP, CROP, channels)


def moved(points: Array, matrix: Array) -> Array:
    """Return a crop's points (n, 2), in pixels of the image's input, in the whole input.

    The shift is in pixels of the features (TransformLandmarks, version 2, with the model's own
    scaling of the matrix).
    """
    return points @ matrix[:, :2].T + np.float32(STRIDE) * matrix[:, 2]
