"""The parts of the graphs, each by a case whose answer is known."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from mediapipe_jetson.vision import crops, detection, geometry, heatmap, rects, smoothing
from mediapipe_jetson.vision.rects import Rect

pytestmark = pytest.mark.vision


@pytest.mark.parametrize(
    ("side", "strides", "count"),
    [(128, (8, 16, 16, 16), 896), (192, (8, 16, 16, 16), 2016), (224, (8, 16, 32, 32, 32), 2254)],
)
def test_anchors_are_as_many_as_the_models_give(
    side: int, strides: tuple[int, ...], count: int
) -> None:
    anchors = detection.anchors(side, strides)
    assert anchors.shape == (count, 2)
    assert anchors[0].tolist() == pytest.approx([4 / side, 4 / side])
    assert anchors[2].tolist() == pytest.approx([12 / side, 4 / side])
    assert anchors[-1].tolist() == pytest.approx([1 - strides[-1] / 2 / side] * 2)


def scene(boxes: list[tuple[int, float, float]]) -> tuple[Any, Any]:
    """Return tensors of a detector of 128 pixels with square boxes: anchor, size, logit."""
    raw, logits = np.zeros((1, 896, 16), np.float32), np.full((1, 896, 1), -200.0, np.float32)
    for anchor, size, logit in boxes:
        raw[0, anchor, 2:4], logits[0, anchor] = size, logit
    return raw, logits


def test_boxes_that_overlap_become_their_weighted_mean() -> None:
    decoder = detection.Decoder(128, (8, 16, 16, 16), confidence=0.5, suppression=0.5)
    # Anchors 0 and 1 are in one place, 100 is elsewhere, 200 is not certain enough.
    result = decoder.decode(*scene([(0, 32, 0.0), (1, 40, 2.0), (100, 32, 1.0), (200, 32, -0.1)]))
    assert result.shape == (2, 16)
    weights = [0.5, 1 / (1 + math.exp(-2.0))]
    width = (32 * weights[0] + 40 * weights[1]) / sum(weights) / 128
    assert result[0, 2] - result[0, 0] == pytest.approx(width, rel=1e-5)
    assert result[1, 2] - result[1, 0] == pytest.approx(32 / 128, rel=1e-5)


def test_boxes_of_no_or_negative_size_do_no_harm() -> None:
    decoder = detection.Decoder(128, (8, 16, 16, 16), confidence=0.5, suppression=0.5)
    assert len(decoder.decode(*scene([]))) == 0
    assert len(decoder.decode(*scene([(3, -5.0, 9.0), (7, math.nan, 9.0)]))) == 0
    assert len(decoder.decode(*scene([(3, 0.0, 9.0)]))) == 1


def test_a_rectangle_is_turned_moved_and_squared() -> None:
    upright = Rect(0.5, 0.5, 0.2, 0.1)
    moved = rects.widened(upright, (200, 100), 2.0, shift_y=-0.5, square=True)
    assert (moved.x, moved.y) == pytest.approx((0.5, 0.45))
    assert (moved.width * 200, moved.height * 100) == pytest.approx((80, 80))
    turned = Rect(0.5, 0.5, 0.2, 0.1, math.pi / 2)
    moved = rects.widened(turned, (200, 100), 1.0, shift_y=1.0)
    assert (moved.x, moved.y) == pytest.approx((0.45, 0.5))


def test_what_was_detected_replaces_what_was_tracked() -> None:
    old, same, new = Rect(0.2, 0.2, 0.1, 0.1), Rect(0.21, 0.2, 0.1, 0.1), Rect(0.8, 0.8, 0.1, 0.1)
    assert rects.newest([old], [same, new], 0.5) == [same, new]
    assert rects.oldest([old], [same, new], 0.5) == [old, new]


def test_points_go_to_the_image_and_back() -> None:
    rect = Rect(0.4, 0.6, 0.3, 0.3, 0.7)
    inside = np.array([[0.5, 0.5, 0.1], [0.0, 1.0, 0.0], [0.9, 0.2, 0.0]])
    outside = rects.projected(inside, rect)
    assert outside[0].tolist() == pytest.approx([0.4, 0.6, 0.03])
    there = crops.matrix(rect, (100, 100), (1, 1)) / 100
    assert outside[:, :2] == pytest.approx(inside[:, :2] @ there[:, :2].T + there[:, 2])


def test_a_crop_of_the_whole_image_is_the_image() -> None:
    image = np.random.default_rng(5).integers(0, 256, (64, 64, 3), np.uint8)
    out = np.empty((64, 64, 3), np.float32)
    crops.Crop((1, 64, 64, 3), -1.0, 1.0, zeros=True).fill(image, Rect(0.5, 0.5, 1.0, 1.0), out)
    assert out == pytest.approx(image / 127.5 - 1.0, abs=1e-6)


def test_outside_of_the_image_are_zeros_or_its_border() -> None:
    image = np.full((8, 8, 3), 200, np.uint8)
    far = Rect(5.0, 5.0, 1.0, 1.0)
    for zeros, value in ((True, 0.0), (False, 200 / 255)):
        out = np.empty((8, 8, 3), np.float32)
        crops.Crop((1, 8, 8, 3), 0.0, 1.0, zeros=zeros).fill(image, far, out)
        assert out == pytest.approx(value, abs=1e-6)


def test_a_filter_keeps_still_what_is_still_and_follows_what_runs() -> None:
    noise = np.random.default_rng(6).normal(0, 0.05, 60)
    still = smoothing.OneEuro(least_cutoff=0.05, beta=80.0)
    out = [
        float(still.apply(np.array([[100.0 + item]]), now * 33, 200.0)[0, 0])
        for now, item in enumerate(noise)
    ]
    assert np.std(out[10:]) < 0.3 * np.std(noise)
    running = smoothing.OneEuro(least_cutoff=0.05, beta=80.0)
    for now in range(60):
        last = running.apply(np.array([[now * 20.0]]), now * 33, 200.0)
    assert last[0, 0] == pytest.approx(59 * 20.0, rel=0.01)


def test_a_filter_forgets() -> None:
    smoother = smoothing.OneEuro(least_cutoff=0.05, beta=0.0)
    smoother.apply(np.array([[0.0]]), 0, 1.0)
    assert smoother.apply(np.array([[9.0]]), 33, 1.0)[0, 0] < 1.0
    smoother.reset()
    assert smoother.apply(np.array([[9.0]]), 66, 1.0)[0, 0] == 9.0


def test_a_point_moves_to_where_the_heatmap_is_hot() -> None:
    logits = np.full((64, 64, 2), -50.0, np.float32)
    logits[20, 30, 0] = 50.0
    points = np.array([[31 / 64, 21 / 64, 0.5], [31 / 64, 21 / 64, 0.5]])
    result = heatmap.refined(points, logits)
    assert result[0].tolist() == pytest.approx([30 / 64, 20 / 64, 0.5])
    assert result[1].tolist() == points[1].tolist()


@pytest.mark.parametrize("place", [(-0.2, 0.5), (1.5, 0.5), (0.5, -3.0), (0.5, 1.01), (0.5, 9.0)])
def test_a_point_outside_of_the_heatmap_does_no_harm(place: tuple[float, float]) -> None:
    points = np.array([[*place, 0.0]])
    result = heatmap.refined(points, np.full((64, 64, 1), -50.0, np.float32))
    assert result.tolist() == points.tolist()


def test_the_matrix_of_a_face_seen_straight() -> None:
    chance = np.random.default_rng(7)
    # A face of 15 cm, 60 cm before a camera whose picture is 640x480.
    shape = chance.uniform(-7.5, 7.5, (468, 3))
    shape[:, 2] /= 3
    face = geometry.CanonicalFace(shape, np.ones(468))
    tall = 2 * math.tan(math.radians(63 / 2))
    depth = 60.0 - shape[:, 2]
    screen = np.stack(
        [
            0.5 + shape[:, 0] / depth / (tall * 640 / 480),
            0.5 - shape[:, 1] / depth / tall,
            -shape[:, 2] / 60.0 / (tall * 640 / 480),
        ],
        axis=1,
    )
    matrix = geometry.transformation(screen, (640, 480), face)
    assert matrix is not None
    np.testing.assert_allclose(matrix[:3, :3], np.eye(3), atol=0.02)
    np.testing.assert_allclose(matrix[:3, 3], (0, 0, -60), atol=1.5)


def test_a_face_too_small_has_no_matrix() -> None:
    face = geometry.CanonicalFace(np.ones((468, 3)), np.ones(468))
    assert geometry.transformation(np.full((478, 3), 0.5), (640, 480), face) is None
