"""The numbers of old programs on clear pictures: as MediaPipe 0.10.21 gives them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.solutions.conftest import Program
from tests.solutions.nearness import TOLERANCE, apart, counts, pairs
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

pytestmark = pytest.mark.vision


@pytest.fixture(scope="module")
def frame_file(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with a picture for each case."""
    path = tmp_path_factory.mktemp("frames") / "frames.npz"
    np.savez(path, **{key: media.rgb(name)[None] for key, name in STILL.items()})
    return str(path)


@pytest.fixture(scope="module")
def legacy(under_legacy: Program, frame_file: str) -> Any:
    """Return what MediaPipe 0.10.21 finds."""
    return under_legacy("landmarks.py", frame_file)


@pytest.fixture(scope="module")
def kit(under_kit: Program, frame_file: str) -> Any:
    """Return what the kit finds."""
    return under_kit("landmarks.py", frame_file)


@pytest.mark.parametrize(
    "case", [key for key in STILL if key.startswith(("face", "hands", "pose"))]
)
def test_stills_have_the_same_landmarks(legacy: Any, kit: Any, case: str) -> None:
    assert counts(kit[case]) == counts(legacy[case])
    for expected, got in pairs(legacy[case], kit[case]):
        assert got.shape == expected.shape
        assert apart(expected, got) < TOLERANCE[case.split("_", maxsplit=1)[0]]
        # Depth and visibility.
        assert np.abs(expected[:, 2:] - got[:, 2:]).max() < 0.02


@pytest.mark.parametrize("case", ["hands_still@messi5", "hands_still@right04"])
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
