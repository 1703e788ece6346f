"""Images that can't be used: one typed error, and the landmarker lives on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import mediapipe
import numpy as np
import pytest
from mediapipe.tasks.python.components.containers.rect import RectF
from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions
from mediapipe_jetson.vision.errors import ImageError, OptionError

from tests.vision import media, near
from tests.vision.near import Bundle

pytestmark = pytest.mark.vision
WRONG = {
    "empty": np.zeros((0, 10, 3), np.uint8),
    "no width": np.zeros((10, 0, 3), np.uint8),
    "grey": np.zeros((10, 10), np.uint8),
    "one channel": np.zeros((10, 10, 1), np.uint8),
    "two channels": np.zeros((10, 10, 2), np.uint8),
    "five channels": np.zeros((10, 10, 5), np.uint8),
    "a batch": np.zeros((1, 10, 10, 3), np.uint8),
    "float32": np.zeros((10, 10, 3), np.float32),
    "uint16": np.zeros((10, 10, 3), np.uint16),
    "int8": np.zeros((10, 10, 3), np.int8),
    "too wide": np.zeros((1, 40000, 3), np.uint8),
    "none": None,
    "a name": "astronaut.jpg",
    "grey of MediaPipe": mediapipe.Image(mediapipe.ImageFormat.GRAY8, np.zeros((9, 9), np.uint8)),
    "floats of MediaPipe": mediapipe.Image(
        mediapipe.ImageFormat.VEC32F1, np.zeros((9, 9), np.float32)
    ),
}


@pytest.fixture(scope="module")
def landmarker(bundle: Bundle) -> Iterator[Any]:
    with near.kits("Face", bundle, "litert") as kits:
        yield kits


@pytest.fixture(scope="module")
def face(landmarker: Any) -> Any:
    return near.array(landmarker.detect(media.rgb("astronaut.jpg")).face_landmarks[0])


@pytest.mark.parametrize("name", sorted(WRONG))
def test_a_wrong_image(name: str, landmarker: Any, face: Any) -> None:
    with pytest.raises(ImageError):
        landmarker.detect(WRONG[name])
    second = landmarker.detect(media.rgb("astronaut.jpg"))
    assert np.array_equal(near.array(second.face_landmarks[0]), face)


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (31, 17), (4000, 30)])
def test_an_image_of_an_odd_size(size: tuple[int, int], landmarker: Any) -> None:
    assert landmarker.detect(np.zeros((*size, 3), np.uint8)).face_landmarks == []


@pytest.mark.parametrize("layout", ["rows apart", "mirrored", "BGR seen as RGB", "columns", "RGBA"])
def test_any_layout_in_memory_gives_the_same(layout: str, landmarker: Any, face: Any) -> None:
    still = media.rgb("astronaut.jpg")
    if layout == "rows apart":
        wide = np.zeros((512, 700, 3), np.uint8)
        wide[:, 50:562] = still
        given: Any = wide[:, 50:562]
    elif layout == "mirrored":
        given = np.ascontiguousarray(still[:, ::-1])[:, ::-1]
    elif layout == "BGR seen as RGB":
        given = np.ascontiguousarray(still[:, :, ::-1])[:, :, ::-1]
    elif layout == "columns":
        given = np.asfortranarray(still)
    else:
        given = np.dstack([still, np.full((512, 512), 7, np.uint8)])
    result = near.array(landmarker.detect(given).face_landmarks[0])
    assert np.array_equal(result, face)


def test_an_array_is_as_good_as_mediapipes_image(landmarker: Any, face: Any) -> None:
    result = landmarker.detect(media.image(media.rgb("astronaut.jpg")))
    assert np.array_equal(near.array(result.face_landmarks[0]), face)


def test_an_image_is_not_changed(landmarker: Any) -> None:
    still = media.rgb("astronaut.jpg")
    given = still.copy()
    given.flags.writeable = False
    landmarker.detect(given)
    assert np.array_equal(given, still)


@pytest.mark.parametrize(
    "options",
    [
        ImageProcessingOptions(rotation_degrees=45),
        ImageProcessingOptions(region_of_interest=RectF(0.0, 0.0, 0.5, 0.5)),
    ],
)
def test_wrong_processing_options(options: Any, landmarker: Any) -> None:
    with pytest.raises(OptionError):
        landmarker.detect(media.rgb("astronaut.jpg"), options)
