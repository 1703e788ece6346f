import os

import app
import pytest

# The knees of the person in the clip, as they were drawn, in degrees.
DRAWN = [180, 180, 122, 90, 72, 72, 90, 122, 180, 180] * 2


def test_it_counts_the_squats_and_measures_the_knees():
    degrees = []
    assert app.run(os.environ["MEDIAPIPE_JETSON_SOURCE"], on_frame=degrees.append) == 2
    assert degrees == pytest.approx(DRAWN, abs=12)  # they are smoothed over time


@pytest.mark.parametrize(
    ("degrees", "count"),
    [
        ([170, 90, 170], 1),
        ([170, 90, 110, 90, 120, 95, 170], 1),  # a pause, half up, is no squat of its own
        ([170, 120, 170], 0),  # not deep enough
        ([170, 90, None, None, 170], 1),
        ([90, 90], 0),
    ],
)
def test_a_squat_is_down_and_up_again(degrees, count):
    squats = app.Squats()
    for one in degrees:
        squats.update(one)
    assert squats.count == count


@pytest.mark.parametrize(
    ("before", "after", "degrees"),
    [((0, -1), (0, 1), 180), ((1, 0), (0, 1), 90), ((1, 0), (1, 0), 0), ((-1, 1), (-1, -1), 90)],
)
def test_angles(before, after, degrees):
    assert app.angle(before, (0, 0), after) == pytest.approx(degrees)
