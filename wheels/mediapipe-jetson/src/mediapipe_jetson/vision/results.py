"""MediaPipe's own classes, by whichever version is installed."""

from __future__ import annotations

import functools
import importlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.vision.errors import MediaPipeMissingError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

CONTAINERS = "mediapipe.tasks.python.components.containers"
TABLE = DATA / "vision_versions.json"


@dataclass(frozen=True)
class Types:
    """What results are made of; MediaPipe has no types of its own to check against."""

    version: str
    vision: Any
    base_options: Any
    image: Any
    image_format: Any
    normalized: Callable[..., Any]
    landmark: Callable[..., Any]
    category: Callable[..., Any]
    unset: Optional[float]
    """What visibility and presence are where a task has none."""
    first_hand: str
    """The name of the hand model's first class."""


@functools.lru_cache(maxsize=1)
def load() -> Types:
    """Return MediaPipe's classes; raise MediaPipeMissingError."""
    try:
        mediapipe = importlib.import_module("mediapipe")
        vision = importlib.import_module("mediapipe.tasks.python.vision")
        base = importlib.import_module("mediapipe.tasks.python.core.base_options")
        landmark = importlib.import_module(f"{CONTAINERS}.landmark")
        category = importlib.import_module(f"{CONTAINERS}.category")
    except ImportError as error:
        raise MediaPipeMissingError(f"MediaPipe's tasks can't be imported: {error}") from error
    version = str(getattr(mediapipe, "__version__", ""))
    row = _row(version)
    return Types(
        version,
        vision,
        base.BaseOptions,
        mediapipe.Image,
        mediapipe.ImageFormat,
        landmark.NormalizedLandmark,
        landmark.Landmark,
        category.Category,
        row["unset"],
        row["first_hand"],
    )


def _row(version: str) -> dict[str, Any]:
    """Return what data/vision_versions.json says of a version: the last row that is not later."""
    rows: list[dict[str, Any]] = json.loads(TABLE.read_text(encoding="utf-8"))["versions"]
    fitting = [row for row in rows if _parts(row["from"]) <= _parts(version)]
    return (fitting or rows)[-1]


def _parts(version: str) -> tuple[int, ...]:
    numbers = []
    for word in version.split(".")[:3]:
        digits = word[: len(word) - len(word.lstrip("0123456789"))]
        numbers.append(int(digits or 0))
    return tuple(numbers)


def points(make: Callable[..., Any], rows: Array, unset: Optional[float]) -> list[Any]:
    """Return landmarks of (n, 3) coordinates; visibility and presence are `unset`."""
    x, y, z = rows.T.tolist()
    if unset is None:
        return list(map(make, x, y, z))
    none = [unset] * len(x)
    return list(map(make, x, y, z, none, none))


def seen_points(
    make: Callable[..., Any], rows: Array, visibility: Sequence[float], presence: Sequence[float]
) -> list[Any]:
    """Return landmarks of (n, 3) coordinates with their visibility and presence."""
    x, y, z = rows.T.tolist()
    return list(map(make, x, y, z, visibility, presence))
