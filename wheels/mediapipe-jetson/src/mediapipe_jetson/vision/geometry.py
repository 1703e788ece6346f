"""The 4x4 matrix that takes the canonical face to a detected one.

Written to MediaPipe's face_geometry: GeometryPipeline and FloatPrecisionProcrustesSolver, with the
environment of FaceGeometryFromLandmarksGraph. The canonical face comes out of the model bundle
(geometry_pipeline_metadata.proto); its few fields are read here without a protobuf library.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional, Union

import numpy as np

from mediapipe_jetson.vision.errors import BundleError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

FIELD_OF_VIEW_DEGREES = 63.0
NEAR_CM = 1.0
VERTEX = 5  # x, y, z and two texture coordinates
TOO_COMPACT = 1e-3
TINY = 1e-9
VARINT, FIXED64, BYTES, FIXED32 = 0, 1, 2, 5
LONGEST_VARINT = 10


@dataclass(frozen=True)
class CanonicalFace:
    """Points (n, 3) of the canonical face in centimetres, and the weight (n,) of each."""

    points: Array
    weights: Array


def read(metadata: bytes) -> CanonicalFace:
    """Return the canonical face of a bundle's geometry metadata; raise BundleError."""
    vertices: list[float] = []
    basis: list[tuple[int, float]] = []
    try:
        for number, value in _fields(metadata):
            if number == 1 and isinstance(value, bytes):
                vertices = _vertices(value)
            elif number == 2 and isinstance(value, bytes):
                reference = dict(_fields(value))
                basis.append((int(reference.get(1, 0)), _float(reference.get(2, b"\0" * 4))))
        points = np.array(vertices, np.float64).reshape(-1, VERTEX)[:, :3]
        weights = np.zeros(len(points))
        for index, weight in basis:
            weights[index] = weight
    except (ValueError, IndexError, struct.error) as error:
        raise BundleError(f"the bundle's face geometry can't be read: {error}") from error
    if not (weights.sum() > TINY and np.isfinite(points).all() and (weights >= 0).all()):
        raise BundleError("the bundle's face geometry has no weighted points")
    return CanonicalFace(points, weights)


def _vertices(mesh: bytes) -> list[float]:
    result: list[float] = []
    for number, value in _fields(mesh):
        if number == 3 and isinstance(value, bytes):
            result += [item for (item,) in struct.iter_unpack("<f", value)]
    return result


def _float(value: Union[int, bytes]) -> float:
    if not isinstance(value, bytes):
        raise ValueError("a weight is not a float")  # noqa: TRY004 # damaged, not misused
    return float(struct.unpack("<f", value)[0])


def _fields(message: bytes) -> Iterator[tuple[int, Union[int, bytes]]]:
    """Yield number and value of each field of a protobuf message; raise ValueError."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        kind = key & 7
        if kind == VARINT:
            value, at = _varint(message, at)
            yield key >> 3, value
            continue
        if kind == BYTES:
            size, at = _varint(message, at)
        elif kind in (FIXED32, FIXED64):
            size = 4 if kind == FIXED32 else 8
        else:
            raise ValueError(f"a field of unknown type {kind}")
        if at + size > len(message):
            raise ValueError("it is cut off")
        yield key >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = 0
    for place, byte in enumerate(message[at : at + LONGEST_VARINT]):
        value |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return value, at + place + 1
    raise ValueError("a number is cut off")


def transformation(landmarks: Array, size: tuple[int, int], face: CanonicalFace) -> Optional[Array]:
    """Return the 4x4 float32 matrix from the canonical face to the detected one, in centimetres.

    `landmarks` are (478, 3), fractions of the image of `size` (width, height). None for a face
    too small for a stable answer. The camera looks along -z, y is up.
    """
    screen = landmarks[: len(face.points)].astype(np.float64)
    if len(screen) != len(face.points):
        raise BundleError(f"{len(landmarks)} landmarks, but the geometry has {len(face.points)}")
    spread = screen[:, :2] - screen[:, :2].mean(axis=0)
    if math.sqrt((spread**2).sum(axis=1).max()) <= TOO_COMPACT:
        return None
    tall = 2 * NEAR_CM * math.tan(math.radians(FIELD_OF_VIEW_DEGREES) / 2)
    wide = size[0] * tall / size[1]
    screen[:, 1] = 1.0 - screen[:, 1]
    screen = screen * (wide, tall, wide) - (wide / 2, tall / 2, 0.0)
    depth = screen[:, 2].mean()
    # z is only relative, so the first scale comes from the flat picture, the second corrects it.
    first = _scale(screen * (1, 1, -1), face)
    second = _scale(_metric(screen, depth, first), face)
    return _fit(_metric(screen, depth, first * second), face).astype(np.float32)


def _metric(screen: Array, depth: float, scale: float) -> Array:
    """Return screen points moved out to where they are in space, right-handed."""
    out = screen.copy()
    out[:, 2] = (screen[:, 2] - depth + NEAR_CM) / scale
    out[:, :2] *= out[:, 2:] / NEAR_CM
    out[:, 2] = -out[:, 2]
    return out


def _scale(points: Array, face: CanonicalFace) -> float:
    return float(np.linalg.norm(_fit(points, face)[:3, 0]))


def _fit(points: Array, face: CanonicalFace) -> Array:
    """Return the 4x4 matrix of rotation, scale and move that best takes the face to the points.

    The weighted orthogonal Procrustes problem (D. Akca, Generalized Procrustes analysis and its
    applications in photogrammetry, 2003, section 2.4).
    """
    weights = face.weights / face.weights.sum()
    centre = weights @ face.points
    centred = face.points - centre
    design = (points * weights[:, None]).T @ centred
    left, _, right = np.linalg.svd(design)
    if np.linalg.det(left) * np.linalg.det(right) < 0:
        left[:, 2] = -left[:, 2]
    rotation = left @ right
    scale = (rotation * design).sum() / (weights @ (centred**2).sum(axis=1))
    matrix = np.eye(4)
    matrix[:3, :3] = scale * rotation
    matrix[:3, 3] = weights @ points - matrix[:3, :3] @ centre
    return matrix
