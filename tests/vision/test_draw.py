"""Landmarks drawn into a frame: a dot each, cut off at the frame's border."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from mediapipe_jetson.pipeline.draw import draw_landmarks
from mediapipe_jetson.pipeline.frame import Detected, Frame

pytestmark = pytest.mark.vision


def drawn(points: list[tuple[float, float]], name: str = "face_landmarks") -> set[tuple[int, int]]:
    """Return rows and columns that are green in a frame of 6 rows and 10 columns."""
    landmarks = [SimpleNamespace(x=x, y=y) for x, y in points]
    bgr = np.zeros((6, 10, 3), np.uint8)
    draw_landmarks(Detected(Frame(0, 0, bgr, 0.0), SimpleNamespace(**{name: [landmarks]})))
    green = (bgr == (0, 255, 0)).all(axis=2)
    assert not bgr[~green].any()
    return {(int(row), int(column)) for row, column in np.argwhere(green)}


@pytest.mark.parametrize("name", ["face_landmarks", "hand_landmarks", "pose_landmarks"])
def test_a_landmark_is_a_dot(name: str) -> None:
    assert drawn([(0.55, 0.4)], name) == {(2, 5), (1, 5), (3, 5), (2, 4), (2, 6)}


@pytest.mark.parametrize(
    ("points", "places"),
    [
        ([], set()),
        ([(0.01, 0.01)], {(0, 0), (1, 0), (0, 1)}),
        ([(0.99, 0.99)], {(5, 9), (4, 9), (5, 8)}),
        ([(-0.1, 0.5)], {(3, 0)}),
        ([(5.0, -3.0)], set()),
        ([(0.01, 0.01), (0.99, 0.99)], {(0, 0), (1, 0), (0, 1), (5, 9), (4, 9), (5, 8)}),
    ],
)
def test_what_lies_outside_is_cut_off(
    points: list[tuple[float, float]], places: set[tuple[int, int]]
) -> None:
    assert drawn(points) == places
