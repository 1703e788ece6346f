"""MediaPipe's legacy connections of the face mesh: frozensets of pairs of landmark numbers."""

from __future__ import annotations

from mediapipe_jetson.solutions.connections import Pair, pairs


def _set(name: str) -> frozenset[Pair]:
    return frozenset(pairs("face_mesh", name))


_EMPTY: frozenset[Pair] = frozenset()

FACEMESH_LIPS = _set("FACEMESH_LIPS")
FACEMESH_LEFT_EYE = _set("FACEMESH_LEFT_EYE")
FACEMESH_LEFT_IRIS = _set("FACEMESH_LEFT_IRIS")
FACEMESH_LEFT_EYEBROW = _set("FACEMESH_LEFT_EYEBROW")
FACEMESH_RIGHT_EYE = _set("FACEMESH_RIGHT_EYE")
FACEMESH_RIGHT_EYEBROW = _set("FACEMESH_RIGHT_EYEBROW")
FACEMESH_RIGHT_IRIS = _set("FACEMESH_RIGHT_IRIS")
FACEMESH_FACE_OVAL = _set("FACEMESH_FACE_OVAL")
FACEMESH_NOSE = _set("FACEMESH_NOSE")
FACEMESH_CONTOURS = _EMPTY.union(
    FACEMESH_LIPS,
    FACEMESH_LEFT_EYE,
    FACEMESH_LEFT_EYEBROW,
    FACEMESH_RIGHT_EYE,
    FACEMESH_RIGHT_EYEBROW,
    FACEMESH_FACE_OVAL,
)
FACEMESH_IRISES = _EMPTY.union(FACEMESH_LEFT_IRIS, FACEMESH_RIGHT_IRIS)
FACEMESH_TESSELATION = _set("FACEMESH_TESSELATION")
