"""Faces: 478 landmarks, 52 blendshapes and a transformation matrix each.

Written to MediaPipe's FaceLandmarkerGraph, FaceDetectorGraph (short range),
MultiFaceLandmarksDetectorGraph and FaceBlendshapesGraph.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Optional

import numpy as np

from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.vision import geometry, smoothing
from mediapipe_jetson.vision.detection import placed
from mediapipe_jetson.vision.graph import DetectorSpec, Graph, Limits, Stage, to_image
from mediapipe_jetson.vision.rects import (
    Rect,
    around,
    direction,
    newest,
    projected,
    widened,
)
from mediapipe_jetson.vision.scores import number, sigmoid

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame

BLENDSHAPES = "face_blendshapes"
RIGHT_EYE, LEFT_EYE = 4, 6  # columns of the detector's first two key points
EYE_CORNERS = (33, 263)
MARGIN = 1.5
TABLE = DATA / "blendshapes.json"


@dataclass(frozen=True)
class Face:
    """One face: landmarks (478, 3) as fractions of the image, z as x is."""

    landmarks: Array
    blendshapes: Optional[Array] = None
    """52 scores in the order of data/blendshapes.json."""
    matrix: Optional[Array] = None
    """4x4, from the canonical face to this one, in centimetres."""


class FaceGraph(Graph[Face]):
    """Finds faces; a single one is smoothed in a stream."""

    detector = DetectorSpec("face_detector", (8, 16, 16, 16), points=6, low=-1.0, suppression=0.5)
    landmarks_name = "face_landmarks_detector"
    landmarks_sizes: ClassVar[tuple[int, ...]] = (478 * 3, 1)

    def __init__(
        self, limits: Limits, *, blendshapes: bool, canonical: Optional[geometry.CanonicalFace]
    ) -> None:
        """Take the limits, and whether blendshapes and matrices (of a face) are wanted."""
        super().__init__(limits)
        self.wants_blendshapes = blendshapes
        self.canonical = canonical
        self.filter = smoothing.OneEuro(least_cutoff=0.05, beta=80.0)
        self.subset = np.array(json.loads(TABLE.read_text(encoding="utf-8"))["landmarks"])

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on."""
        super().use(sessions)
        self.blendshape_session = sessions.get(BLENDSHAPES)

    @property
    def finishes_apart(self) -> bool:
        """Whether no model runs in `finish`; smoothing does not change what is tracked."""
        return self.blendshape_session is None

    def regions(self, frame: Frame, region: Rect, detections: Array) -> list[Rect]:
        """Return the detections' boxes, level with the eyes and widened."""
        rects = []
        for row in placed(detections[: self.limits.count], to_image(region, frame.size)).tolist():
            eye, other = row[RIGHT_EYE : RIGHT_EYE + 2], row[LEFT_EYE : LEFT_EYE + 2]
            rotation = direction(eye, other, 0.0, frame.size)
            rects.append(widened(around(row[:4], rotation), frame.size, MARGIN))
        return rects

    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return both; what was detected replaces what was tracked."""
        return newest(tracked, detected, self.limits.tracking)

    def look(self, frame: Frame, rect: Rect) -> Optional[tuple[Face, Rect]]:
        """Return the landmarks in a region and the region about them."""
        inside = self.inside(frame, rect)
        if inside is None:
            return None
        landmarks = projected(inside, rect)
        low, high = landmarks[:, :2].min(axis=0), landmarks[:, :2].max(axis=0)
        start, end = (landmarks[index, :2].tolist() for index in EYE_CORNERS)
        rotation = direction(start, end, 0.0, frame.size)
        box = around((*low.tolist(), *high.tolist()), rotation)
        return Face(landmarks), widened(box, frame.size, MARGIN, square=True)

    def inside(self, frame: Frame, rect: Rect) -> Optional[Array]:
        """Return the landmarks (n, 3) as fractions of a region; None if it shows no face."""
        stage: Stage = self.landmark_stage
        points, presence, *_ = stage.run(frame, rect)
        if not number(sigmoid(presence)) > self.limits.presence:
            return None
        return points.reshape(-1, 3) / np.float32(stage.side)

    def finish(self, frame: Frame, results: list[Face], timestamp_ms: float) -> list[Face]:
        """Return the faces smoothed, with blendshapes and matrices."""
        if self.limits.stream and self.limits.count == 1:
            results = self._smoothed(frame, results, timestamp_ms)
        return [self._completed(frame, face) for face in results]

    def _smoothed(self, frame: Frame, faces: list[Face], timestamp_ms: float) -> list[Face]:
        if not faces:
            self.filter.reset()
            return faces
        width, height = frame.size
        scale = np.array((width, height, width), np.float64)
        pixels = faces[0].landmarks * scale
        smooth = self.filter.apply(pixels, timestamp_ms, smoothing.extent(pixels)) / scale
        return [Face(smooth.astype(np.float32))]

    def _completed(self, frame: Frame, face: Face) -> Face:
        if self.wants_blendshapes and self.blendshape_session is not None:
            (given,) = self.blendshape_session.buffers
            size = np.array(frame.size, np.float32)
            np.multiply(face.landmarks[self.subset, :2], size, out=given[0])
            (scores,) = self.blendshape_session.run((given,))
            face = replace(face, blendshapes=scores.reshape(-1).copy())
        if self.canonical is not None:
            matrix = geometry.transformation(face.landmarks, frame.size, self.canonical)
            face = replace(face, matrix=matrix)
        return face
