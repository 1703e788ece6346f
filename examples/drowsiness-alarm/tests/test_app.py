import os

import app
import pytest

OPEN, SHUT = 0.3, 0.1


def test_a_blink_is_no_alarm_and_closed_eyes_are():
    # The clip: a blink from 0.3 to 0.5 s, eyes closed from 0.8 to 2.1 s.
    changes = []
    report = app.run(
        os.environ["MEDIAPIPE_JETSON_SOURCE"], on_change=lambda *change: changes.append(change)
    )
    assert report.done == 25
    (on, rose), (off, fell) = changes
    assert (on, off) == (True, False)
    assert 1800 <= rose <= 1900
    assert 2100 <= fell <= 2200


@pytest.mark.parametrize(
    ("ratios", "alarms"),
    [
        ([SHUT, SHUT, SHUT, SHUT], [False, False, True, True]),
        ([SHUT, SHUT, OPEN, SHUT], [False, False, False, False]),
        ([SHUT, SHUT, None, SHUT], [False, False, False, False]),
        ([SHUT, SHUT, SHUT, None], [False, False, True, False]),
    ],
)
def test_only_eyes_that_stay_closed_are_an_alarm(ratios, alarms):
    state = app.Drowsiness()
    seen = []
    for step, ratio in enumerate(ratios):
        state.update(ratio, step * 500)
        seen.append(state.alarm)
    assert seen == alarms
