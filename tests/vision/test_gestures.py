"""GestureRecognizer against MediaPipe's own: photographs, turned, a stream, what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import mediapipe
import numpy as np
import pytest
from mediapipe.tasks.python import vision as theirs
from mediapipe.tasks.python.components.processors import ClassifierOptions
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe_jetson import vision as ours
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.vision.errors import OptionError

from tests.vision.near import Bundle, array

pytestmark = pytest.mark.vision
TURNS = (None, cv2.ROTATE_180, cv2.ROTATE_90_CLOCKWISE)


def options(bundle: Bundle, mode: str = "IMAGE", **fields: Any) -> Any:
    base = BaseOptions(bundle("gesture"), delegate=BaseOptions.Delegate.CPU)
    fields["running_mode"] = theirs.RunningMode[mode]
    return theirs.GestureRecognizerOptions(base_options=base, **fields)


def photograph(turn: int | None = None) -> mediapipe.Image:
    picture = cv2.cvtColor(cv2.imread(str(Path(DATA) / "hand.jpg")), cv2.COLOR_BGR2RGB)
    if turn is not None:
        picture = np.ascontiguousarray(cv2.rotate(picture, turn))
    return mediapipe.Image(mediapipe.ImageFormat.SRGB, picture)


@pytest.fixture(params=["litert", "mediapipe-cpu"])
def pair(request: pytest.FixtureRequest, bundle: Bundle) -> Iterator[tuple[Any, Any]]:
    result = options(bundle)
    with (
        theirs.GestureRecognizer.create_from_options(result) as reference,
        ours.GestureRecognizer.create_from_options(result, backend=request.param) as mine,
    ):
        yield reference, mine


@pytest.mark.parametrize("turn", TURNS)
def test_gestures_are_mediapipes(pair: tuple[Any, Any], turn: int | None) -> None:
    reference, mine = pair
    expected, result = (item.recognize(photograph(turn)) for item in (reference, mine))
    assert type(result) is type(expected)
    assert len(result.gestures) == len(expected.gestures)
    for gesture, other in zip(expected.gestures, result.gestures, strict=True):
        assert len(gesture) == len(other) == 1
        assert other[0].category_name == gesture[0].category_name
        assert other[0].index == gesture[0].index
        assert other[0].score == pytest.approx(gesture[0].score, abs=0.002)
    for hand_landmark, other in zip(expected.hand_landmarks, result.hand_landmarks, strict=True):
        assert np.abs(array(hand_landmark) - array(other)).max() < 0.002


def test_the_photograph_shows_a_hand_with_a_gesture(pair: tuple[Any, Any]) -> None:
    ((gesture,),) = pair[1].recognize(photograph()).gestures
    assert gesture.category_name
    assert 0 < gesture.score <= 1


def test_a_video_gives_the_same_names(bundle: Bundle) -> None:
    result = options(bundle, "VIDEO")
    with (
        theirs.GestureRecognizer.create_from_options(result) as reference,
        ours.GestureRecognizer.create_from_options(result, backend="litert") as mine,
    ):
        for step in range(5):
            names = [
                item.recognize_for_video(photograph(), step * 33).gestures[0][0].category_name
                for item in (reference, mine)
            ]
            assert names[0] == names[1]


def test_options_of_its_classifiers_are_refused(bundle: Bundle) -> None:
    result = options(
        bundle, canned_gesture_classifier_options=ClassifierOptions(score_threshold=0.9)
    )
    with pytest.raises(OptionError, match="canned_gesture"):
        ours.GestureRecognizer.create_from_options(result, backend="litert")
