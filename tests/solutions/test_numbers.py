"""The numbers of old programs: as MediaPipe 0.10.21 gives them, or as near as it is to itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from tests.solutions.conftest import Program
from tests.vision import media

STILL = {
    "face_still@astronaut": "astronaut.jpg",
    "face_refined_still@astronaut": "astronaut.jpg",
    "hands_still@right04": "right04.jpg",
    "hands_still@messi5": "messi5.jpg",
    "pose_still@messi5": "messi5.jpg",
    "pose_mask@messi5": "messi5.jpg",
    "detection@astronaut": "astronaut.jpg",
    "detection_far@messi5": "messi5.jpg",
    "selfie@astronaut": "astronaut.jpg",
    "selfie_wide@messi5": "messi5.jpg",
    # Nothing there.
    "face_still@right04": "right04.jpg",
    "pose_still@right04": "right04.jpg",
}
MOVING = {
    "hands@right04": "right04.jpg",
    "hands_one@messi5": "messi5.jpg",
    "pose@basketball1": "basketball1.png",
    "holistic@messi5": "messi5.jpg",
}
VIDEO = ("face@video", "face_refined@video")
FRAMES = 36
# As parts of the object's longer side.
TOLERANCE = {"face": 0.002, "hands": 0.002, "pose": 0.005}

pytestmark = pytest.mark.vision


def frames() -> dict[str, Any]:
    """Return the frames of each case (n, height, width, 3)."""
    result = {key: media.rgb(name)[None] for key, name in STILL.items()}
    for key, name in MOVING.items():
        result[key] = np.stack(list(media.moving(name, FRAMES)))
    film = np.stack([frame for frame, _ in zip(media.video("Megamind.avi"), range(FRAMES))])  # noqa: B905
    return result | dict.fromkeys(VIDEO, film)


@pytest.fixture(scope="module")
def frame_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with all frames."""
    path = tmp_path_factory.mktemp("frames") / "frames.npz"
    np.savez(path, **frames())
    return str(path)


@pytest.fixture(scope="module")
def legacy(under_legacy: Program, frame_file: str) -> Any:
    """Return what MediaPipe 0.10.21 finds."""
    return under_legacy("landmarks.py", frame_file)


@pytest.fixture(scope="module")
def noisy(under_legacy: Program, frame_file: str) -> Any:
    """Return what it finds with a grey level more or less in each pixel."""
    return under_legacy("landmarks.py", frame_file, "noise")


@pytest.fixture(scope="module")
def kit(under_kit: Program, frame_file: str) -> Any:
    """Return what the kit finds."""
    return under_kit("landmarks.py", frame_file)


def objects(found: Any) -> list[Any]:
    """Return the landmark arrays of one frame's result, None for what is missing."""
    if isinstance(found, tuple):
        found = [found[0]]
    return [item[0] if isinstance(item, tuple) else item for item in found]


def apart(first: Any, second: Any) -> float:
    """Return how far the worst landmark is, as a part of the longer side."""
    extent = (first[:, :2].max(axis=0) - first[:, :2].min(axis=0)).max()
    return float(np.abs(first[:, :2] - second[:, :2]).max() / extent)


def pairs(first: Any, second: Any) -> Iterator[tuple[Any, Any]]:
    """Yield the objects of two runs that both found, frame by frame."""
    for item, other in zip(first, second, strict=True):
        for mine, theirs in zip(objects(item), objects(other), strict=False):
            if mine is not None and theirs is not None:
                yield mine, theirs


def counts(found: Any) -> list[int]:
    """Return how many objects each frame has."""
    return [sum(item is not None for item in objects(frame)) for frame in found]


@pytest.mark.parametrize(
    "case", [key for key in STILL if key.split("@")[0].split("_")[0] in TOLERANCE]
)
def test_stills_have_the_same_landmarks(legacy: Any, kit: Any, case: str) -> None:
    assert counts(kit[case]) == counts(legacy[case])
    for expected, got in pairs(legacy[case], kit[case]):
        assert got.shape == expected.shape
        assert apart(expected, got) < TOLERANCE[case.split("_", maxsplit=1)[0]]
        # Depth and visibility.
        assert np.abs(expected[:, 2:] - got[:, 2:]).max() < 0.02


@pytest.mark.parametrize("case", [*MOVING, *VIDEO])
def test_streams_are_as_near_as_the_legacy_is_to_itself(
    legacy: Any, noisy: Any, kit: Any, case: str
) -> None:
    ours = [apart(*pair) for pair in pairs(legacy[case], kit[case])]
    itself = [apart(*pair) for pair in pairs(legacy[case], noisy[case])]
    assert len(ours) >= FRAMES - 1
    assert np.median(ours) <= np.median(itself)


@pytest.mark.parametrize("case", [key for key in (*MOVING, *VIDEO) if not key.startswith("hol")])
def test_streams_have_as_many_objects(legacy: Any, kit: Any, case: str) -> None:
    assert counts(kit[case]) == counts(legacy[case])


@pytest.mark.parametrize("case", ["hands@right04", "hands_still@messi5", "hands_still@right04"])
def test_hands_have_the_same_sides_and_order(legacy: Any, kit: Any, case: str) -> None:
    sides = [[[hand[2] for hand in frame] for frame in run[case]] for run in (legacy, kit)]
    assert sides[0] == sides[1]
    assert any(sides[0])


@pytest.mark.parametrize("case", ["detection@astronaut", "detection_far@messi5"])
def test_detections_are_the_same(legacy: Any, kit: Any, case: str) -> None:
    (expected,), (got,) = legacy[case], kit[case]
    assert len(got) == len(expected) > 0
    for (score, box, points), (their_score, their_box, their_points) in zip(
        got, expected, strict=True
    ):
        assert score == pytest.approx(their_score, abs=1e-4)
        assert box == pytest.approx(their_box, abs=1e-5)
        assert np.abs(np.array(points) - np.array(their_points)).max() < 1e-5


@pytest.mark.parametrize("case", ["selfie@astronaut", "selfie_wide@messi5", "pose_mask@messi5"])
def test_masks_are_the_same(legacy: Any, kit: Any, case: str) -> None:
    (expected,), (got,) = legacy[case], kit[case]
    if isinstance(expected, tuple):
        expected, got = expected[1], got[1]
    assert got.shape == expected.shape
    assert got.dtype == expected.dtype == np.float32
    assert np.abs(got - expected).mean() < 0.002


def test_what_is_missing_is_none(kit: Any) -> None:
    assert kit["face_still@right04"] == [[]]
    assert kit["pose_still@right04"][0][0] is None
