"""What the face, hand and pose graphs share: detect, track, and run a model on each region."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Generic, Optional, TypeVar

import numpy as np

from mediapipe_jetson.backends.base import ModelError
from mediapipe_jetson.vision.crops import Crop, matrix
from mediapipe_jetson.vision.detection import ANCHORS_PER_LAYER, Decoder
from mediapipe_jetson.vision.rects import Rect, Size, squared

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame

TrackedObject = TypeVar("TrackedObject")


@dataclass(frozen=True)
class Limits:
    """How many are looked for, and from which score each counts (0 to 1)."""

    count: int
    detection: float
    presence: float
    tracking: float
    stream: bool
    """Frames follow each other: what was found is tracked and smoothed."""


@dataclass(frozen=True)
class DetectorSpec:
    """A detector's sub-model and its options in MediaPipe's graph."""

    name: str
    strides: tuple[int, ...]
    points: int
    low: float
    suppression: float
    per_layer: int = ANCHORS_PER_LAYER


class Stage:
    """One sub-model with the crop that fills its input."""

    def __init__(self, session: Session, low: float, *, zeros: bool) -> None:
        """Take a session whose first input is (1, side, side, 3), and the value of black.

        Raises ModelError for another.
        """
        shape = session.inputs[0].shape
        if len(shape) != 4 or shape != (1, shape[1], shape[1], 3):
            raise ModelError(f"an input of shape {shape} is not that of a square image")
        self.session = session
        self.inputs = session.buffers
        self.image = self.inputs[0][0]
        self.crop = Crop(shape, low, 1.0, zeros=zeros)
        self.side = shape[1]

    def expect(self, name: str, *sizes: int) -> None:
        """Raise ModelError unless the first outputs have so many values."""
        result = tuple(math.prod(spec.shape) for spec in self.session.outputs[: len(sizes)])
        if result != sizes:
            raise ModelError(f"{name} has outputs of {result} values where {sizes} are expected")

    def run(self, frame: Frame, rect: Rect) -> tuple[Array, ...]:
        """Return the model's outputs for a region; the next run may overwrite them."""
        self.crop.fill(frame.pixels, rect, self.image)
        return self.session.run(self.inputs)


class Graph(ABC, Generic[TrackedObject]):
    """Finds up to so many objects in a frame; remembers them when frames are a stream.

    Written to MediaPipe's FaceLandmarkerGraph, HandLandmarkerGraph and PoseLandmarkerGraph, which
    have this in common: the detector runs only while fewer are tracked than wanted.
    """

    detector: ClassVar[DetectorSpec]
    landmarks_name: ClassVar[str]
    landmarks_sizes: ClassVar[tuple[int, ...]]
    """How many values each of the landmark model's outputs has, in TFLite's order."""
    at_most_count: ClassVar[bool] = True
    """Look at no more regions than are wanted."""

    def __init__(self, limits: Limits) -> None:
        """Take the limits; `use` gives the sessions."""
        self.limits = limits
        self.tracked: list[Rect] = []

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on; what is tracked stays. Raises ModelError."""
        spec = self.detector
        self.detect_stage = Stage(sessions[spec.name], spec.low, zeros=True)
        self.decoder = Decoder(
            self.detect_stage.side,
            spec.strides,
            confidence=self.limits.detection,
            suppression=spec.suppression,
            per_layer=spec.per_layer,
        )
        count = len(self.decoder.anchors)
        self.detect_stage.expect(spec.name, count * (4 + 2 * spec.points), count)
        self.use_landmarks(sessions)

    def use_landmarks(self, sessions: Mapping[str, Session]) -> None:
        """Run the landmark model alone on its session: regions come from elsewhere."""
        self.landmark_stage = Stage(sessions[self.landmarks_name], 0.0, zeros=False)
        self.landmark_stage.expect(self.landmarks_name, *self.landmarks_sizes)

    @property
    def finishes_apart(self) -> bool:
        """Whether `finish` touches nothing that `infer` does: it may run beside the next frame."""
        return False

    def process(self, frame: Frame, timestamp_ms: float) -> list[TrackedObject]:
        """Return what is in the frame; raise InferenceError and ImageError."""
        return self.finish(frame, self.infer(frame), timestamp_ms)

    def infer(self, frame: Frame) -> list[TrackedObject]:
        """Return what is in the frame, not finished; raise InferenceError and ImageError."""
        limits = self.limits
        if not limits.stream:
            rects = self.detect(frame)
        elif len(self.tracked) >= limits.count:
            rects = self.associate(self.tracked, [])
        else:
            rects = self.associate(self.tracked, self.detect(frame))
        pairs = []
        for rect in rects[: limits.count] if self.at_most_count else rects:
            pair = self.look(frame, rect)
            if pair is not None:
                pairs.append(pair)
        pairs = self.distinct(frame, pairs)
        result = [item for item, _ in pairs]
        if limits.stream:
            self.tracked = [rect for _, rect in pairs]
        return result

    def detect(self, frame: Frame) -> list[Rect]:
        """Return the regions that the detector finds."""
        region = squared(frame.region, frame.size)
        boxes, scores = self.detect_stage.run(frame, region)
        result = self.decoder.decode(boxes, scores)
        return self.regions(frame, region, result) if len(result) else []

    @abstractmethod
    def regions(self, frame: Frame, region: Rect, detections: Array) -> list[Rect]:
        """Return regions for the landmark model of detections in a letterboxed region."""

    @abstractmethod
    def associate(self, tracked: Sequence[Rect], detected: Sequence[Rect]) -> list[Rect]:
        """Return the regions to look at, of those tracked and those detected."""

    @abstractmethod
    def look(self, frame: Frame, rect: Rect) -> Optional[tuple[TrackedObject, Rect]]:
        """Return what is in a region and where to look for it next; None if nothing is."""

    def distinct(
        self, frame: Frame, pairs: list[tuple[TrackedObject, Rect]]
    ) -> list[tuple[TrackedObject, Rect]]:
        """Return what was found without duplicates."""
        del frame
        return pairs

    def finish(
        self, frame: Frame, results: list[TrackedObject], timestamp_ms: float
    ) -> list[TrackedObject]:
        """Return what was found, smoothed and completed."""
        del frame, timestamp_ms
        return results


def to_image(rect: Rect, size: Size) -> Array:
    """Return the (2, 3) matrix from fractions of a region to fractions of the image."""
    return matrix(rect, size, (1, 1)) / np.array(size, np.float64)[:, None]
