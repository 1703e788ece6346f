"""Holistic's parts run at once: the same bits as one after the other, in a forked child too."""

from __future__ import annotations

import os
import signal
import threading
import time
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mediapipe_jetson.solutions import holistic
from mediapipe_jetson.solutions.graphs.holistic import HolisticGraph

from tests.solutions import films

pytestmark = pytest.mark.vision
FRAMES = 4


@pytest.fixture(autouse=True)
def models(model_folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let solutions find the models of an image."""
    monkeypatch.setenv("MEDIAPIPE_JETSON_MODELS", str(model_folder))


def landmarks(solution: Any) -> list[Any]:
    """Return face and hands of some frames, each None or an array."""
    rows = []
    for frame in islice(films.person(), FRAMES):
        result = solution.process(frame)
        for name in ("face_landmarks", "left_hand_landmarks", "right_hand_landmarks"):
            points = getattr(result, name)
            rows.append(points and np.array([(item.x, item.y, item.z) for item in points.landmark]))
    return rows


def same(first: list[Any], second: list[Any]) -> bool:
    """Return whether both are equal, bit by bit."""
    return all(
        (a is None) == (b is None) and (a is None or np.array_equal(a, b))
        for a, b in zip(first, second, strict=True)
    )


def test_parts_at_once_give_the_bits_of_parts_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    result = []
    for cores in (1, 2):
        monkeypatch.setattr(os, "cpu_count", lambda cores=cores: cores)
        with holistic.Holistic() as solution:
            result.append(landmarks(solution))
    assert any(item is not None for item in result[0])
    assert same(*result)


def test_a_forked_child_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    with holistic.Holistic() as solution:
        expected = landmarks(solution)
        solution.reset()
        child = os.fork()
        if not child:
            os._exit(0 if same(landmarks(solution), expected) else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_an_interrupt_comes_out_when_all_parts_have_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """A part that still ran would have its session in use when the next frame comes."""
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    nothing: Any = None
    ended = []

    def slow(_frame: Any, _pose: Any) -> None:
        time.sleep(0.5)
        ended.append(time.monotonic())

    graph = HolisticGraph(nothing, nothing, lambda: nothing)
    # Twice: who is impatient interrupts the wait, too.
    timers = [threading.Timer(late, os.kill, (os.getpid(), signal.SIGINT)) for late in (0.1, 0.2)]
    for timer in timers:
        timer.start()
    with pytest.raises(KeyboardInterrupt):
        graph._all((slow, slow, slow), nothing, nothing)
    assert len(ended) == 3
    for timer in timers:
        timer.join()
