"""The expected landmarks, and how far found ones are from them."""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

DATA = Path(__file__).resolve().parent / "data"
PICTURE = DATA / "astronaut.jpg"
POINTS = 478


@dataclasses.dataclass(frozen=True)
class Expected:
    """What MediaPipe finds in the picture in this wheel.

    Points and tolerance are fractions of the picture's width and height, as MediaPipe gives them.
    """

    model_sha256: str
    image_sha256: str
    tolerance: float
    points: tuple[tuple[float, float], ...]


@dataclasses.dataclass(frozen=True)
class Distance:
    """Distances between found and expected points, as fractions of the picture's size."""

    maximum: float
    mean: float


def expected(path: Path = DATA / "landmarks.json") -> Expected:
    """Read the expected landmarks that tools/make_landmarks.py made."""
    document = json.loads(path.read_text(encoding="utf-8"))
    return Expected(
        model_sha256=document["model_sha256"],
        image_sha256=document["image_sha256"],
        tolerance=document["tolerance"],
        points=tuple((x, y) for x, y in document["points"]),
    )


def distance(
    points: Sequence[Sequence[float]], requested: Sequence[Sequence[float]]
) -> Optional[Distance]:
    """Return how far the points are apart; None where their numbers differ or there are none."""
    if len(points) != len(requested) or not requested:
        return None
    apart = [
        math.hypot(point[0] - requested[index][0], point[1] - requested[index][1])
        for index, point in enumerate(points)
    ]
    # fsum: sum() of floats rounds differently from Python 3.12 on.
    return Distance(max(apart), math.fsum(apart) / len(apart))


def inside(points: Sequence[Sequence[float]]) -> bool:
    """Tell whether every point lies within the picture."""
    return all(0 <= x <= 1 and 0 <= y <= 1 for x, y in points)
