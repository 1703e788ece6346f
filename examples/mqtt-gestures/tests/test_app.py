import os
from types import SimpleNamespace

import app
import pytest


def test_each_gesture_of_the_clip_is_one_command():
    # The clip: an open palm, nothing, two fingers, a finger that points up; 0.6 s each.
    commands = []
    report = app.run(os.environ["MEDIAPIPE_JETSON_SOURCE"], commands.append)
    assert report.done == 24
    assert [(one["command"], one["gesture"]) for one in commands] == [
        ("stop", "Open_Palm"),
        ("next", "Victory"),
        ("on", "Pointing_Up"),
    ]


@pytest.mark.parametrize(
    ("names", "counted"),
    [
        (["A", "A", "A", "A", "A"], ["A"]),
        (["A", "A", "B", "A", "A"], []),
        (["A", "A", "A", "", "A", "A", "A"], ["A", "A"]),
        (["", "", "", ""], []),
    ],
)
def test_only_a_gesture_that_is_held_counts(names, counted):
    held = app.Held()
    assert [found for found in map(held.update, names) if found] == counted


def test_a_doubtful_gesture_is_none():
    category = SimpleNamespace(category_name="Victory", score=0.3)
    assert app.gesture(SimpleNamespace(gestures=[[category]])) == ""
    assert app.gesture(SimpleNamespace(gestures=[])) == ""
