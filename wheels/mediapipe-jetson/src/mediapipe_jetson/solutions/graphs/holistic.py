"""Legacy Holistic: a pose that leads to the face and both hands.

Written to HolisticLandmarkCpu of MediaPipe 0.10.21.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Lock
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

RECROP, LANDMARKS = "hand_recrop", "hand_landmarks_detector"
# What the right hand's sessions are called, beside those of the left one: both run at once.
OWN = "right_"
RECROP_SIZES = (4,)
FACE_POINTS, FACE_LINE = 11, (5, 2)
# Wrist, little finger and index finger of a side in the pose.
LEFT, RIGHT = (15, 17, 19), (16, 18, 20)
LEAST_VISIBILITY = 0.1
Points = Optional["Array"]


@dataclass(frozen=True)
class Whole:
    """One person: face (468 or 478, 3) and hands (21, 3) as fractions of the image, if seen."""

    pose: Pose
    face: Optional[Array]
    left_hand: Optional[Array]
    right_hand: Optional[Array]


class Side:
    """A hand, on sessions of its own."""

    def __init__(self, points: tuple[int, ...], hand: HandsGraph) -> None:
        """Take the pose's points of it: wrist, little finger, index finger."""
        self.points = points
        self.hand = hand
        self.last: Optional[Array] = None

    def use(self, recrop: Session, landmarks: Session) -> None:
        """Run on these sessions from now on. Raises ModelError."""
        self.hand.use_landmarks({LANDMARKS: landmarks})
        self.recrop = Stage(recrop, 0.0, zeros=False)
        if not recrop.outputs:
            raise ModelError(f"{RECROP} has no outputs")
        self.recrop.expect(RECROP, *RECROP_SIZES)

    def find(self, frame: Frame, pose: Pose) -> Optional[Array]:
        """Return its landmarks (21, 3), followed from `last`; raise InferenceError."""
        if not pose.visibility[self.points[0]] > LEAST_VISIBILITY:
            return None
        rough = from_pose(pose.landmarks[list(self.points), :2].astype(np.float64), frame.size)
        raw = self.recrop.run(frame, rough)[0].reshape(-1, 2) / np.float32(self.recrop.side)
        points = np.concatenate([raw, np.zeros((2, 1), np.float32)], axis=1)
        centre, edge = projected(points, rough)[:, :2].tolist()
        square = aligned(centre, edge, frame.size, -math.pi / 2)
        now = widened(square, frame.size, 1.0, shift_y=-0.1, square=True)
        before = None if self.last is None else following(self.last, frame.size)
        rect = roi_tracking.tracked(before, self.last, now, frame.size, roi_tracking.HAND)
        hand = self.hand.estimate(frame, rect)
        return None if hand is None else hand.landmarks


class HolisticGraph:
    """Finds one person; face and hands are followed from frame to frame, in stills too."""

    def __init__(
        self, pose: LegacyPoseGraph, face: FaceMeshGraph, hand: Callable[[], HandsGraph]
    ) -> None:
        """Take the graphs of the parts; only their models are used of face and hands."""
        self.pose = pose
        self.face = face
        self.faces: Optional[Array] = None
        self.left, self.right = Side(LEFT, hand()), Side(RIGHT, hand())
        self.pool: Optional[ThreadPoolExecutor] = None
        self.pool_of = 0
        self.locks = (Lock(), Lock(), Lock())

    def use(self, sessions: Mapping[str, Session]) -> None:
        """Run on these sessions from now on. Raises ModelError."""
        self.pose.use(sessions)
        self.face.use(sessions)
        self.left.use(sessions[RECROP], sessions[LANDMARKS])
        self.right.use(sessions[OWN + RECROP], sessions[OWN + LANDMARKS])

    def process(self, frame: Frame, timestamp_ms: float) -> Optional[Whole]:
        """Return the person in the frame; raise InferenceError and ImageError."""
        poses = self.pose.process(frame, timestamp_ms)
        pose = poses[0] if poses else None
        if pose is None:
            self.faces = self.left.last = self.right.last = None
            return None
        parts = (self.left.find, self.right.find, self._face)
        left, right, face = self._all(parts, frame, pose)
        self.faces, self.left.last, self.right.last = face, left, right
        return Whole(pose, face, left, right)

    def _all(
        self, parts: Sequence[Callable[[Frame, Pose], Points]], frame: Frame, pose: Pose
    ) -> list[Points]:
        """Return what each part finds; they run at once where there are cores for it."""
        if (os.cpu_count() or 1) == 1:
            return [find(frame, pose) for find in parts]
        if self.pool is None or self.pool_of != os.getpid():
            # A forked child has its parent's pool, but none of its threads.
            self.pool, self.pool_of = ThreadPoolExecutor(len(parts)), os.getpid()
        running: list[Future[Points]] = []
        try:
            for find, lock in zip(parts, self.locks):  # noqa: B905 # Python 3.9
                running.append(self.pool.submit(_alone, lock, find, frame, pose))
        finally:
            _ended(running)
        return [future.result() for future in running]

    def _face(self, frame: Frame, pose: Pose) -> Optional[Array]:
        rough = _about(pose.landmarks[:FACE_POINTS], FACE_LINE, frame.size, 3.0)
        decoder, stage = self.face.decoder, self.face.detect_stage
        result = decoder.decode(*stage.run(frame, rough))
        if not len(result):
            return None
        row = placed(result[:1], to_image(rough, frame.size))[0]
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


def _alone(lock: Lock, find: Callable[[Frame, Pose], Points], frame: Frame, pose: Pose) -> Points:
    """Return what a part finds, one frame at a time: an interrupt may lose one that still runs."""
    with lock:
        return find(frame, pose)


def _ended(running: Sequence[Future[Points]]) -> None:
    """Wait until all have ended, whatever interrupts it; then raise that.

    Sessions are for one thread at a time: the next frame's must not find them in use.
    """
    interrupted: Optional[BaseException] = None
    while True:
        try:
            wait(running)
            break
        except BaseException as stop:
            interrupted = stop
    if interrupted:
        raise interrupted


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
