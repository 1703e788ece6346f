"""MediaPipe's legacy default styles. Colours are BGR."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from mediapipe_jetson.solutions import face_mesh_connections as face
from mediapipe_jetson.solutions import hands_connections as hand
from mediapipe_jetson.solutions.drawing_utils import Color, DrawingSpec
from mediapipe_jetson.solutions.enums import HandLandmark, PoseLandmark

_RED, _GREEN, _BLUE = (48, 48, 255), (48, 255, 48), (192, 101, 21)
_YELLOW, _GRAY, _PURPLE = (0, 204, 255), (128, 128, 128), (128, 64, 128)
_PEACH, _WHITE = (180, 229, 255), (224, 224, 224)
_CYAN, _MAGENTA = (192, 255, 48), (192, 48, 255)
_ORANGE, _TURQUOISE = (0, 138, 255), (231, 217, 0)
_FILLED, _FINGER, _PALM, _LINE, _THIN = -1, 2, 3, 2, 1
_HAND_RADIUS = 5

_FINGERS = (
    ("THUMB", _PEACH, hand.HAND_THUMB_CONNECTIONS),
    ("INDEX_FINGER", _PURPLE, hand.HAND_INDEX_FINGER_CONNECTIONS),
    ("MIDDLE_FINGER", _YELLOW, hand.HAND_MIDDLE_FINGER_CONNECTIONS),
    ("RING_FINGER", _GREEN, hand.HAND_RING_FINGER_CONNECTIONS),
    ("PINKY", _BLUE, hand.HAND_PINKY_FINGER_CONNECTIONS),
)
_PALM_LANDMARKS = (0, 1, 5, 9, 13, 17)


def _of(keys: Iterable[Any], color: Color, thickness: int) -> dict[Any, DrawingSpec]:
    spec = DrawingSpec(color=color, thickness=thickness)
    return dict.fromkeys(keys, spec)


def get_default_hand_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return the style of each landmark of a hand."""
    palm = DrawingSpec(_RED, _FILLED, _HAND_RADIUS)
    styles: dict[int, DrawingSpec] = {HandLandmark(index): palm for index in _PALM_LANDMARKS}
    for finger, color, _ in _FINGERS:
        spec = DrawingSpec(color, _FILLED, _HAND_RADIUS)
        styles |= {
            hand_landmark: spec
            for hand_landmark in HandLandmark
            if hand_landmark.name.startswith(finger) and hand_landmark not in _PALM_LANDMARKS
        }
    return styles


def get_default_hand_connections_style() -> Mapping[tuple[int, int], DrawingSpec]:
    """Return the style of each connection of a hand."""
    styles = _of(hand.HAND_PALM_CONNECTIONS, _GRAY, _PALM)
    for _, color, connections in _FINGERS:
        styles |= _of(connections, color, _FINGER)
    return styles


def get_default_face_mesh_contours_style(i: int = 0) -> Mapping[tuple[int, int], DrawingSpec]:
    """Return the style of each contour of a face, of the first (0) or the second (1) kind.

    Raises ValueError for another number.
    """
    if i not in (0, 1):
        raise ValueError(f"style {i} is not there: 0 and 1 are")
    second = i == 1
    styles = _of(face.FACEMESH_LIPS, _BLUE if second else _WHITE, _LINE)
    styles |= _of(face.FACEMESH_LEFT_EYE, _CYAN if second else _GREEN, _LINE)
    styles |= _of(face.FACEMESH_LEFT_EYEBROW, _GREEN, _LINE)
    styles |= _of(face.FACEMESH_RIGHT_EYE, _MAGENTA if second else _RED, _LINE)
    styles |= _of(face.FACEMESH_RIGHT_EYEBROW, _RED, _LINE)
    styles |= _of(face.FACEMESH_FACE_OVAL, _WHITE, _LINE)
    if second:
        styles |= _of(face.FACEMESH_NOSE, _YELLOW, _LINE)
    return styles


def get_default_face_mesh_tesselation_style() -> DrawingSpec:
    """Return the style of the whole mesh."""
    return DrawingSpec(color=_GRAY, thickness=_THIN)


def get_default_face_mesh_iris_connections_style() -> Mapping[tuple[int, int], DrawingSpec]:
    """Return the style of the irises."""
    left = _of(face.FACEMESH_LEFT_IRIS, _GREEN, _LINE)
    return left | _of(face.FACEMESH_RIGHT_IRIS, _RED, _LINE)


def get_default_pose_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return the style of each landmark of a body: left, right, nose."""
    left = [pose_landmark for pose_landmark in PoseLandmark if "LEFT" in pose_landmark.name]
    right = [pose_landmark for pose_landmark in PoseLandmark if "RIGHT" in pose_landmark.name]
    styles = _of(left, _ORANGE, _LINE) | _of(right, _TURQUOISE, _LINE)
    return styles | _of([PoseLandmark.NOSE], _WHITE, _LINE)
