"""The landmarkers with MediaPipe 0.10.18, whose classes and graphs are of another time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mediapipe.tasks.python.vision import RunningMode

from tests.vision import media, near
from tests.vision.near import Bundle

# What it raises is to be matched, too.
from tests.vision.test_errors import (  # noqa: F401
    test_a_call_that_is_refused,
    test_a_model_that_can_not_be_had,
    test_an_option_that_is_refused,
)

pytestmark = pytest.mark.vision
SEEN = [
    ("Face", "astronaut.jpg", {"output_face_blendshapes": True}),
    ("Hand", "hand.jpg", {}),
    ("Pose", "messi5.jpg", {"output_segmentation_masks": True}),
]


@pytest.mark.parametrize(("kind", "name", "fields"), SEEN)
def test_a_photograph(kind: str, name: str, fields: dict[str, Any], bundle: Bundle) -> None:
    pixels = media.rgb(name)
    with (
        near.mediapipes(kind, bundle, **fields) as theirs,
        near.kits(kind, bundle, "litert", **fields) as ours,
    ):
        expected, got = theirs.detect(media.image(pixels)), ours.detect(media.image(pixels))
    (distance,) = near.apart(kind, expected, got, (pixels.shape[1], pixels.shape[0]))
    assert distance < 0.002
    assert type(got) is type(expected)
    reference, result = (getattr(item, near.LANDMARKS[kind])[0][5] for item in (expected, got))
    assert result.visibility == pytest.approx(reference.visibility, abs=0.001)
    assert result.presence == pytest.approx(reference.presence, abs=0.001)
    if kind == "Hand":
        assert got.handedness[0][0].category_name == expected.handedness[0][0].category_name
    if kind == "Face":
        names = [(item.index, item.display_name) for item in expected.face_blendshapes[0]]
        assert [(item.index, item.display_name) for item in got.face_blendshapes[0]] == names
    if kind == "Pose":
        masks = [item.segmentation_masks[0].numpy_view() for item in (expected, got)]
        assert np.abs(masks[0] - masks[1]).mean() < 0.0005


def test_a_face_that_moves(bundle: Bundle) -> None:
    fields = {"running_mode": RunningMode.VIDEO}
    with (
        near.mediapipes("Face", bundle, **fields) as theirs,
        near.kits("Face", bundle, "litert", **fields) as ours,
    ):
        follow = near.follow("Face", theirs, ours, media.moving("astronaut.jpg", 20))
    assert follow.alike == 20
    assert follow.worst.max() < 0.01
