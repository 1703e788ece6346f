"""Legacy Holistic: a pose that leads to the face and both hands.

Written to HolisticLandmarkCpu of MediaPipe 0.10.21.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

import numpy as np

from mediapipe_jetson.backends.base import ModelError
from mediapipe_jetson.solutions.graphs import roi_tracking
from mediapipe_jetson.solutions.graphs.face import FaceMeshGraph
from mediapipe_jetson.solutions.graphs.hand import HandsGraph
from mediapipe_jetson.solutions.graphs.pose import LegacyPoseGraph
from mediapipe_jetson.vision.detection import placed
from mediapipe_jetson.vision.face_graph import EYE_CORNERS, LEFT_EYE, MARGIN, RIGHT_EYE
from mediapipe_jetson.vision.graph import Stage, to_image
from mediapipe_jetson.vision.hand_graph import following
from mediapipe_jetson.vision.pose_graph import Pose
from mediapipe_jetson.vision.rects import (
    Rect,
    Size,
    aligned,
    around,
    direction,
    projected,
    widened,
)

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array, Session
    from mediapipe_jetson.vision.images import Frame

RECROP = "hand_recrop"
RECROP_SIZES = (4,)
FACE_POINTS, FACE_LINE = 11, (5, 2)
# Wrist, little finger and index finger of a side in the pose.
LEFT, RIGHT = (15, 17, 19), (16, 18, 20)
LEAST_VISIBILITY = 0.1


@dataclass(frozen=True)
class Whole:
    """One person: face (468 or 478, 3) and hands (21, 3) as fractions of the image, if seen."""

    pose: Pose
    face: Optional[Array]
    left_hand: Optional[Array]
    right_hand: Optional[Array]


class HolisticGraph:
    """Finds one person; face and hands are followed from frame to frame, in stills too."""

    def __init__(self, pose: LegacyPoseGraph, face: FaceMeshGraph, hand: HandsGraph) -> None:
        """Take the graphs of the parts; only their models are used of face and hand."""
        self.pose = pose
        self.face = face
        self.hand = hand
        self.faces: Optional[Array] = None
        self.hands: dict[tuple[int, ...], Optional[Array]] = {LEFT: None, RIGHT: None}

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on. Raises ModelError."""
        self.pose.use(sessions)
        self.face.use(sessions)
        self.hand.use_landmarks(sessions)
        self.recrop = Stage(sessions[RECROP], 0.0, zeros=False)
        if not self.recrop.session.outputs:
            raise ModelError(f"{RECROP} has no outputs")
        self.recrop.expect(RECROP, *RECROP_SIZES)

    def process(self, frame: Frame, timestamp_ms: float) -> Optional[Whole]:
        """Return the person in the frame; raise InferenceError and ImageError."""
        found = self.pose.process(frame, timestamp_ms)
        pose = found[0] if found else None
        self.faces = self._face(frame, pose)
        for side in (LEFT, RIGHT):
            self.hands[side] = self._hand(frame, pose, side)
        if pose is None:
            return None
        return Whole(pose, self.faces, self.hands[LEFT], self.hands[RIGHT])

    def _face(self, frame: Frame, pose: Optional[Pose]) -> Optional[Array]:
        if pose is None:
            return None
        rough = _about(pose.landmarks[:FACE_POINTS], FACE_LINE, frame.size, 3.0)
        decoder, stage = self.face.decoder, self.face.detect_stage
        found = decoder.decode(*stage.run(frame, rough))
        if not len(found):
            return None
        row = placed(found[:1], to_image(rough, frame.size))[0]
        eye, other = row[RIGHT_EYE : RIGHT_EYE + 2].tolist(), row[LEFT_EYE : LEFT_EYE + 2].tolist()
        points = row[4:].reshape(-1, 2)
        box = (*points.min(axis=0).tolist(), *points.max(axis=0).tolist())
        tight = around(box, direction(eye, other, 0.0, frame.size))
        now = widened(tight, frame.size, 2.0, shift_y=-0.1, square=True)
        before = None
        if self.faces is not None:
            before = _about(self.faces, EYE_CORNERS, frame.size, MARGIN)
        rect = roi_tracking.tracked(before, self.faces, now, frame.size, roi_tracking.FACE)
        inside = self.face.inside(frame, rect)
        return None if inside is None else projected(inside, rect)

    def _hand(self, frame: Frame, pose: Optional[Pose], side: tuple[int, ...]) -> Optional[Array]:
        if pose is None or not pose.visibility[side[0]] > LEAST_VISIBILITY:
            return None
        rough = from_pose(pose.landmarks[list(side), :2].astype(np.float64), frame.size)
        raw = self.recrop.run(frame, rough)[0].reshape(-1, 2) / np.float32(self.recrop.side)
        points = np.concatenate([raw, np.zeros((2, 1), np.float32)], axis=1)
        centre, edge = projected(points, rough)[:, :2].tolist()
        square = aligned(centre, edge, frame.size, -math.pi / 2)
        now = widened(square, frame.size, 1.0, shift_y=-0.1, square=True)
        last = self.hands[side]
        before = None if last is None else following(last, frame.size)
        rect = roi_tracking.tracked(before, last, now, frame.size, roi_tracking.HAND)
        found = self.hand.estimate(frame, rect)
        return None if found is None else found.landmarks


def _about(points: Array, line: tuple[int, int], size: Size, scale: float) -> Rect:
    """Return the square about points (n, 2 or more), level with a line between two of them."""
    low, high = points[:, :2].min(axis=0).tolist(), points[:, :2].max(axis=0).tolist()
    start, end = (points[index, :2].tolist() for index in line)
    box = around((*low, *high), direction(start, end, 0.0, size))
    return widened(box, size, scale, square=True)


def from_pose(points: Array, size: Size) -> Rect:
    """Return where a hand is, of wrist, little finger and index finger (3, 2) of a pose.

    As HandDetectionsFromPoseToRectsCalculator does.
    """
    wrist, little, index = points * size
    middle = (2 * index + little) / 3
    side = float(2 * np.hypot(*(middle - wrist)))
    across, down = (middle - wrist).tolist()
    rotation = direction((0.0, 0.0), (across, down), math.pi / 2, (1, 1))
    x, y = (middle / size).tolist()
    rect = Rect(x, y, side / size[0], side / size[1], rotation)
    return widened(rect, size, 2.7, shift_y=-0.1, square=True)
