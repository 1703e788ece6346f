"""Streams: tracking and smoothing follow MediaPipe's, as near as MediaPipe follows itself.

MediaPipe feeds where it found something into where it looks next, so small causes grow, and double
from frame to frame. How far is measured here on MediaPipe itself: the same frames, a grey level
more or less in each pixel. Before it has grown, the first frames tell whether the sums are right.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from mediapipe.tasks.python.vision import RunningMode

from tests.vision import media, near
from tests.vision.near import Bundle

pytestmark = pytest.mark.vision
MOTIONS = [
    ("Face", "astronaut.jpg", {}),
    ("Hand", "messi5.jpg", {"num_hands": 2}),
    ("Hand", "right04.jpg", {"num_hands": 2}),
    ("Pose", "basketball1.png", {}),
    ("Pose", "basketball2.png", {"num_poses": 2}),
]


def pair(kind: str, bundle: Bundle, **fields: Any) -> tuple[Any, Any]:
    fields["running_mode"] = RunningMode.VIDEO
    return near.mediapipes(kind, bundle, **fields), near.kits(kind, bundle, "litert", **fields)


@pytest.mark.parametrize(("kind", "name", "fields"), MOTIONS)
def test_motion_is_followed_as_mediapipe_does(
    kind: str, name: str, fields: dict[str, Any], bundle: Bundle
) -> None:
    frames = list(media.moving(name, 40))
    theirs, ours = pair(kind, bundle, **fields)
    second, other = (
        pair(kind, bundle, **fields)[0],
        near.mediapipes(kind, bundle, running_mode=RunningMode.VIDEO, **fields),
    )
    with theirs, ours:
        follow = near.follow(kind, theirs, ours, frames)
    with second, other:
        floor = near.follow(kind, second, other, frames, media.noisy)
    assert follow.worst[:3].max() < 0.01
    assert follow.alike >= floor.alike - 1
    assert np.median(follow.worst) <= 2 * max(np.median(floor.worst), 0.001)
    assert follow.worst.max() <= 2 * max(floor.worst.max(), 0.01)


def test_a_video_is_followed_as_mediapipe_does(bundle: Bundle) -> None:
    theirs, ours = pair("Face", bundle)
    with theirs, ours:
        follow = near.follow("Face", theirs, ours, media.video("Megamind.avi"))
    assert len(follow.counts) == 270
    assert follow.alike == 270
    assert sum(count for count, _ in follow.counts) > 260
    # Measured: at worst 0.0091, 99 of 100 frames 0.0042, the median 0.0007 of the face.
    assert follow.worst.max() < 0.015
    assert np.percentile(follow.worst, 99) < 0.0075
    assert np.median(follow.worst) < 0.0015


def test_a_face_that_was_lost_is_found_again(bundle: Bundle) -> None:
    still = media.rgb("astronaut.jpg")
    theirs, ours = pair("Face", bundle)
    frames = [still, still, np.zeros_like(still), np.zeros_like(still), still, still]
    with theirs, ours:
        follow = near.follow("Face", theirs, ours, frames)
    assert follow.counts == [(1, 1), (1, 1), (0, 0), (0, 0), (1, 1), (1, 1)]
    assert follow.worst.max() < 0.001
