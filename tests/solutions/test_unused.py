"""A model without what only an unread output needs: the others keep their bits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from mediapipe_jetson.backends import litert
from mediapipe_jetson.backends.base import ModelError, SubModel
from mediapipe_jetson.solutions import weights
from mediapipe_jetson.solutions.graphs import unused

pytestmark = pytest.mark.vision


@pytest.fixture
def pose(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> SubModel:
    """Return the pose model: points, presence, mask, heatmap, points in metres."""
    monkeypatch.setenv("MEDIAPIPE_JETSON_MODELS", str(model_folder))
    return weights.load("pose_landmarks_detector")


@pytest.mark.parametrize("positions", [(2,), (2, 3), (0, 4)])
def test_the_other_outputs_keep_their_bits(pose: SubModel, positions: tuple[int, ...]) -> None:
    backend = litert.create()
    whole = unused.load(backend, pose, (), 1)
    part = unused.load(backend, pose, positions, 1)
    assert part.outputs == whole.outputs
    image = np.random.default_rng(3).random(whole.inputs[0].shape, np.float32)
    for index, (expected, got) in enumerate(
        zip(whole.run([image]), part.run([image]), strict=True)
    ):
        assert expected.any()
        assert np.array_equal(got, np.zeros_like(expected) if index in positions else expected)
    whole.close()
    part.close()


@pytest.mark.parametrize("size", [0, 8, 4000, -4000])
def test_a_damaged_model_is_refused(pose: SubModel, size: int) -> None:
    damaged = SubModel.of(pose.name, pose.tflite[:size])
    with pytest.raises(ModelError, match="pose_landmarks_detector"):
        unused.load(litert.create(), damaged, (2,), 1)
