"""Legacy Face Detection. Written to FaceDetectionShortRangeCpu and FullRangeCpu of 0.10.21."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mediapipe_jetson.solutions.graphs.face import SUPPRESSION
from mediapipe_jetson.vision.detection import Decoder, placed
from mediapipe_jetson.vision.graph import DetectorSpec, Stage, to_image
from mediapipe_jetson.vision.rects import squared

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame

POINTS = 6
SHORT = DetectorSpec("face_detector", (8, 16, 16, 16), POINTS, low=-1.0, suppression=SUPPRESSION)
FULL = DetectorSpec(
    "face_detector_full_range", (4,), POINTS, low=-1.0, suppression=SUPPRESSION, per_layer=1
)


# MediaPipe 0.10.21 takes a least score from its callers and leaves these in force.
LEAST_SCORES = {SHORT.name: 0.5, FULL.name: 0.6}


@dataclass(frozen=True)
class Detected:
    """A face: score, box (left, top, right, bottom), points (6, 2), as fractions of the image."""

    score: float
    box: tuple[float, float, float, float]
    points: Array


class FaceDetectionGraph:
    """Finds faces, the most certain first; each frame is on its own."""

    def __init__(self, spec: DetectorSpec) -> None:
        """Take the detector."""
        self.spec = spec

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on. Raises ModelError."""
        spec = self.spec
        self.stage = Stage(sessions[spec.name], spec.low, zeros=True)
        self.decoder = Decoder(
            self.stage.side,
            spec.strides,
            confidence=LEAST_SCORES[spec.name],
            suppression=spec.suppression,
            per_layer=spec.per_layer,
        )
        count = len(self.decoder.anchors)
        self.stage.expect(spec.name, count * (4 + 2 * spec.points), count)

    def process(self, frame: Frame, timestamp_ms: float) -> list[Detected]:
        """Return the faces in the frame; raise InferenceError and ImageError."""
        del timestamp_ms
        region = squared(frame.region, frame.size)
        result, scores = self.decoder.scored(*self.stage.run(frame, region))
        if not len(result):
            return []
        rows = placed(result, to_image(region, frame.size))
        return [
            Detected(float(score), tuple(row[:4].tolist()), row[4:].reshape(-1, 2))
            for row, score in zip(rows, scores)  # noqa: B905 # Python 3.9
        ]
