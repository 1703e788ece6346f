"""MediaPipe's legacy default styles. Colours are BGR.

Programs read and change the names with an underscore too: a table's styles are those that the
functions return, and the functions read the thicknesses when they are called.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
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

_RADIUS = 5
_THICKNESS_DOT, _THICKNESS_FINGER, _THICKNESS_WRIST_MCP = -1, 2, 3
_THICKNESS_CONTOURS, _THICKNESS_TESSELATION, _THICKNESS_POSE_LANDMARKS = 2, 1, 2

_PALM_LANDMARKS = tuple(map(HandLandmark, (0, 1, 5, 9, 13, 17)))


def _finger(name: str) -> tuple[HandLandmark, ...]:
    """Return a finger's landmarks beyond the palm."""
    return tuple(
        landmark
        for landmark in HandLandmark
        if landmark.name.startswith(name) and landmark not in _PALM_LANDMARKS
    )


_THUMP_LANDMARKS = _finger("THUMB")  # as it was spelt
_INDEX_FINGER_LANDMARKS = _finger("INDEX_FINGER")
_MIDDLE_FINGER_LANDMARKS = _finger("MIDDLE_FINGER")
_RING_FINGER_LANDMARKS = _finger("RING_FINGER")
_PINKY_FINGER_LANDMARKS = _finger("PINKY")

_HAND_LANDMARK_STYLE: dict[tuple[HandLandmark, ...], DrawingSpec] = {
    landmarks: DrawingSpec(color, _THICKNESS_DOT, _RADIUS)
    for landmarks, color in (
        (_PALM_LANDMARKS, _RED),
        (_THUMP_LANDMARKS, _PEACH),
        (_INDEX_FINGER_LANDMARKS, _PURPLE),
        (_MIDDLE_FINGER_LANDMARKS, _YELLOW),
        (_RING_FINGER_LANDMARKS, _GREEN),
        (_PINKY_FINGER_LANDMARKS, _BLUE),
    )
}

Connections = Collection[tuple[int, int]]
_HAND_CONNECTION_STYLE: dict[Connections, DrawingSpec] = {
    connections: DrawingSpec(color, thickness)
    for connections, color, thickness in (
        (hand.HAND_PALM_CONNECTIONS, _GRAY, _THICKNESS_WRIST_MCP),
        (hand.HAND_THUMB_CONNECTIONS, _PEACH, _THICKNESS_FINGER),
        (hand.HAND_INDEX_FINGER_CONNECTIONS, _PURPLE, _THICKNESS_FINGER),
        (hand.HAND_MIDDLE_FINGER_CONNECTIONS, _YELLOW, _THICKNESS_FINGER),
        (hand.HAND_RING_FINGER_CONNECTIONS, _GREEN, _THICKNESS_FINGER),
        (hand.HAND_PINKY_FINGER_CONNECTIONS, _BLUE, _THICKNESS_FINGER),
    )
}


def _contours(lips: Color, left_eye: Color, right_eye: Color) -> dict[Connections, DrawingSpec]:
    colors = (
        (face.FACEMESH_LIPS, lips),
        (face.FACEMESH_LEFT_EYE, left_eye),
        (face.FACEMESH_LEFT_EYEBROW, _GREEN),
        (face.FACEMESH_RIGHT_EYE, right_eye),
        (face.FACEMESH_RIGHT_EYEBROW, _RED),
        (face.FACEMESH_FACE_OVAL, _WHITE),
    )
    return {connections: DrawingSpec(color, _THICKNESS_CONTOURS) for connections, color in colors}


_FACEMESH_CONTOURS_CONNECTION_STYLE = _contours(_WHITE, _GREEN, _RED)
_FACEMESH_CONTOURS_CONNECTION_STYLE_1 = {
    **_contours(_BLUE, _CYAN, _MAGENTA),
    face.FACEMESH_NOSE: DrawingSpec(_YELLOW, _THICKNESS_CONTOURS),
}

_POSE_LANDMARKS_LEFT = frozenset(one for one in PoseLandmark if "LEFT" in one.name)
_POSE_LANDMARKS_RIGHT = frozenset(one for one in PoseLandmark if "RIGHT" in one.name)


def _flat(table: Mapping[Any, DrawingSpec]) -> dict[Any, DrawingSpec]:
    """Return a table of groups with a row for each of their members."""
    return {member: spec for group, spec in table.items() for member in group}


def get_default_hand_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return the style of each landmark of a hand."""
    return _flat(_HAND_LANDMARK_STYLE)


def get_default_hand_connections_style() -> Mapping[tuple[int, int], DrawingSpec]:
    """Return the style of each connection of a hand."""
    return _flat(_HAND_CONNECTION_STYLE)


def get_default_face_mesh_contours_style(i: int = 0) -> Mapping[tuple[int, int], DrawingSpec]:
    """Return the style of each contour of a face, of the second kind for 1, else of the first."""
    second = i == 1
    table = _FACEMESH_CONTOURS_CONNECTION_STYLE_1 if second else _FACEMESH_CONTOURS_CONNECTION_STYLE
    return _flat(table)


def get_default_face_mesh_tesselation_style() -> DrawingSpec:
    """Return the style of the whole mesh."""
    return DrawingSpec(_GRAY, _THICKNESS_TESSELATION)


def get_default_face_mesh_iris_connections_style() -> Mapping[tuple[int, int], DrawingSpec]:
    """Return the style of the irises."""
    left, right = (DrawingSpec(color, _THICKNESS_CONTOURS) for color in (_GREEN, _RED))
    return _flat({face.FACEMESH_LEFT_IRIS: left, face.FACEMESH_RIGHT_IRIS: right})


def get_default_pose_landmarks_style() -> Mapping[int, DrawingSpec]:
    """Return the style of each landmark of a body: left, right, nose."""
    left, right, nose = (
        DrawingSpec(color, _THICKNESS_POSE_LANDMARKS) for color in (_ORANGE, _TURQUOISE, _WHITE)
    )
    groups = {_POSE_LANDMARKS_LEFT: left, _POSE_LANDMARKS_RIGHT: right}
    return _flat({**groups, (PoseLandmark.NOSE,): nose})
