"""Photographs: what the kit finds is what MediaPipe finds, to a small part of its size."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.vision import media, near
from tests.vision.near import Bundle

pytestmark = pytest.mark.vision
# The worst landmark, as a part of the face, hand or person; measured with LiteRT: 0.00001, 0.0002,
# 0.0002. ONNX Runtime's sums differ in the last digits: 0.008 of the smaller of two persons.
WORST = {"Face": 0.0005, "Hand": 0.002, "Pose": 0.002}
WORST_ONNX = {"Face": 0.001, "Hand": 0.01, "Pose": 0.015}
COUNTS = {"Face": "num_faces", "Hand": "num_hands", "Pose": "num_poses"}
SEEN = [
    ("Face", "astronaut.jpg", 1),
    ("Hand", "hand.jpg", 1),
    ("Hand", "messi5.jpg", 1),
    ("Hand", "right04.jpg", 1),
    ("Pose", "astronaut.jpg", 1),
    ("Pose", "messi5.jpg", 1),
    ("Pose", "basketball1.png", 1),
    ("Pose", "basketball2.png", 2),
]


@pytest.fixture(params=["litert", "onnx"])
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    if request.param == "onnx":
        folder: Path = request.getfixturevalue("onnx_folder")
        monkeypatch.setenv("MEDIAPIPE_JETSON_ENGINES", str(folder))
    return str(request.param)


def both(kind: str, name: str, bundle: Bundle, backend: str, **fields: Any) -> tuple[Any, Any]:
    pixels = media.image(media.rgb(name))
    with near.mediapipes(kind, bundle, **fields) as theirs:
        expected = theirs.detect(pixels)
    with near.kits(kind, bundle, backend, **fields) as ours:
        return expected, ours.detect(pixels)


@pytest.mark.parametrize(("kind", "name", "count"), SEEN)
def test_landmarks(kind: str, name: str, count: int, bundle: Bundle, backend: str) -> None:
    expected, got = both(kind, name, bundle, backend, **{COUNTS[kind]: 3})
    height, width = media.rgb(name).shape[:2]
    distances = near.apart(kind, expected, got, (width, height))
    assert len(distances) == count
    assert max(distances) < (WORST_ONNX if backend == "onnx" else WORST)[kind]


@pytest.mark.parametrize("kind", ["Face", "Hand", "Pose"])
def test_nothing_is_found_where_nothing_is(kind: str, bundle: Bundle) -> None:
    with near.kits(kind, bundle, "litert") as ours:
        result = ours.detect(media.image(np.full((300, 400, 3), 127, np.uint8)))
    assert getattr(result, near.LANDMARKS[kind]) == []


@pytest.mark.parametrize("degrees", [90, 180, -90])
@pytest.mark.parametrize("kind", ["Face", "Hand"])
def test_a_turned_image_with_its_rotation_told(kind: str, degrees: int, bundle: Bundle) -> None:
    from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions

    name = {"Face": "astronaut.jpg", "Hand": "hand.jpg"}[kind]
    turned = np.rot90(media.rgb(name), degrees // 90)
    reported = ImageProcessingOptions(rotation_degrees=degrees)
    with near.mediapipes(kind, bundle) as theirs, near.kits(kind, bundle, "litert") as ours:
        expected = theirs.detect(media.image(turned), reported)
        got = ours.detect(media.image(turned), reported)
    (distance,) = near.apart(kind, expected, got, (turned.shape[1], turned.shape[0]))
    assert distance < WORST[kind]


@pytest.mark.parametrize("degrees", [90, 180, -90])
def test_a_turned_person_is_found_where_it_is(degrees: int, bundle: Bundle) -> None:
    """MediaPipe 1.2.2 misplaces or misses it: its pose detector forgets the rotation."""
    from mediapipe.tasks.python.vision.core.image_processing_options import ImageProcessingOptions

    upright = media.rgb("messi5.jpg")
    reported = ImageProcessingOptions(rotation_degrees=degrees)
    with near.mediapipes("Pose", bundle) as theirs, near.kits("Pose", bundle, "litert") as ours:
        expected = near.array(theirs.detect(media.image(upright)).pose_landmarks[0])[:, :2]
        turned = ours.detect(np.rot90(upright, degrees // 90), reported)
    x, y = near.array(turned.pose_landmarks[0])[:, :2].T
    back = {90: (1 - y, x), 180: (1 - x, 1 - y), -90: (y, 1 - x)}[degrees]
    distance = np.linalg.norm(np.stack(back, axis=1) - expected, axis=1).mean()
    assert distance < 0.03 * (expected.max(axis=0) - expected.min(axis=0)).max()


def test_blendshapes(bundle: Bundle, backend: str) -> None:
    expected, got = both("Face", "astronaut.jpg", bundle, backend, output_face_blendshapes=True)
    names = [item.category_name for item in expected.face_blendshapes[0]]
    assert [item.category_name for item in got.face_blendshapes[0]] == names
    reference, result = (near.scores(item.face_blendshapes[0]) for item in (expected, got))
    assert np.abs(reference - result).max() < 0.005


def test_transformation_matrix(bundle: Bundle) -> None:
    expected, got = both(
        "Face", "astronaut.jpg", bundle, "litert", output_facial_transformation_matrixes=True
    )
    (reference,) = expected.facial_transformation_matrixes
    (result,) = got.facial_transformation_matrixes
    assert result.dtype == reference.dtype
    np.testing.assert_allclose(result[:3, :3], reference[:3, :3], atol=1e-3)
    # Centimetres, of a face some 70 cm away.
    np.testing.assert_allclose(result[:3, 3], reference[:3, 3], atol=0.05)


def test_handedness_and_world_landmarks_of_a_hand(bundle: Bundle, backend: str) -> None:
    expected, got = both("Hand", "hand.jpg", bundle, backend)
    reference, result = expected.handedness[0][0], got.handedness[0][0]
    assert (result.index, result.category_name, result.display_name) == (
        reference.index,
        reference.category_name,
        reference.display_name,
    )
    assert abs(result.score - reference.score) < 0.005
    world = near.array(expected.hand_world_landmarks[0]), near.array(got.hand_world_landmarks[0])
    # Metres.
    assert np.abs(world[0] - world[1]).max() < 0.001


def test_visibility_and_world_landmarks_of_a_pose(bundle: Bundle) -> None:
    expected, got = both("Pose", "messi5.jpg", bundle, "litert")
    for field in ("visibility", "presence"):
        reference, result = (
            np.array([getattr(point, field) for point in item.pose_landmarks[0]])
            for item in (expected, got)
        )
        assert np.abs(reference - result).max() < 0.005
    world = near.array(expected.pose_world_landmarks[0]), near.array(got.pose_world_landmarks[0])
    assert np.abs(world[0] - world[1]).max() < 0.005


def test_masks(bundle: Bundle) -> None:
    expected, got = both(
        "Pose", "basketball2.png", bundle, "litert", num_poses=2, output_segmentation_masks=True
    )
    assert len(got.segmentation_masks) == len(expected.segmentation_masks) == 2
    for reference, segmentation_mask in zip(
        expected.segmentation_masks, got.segmentation_masks, strict=True
    ):
        assert segmentation_mask.image_format == reference.image_format
        difference = np.abs(reference.numpy_view() - segmentation_mask.numpy_view())
        assert difference.shape[:2] == (480, 640)
        assert difference.mean() < 0.0005


def test_a_result_is_of_mediapipes_own_types(bundle: Bundle) -> None:
    for kind, name in (("Face", "astronaut.jpg"), ("Hand", "hand.jpg"), ("Pose", "messi5.jpg")):
        expected, got = both(kind, name, bundle, "litert")
        assert type(got) is type(expected)
        field = near.LANDMARKS[kind]
        point, reference = getattr(got, field)[0][0], getattr(expected, field)[0][0]
        assert type(point) is type(reference)
        assert type(point.x) is float
        assert (point.visibility is None) == (reference.visibility is None)
        assert point.name == reference.name
