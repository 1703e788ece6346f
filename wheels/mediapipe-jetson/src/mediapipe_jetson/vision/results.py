"""MediaPipe's own classes, by whichever version is installed."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Optional

from mediapipe_jetson.vision.errors import MediaPipeMissingError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

CONTAINERS = "mediapipe.tasks.python.components.containers"


@dataclass(frozen=True)
class Types:
    """What results are made of; MediaPipe has no types of its own to check against."""

    vision: Any
    base_options: Any
    image: Any
    image_format: Any
    normalized: Callable[..., Any]
    landmark: Callable[..., Any]
    category: Callable[..., Any]
    unset: Optional[float]
    """What visibility and presence are where a task has none."""
    unnamed: Optional[str]
    """What the name to show is where a category has none."""


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
    # Up to 0.10.21 what a task has no value for is 0 or "", later None; landmarks got a name then.
    has_none = "name" in landmark.NormalizedLandmark.__dataclass_fields__
    return Types(
        vision,
        base.BaseOptions,
        mediapipe.Image,
        mediapipe.ImageFormat,
        landmark.NormalizedLandmark,
        landmark.Landmark,
        category.Category,
        None if has_none else 0.0,
        None if has_none else "",
    )


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
