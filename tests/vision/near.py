"""How far results are from MediaPipe's own."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from mediapipe.tasks.python import vision as theirs
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe_jetson import vision as ours

from tests.vision import media

LANDMARKS = {"Face": "face_landmarks", "Hand": "hand_landmarks", "Pose": "pose_landmarks"}
MODELS = {"Face": "face", "Hand": "hand", "Pose": "pose"}
Bundle = Callable[[str], str]


def options(kind: str, bundle: Bundle, **fields: Any) -> Any:
    """Return MediaPipe's options for a task on the CPU."""
    base = BaseOptions(model_asset_path=bundle(MODELS[kind]), delegate=BaseOptions.Delegate.CPU)
    return getattr(theirs, f"{kind}LandmarkerOptions")(base_options=base, **fields)


def mediapipes(kind: str, bundle: Bundle, **fields: Any) -> Any:
    """Return MediaPipe's own landmarker."""
    result = getattr(theirs, f"{kind}Landmarker")
    return result.create_from_options(options(kind, bundle, **fields))


def kits(kind: str, bundle: Bundle, backend: str | list[str], **fields: Any) -> Any:
    """Return the kit's landmarker, on one thread."""
    result = getattr(ours, f"{kind}Landmarker")
    expected = options(kind, bundle, **fields)
    return result.create_from_options(expected, backend=backend, threads=1)


def array(points: Iterable[Any]) -> Any:
    """Return landmarks as (n, 3)."""
    return np.array([[point.x, point.y, point.z] for point in points])


def apart(kind: str, theirs_found: Any, ours_found: Any, size: tuple[int, int]) -> list[float]:
    """Return for each object how far its worst landmark is, as a part of the object's size.

    The size is the longer side of the box about its landmarks; `size` is the image's.
    """
    field = LANDMARKS[kind]
    reference, result = getattr(theirs_found, field), getattr(ours_found, field)
    assert len(reference) == len(result)
    distances = []
    for expected, got in zip(reference, result, strict=True):
        first, second = array(expected)[:, :2] * size, array(got)[:, :2] * size
        extent = (first.max(axis=0) - first.min(axis=0)).max()
        distances.append(float(np.linalg.norm(first - second, axis=1).max() / extent))
    return distances


@dataclass(frozen=True)
class Followed:
    """Two landmarkers over the same frames: what each found, and how far apart it was."""

    counts: list[tuple[int, int]]
    worst: Any

    @property
    def alike(self) -> int:
        """Return in how many frames both found as many."""
        return sum(first == second for first, second in self.counts)


def follow(
    kind: str,
    first: Any,
    second: Any,
    frames: Iterable[Any],
    second_sees: Callable[[Any, int], Any] = lambda pixels, _: pixels,
) -> Followed:
    """Let two landmarkers in VIDEO mode follow frames; the second may see them changed."""
    counts, worst = [], []
    field = LANDMARKS[kind]
    for step, pixels in enumerate(frames):
        now = step * media.FRAME_MS
        expected = first.detect_for_video(media.image(pixels), now)
        got = second.detect_for_video(media.image(second_sees(pixels, step)), now)
        pair = (len(getattr(expected, field)), len(getattr(got, field)))
        counts.append(pair)
        if pair[0] == pair[1]:
            worst += apart(kind, expected, got, (pixels.shape[1], pixels.shape[0]))
    return Followed(counts, np.array(worst))


def scores(categories: Sequence[Any]) -> Any:
    """Return categories' scores."""
    return np.array([category.score for category in categories])
