"""How fast an application goes, and whether it keeps its limits."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from mediapipe_jetson import pace
from mediapipe_jetson.pace import Limits, Meter, Pace


class Clock:
    """A clock that is set."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def measured(fps: float, latency_s: float, seconds: float) -> Pace:
    """Return the pace after so many seconds of regular frames."""
    clock = Clock()
    meter = Meter(clock=clock)
    for _ in range(round(fps * seconds) + 1):
        meter.frame(clock.now - latency_s)
        clock.now += 1 / fps
    clock.now -= 1 / fps
    result = meter.pace()
    assert result is not None
    return result


def test_regular_frames_have_their_rate_and_latency() -> None:
    result = measured(25, 0.040, 30)
    assert result.seconds == 10
    assert result.fps == pytest.approx(25, rel=0.01)
    assert result.latency_p95_ms == pytest.approx(40)


def test_what_was_before_the_window_does_not_count() -> None:
    clock = Clock()
    meter = Meter(clock=clock)
    for latency_s in [5.0] * 100 + [0.01] * 100:
        clock.now += 0.1
        meter.frame(clock.now - latency_s)
    result = meter.pace()
    assert result is not None
    assert result.latency_p95_ms == pytest.approx(10)


def test_frames_that_stopped_bring_the_rate_down() -> None:
    clock = Clock()
    meter = Meter(clock=clock)
    for _ in range(200):
        clock.now += 0.1
        meter.frame(clock.now)
    clock.now += 5
    result = meter.pace()
    assert result is not None
    assert result.fps == pytest.approx(5, rel=0.05)


def test_without_a_frame_there_is_no_pace() -> None:
    assert Meter().pace() is None


GOOD = Pace(10, 30.0, 40.0)


@pytest.mark.parametrize(
    ("limits", "at", "expected"),
    [
        (Limits(), Pace(10, 0.1, 9000.0), ""),
        (Limits(), None, ""),
        (Limits(20, 100), GOOD, ""),
        (Limits(30, 40), GOOD, ""),
        (Limits(31), GOOD, "limit of 31 frames/s: 30.0 frames/s, p95 40.0 ms"),
        (Limits(None, 39.5), GOOD, "limit of 39.5 ms: 30.0 frames/s, p95 40.0 ms"),
        (Limits(20), Pace(3, 30.0, 40.0), "measured for 3 s of 10"),
        (Limits(20), None, "no frame was measured yet"),
    ],
)
def test_limits_are_kept_or_named(limits: Limits, at: Pace | None, expected: str) -> None:
    problem = limits.problem(at)
    assert expected in problem
    assert bool(problem) == bool(expected)


@pytest.mark.parametrize("text", ["fast", "0", "-3", "nan", "inf", "1,5"])
def test_a_limit_that_is_no_number_is_named(text: str) -> None:
    with pytest.raises(ValueError, match="MEDIAPIPE_JETSON_MIN_FPS is no number above 0"):
        pace.limits({"MEDIAPIPE_JETSON_MIN_FPS": text})


def test_a_written_pace_is_read_back(tmp_path: Path) -> None:
    pace.write(tmp_path / "alive", GOOD)
    assert pace.read(tmp_path / "alive") == GOOD
    assert [path.name for path in tmp_path.iterdir()] == ["alive"]


@pytest.mark.parametrize(
    "content",
    ["", "{}", "[]", "null", "{", '{"seconds": 10, "fps": "x", "latency_p95_ms": 1}',
     '{"seconds": 10, "fps": NaN, "latency_p95_ms": 1}', " " * 9000 + json.dumps(GOOD.__dict__)],
)  # fmt: skip
def test_a_file_without_a_pace_has_none(content: str, tmp_path: Path) -> None:
    (tmp_path / "alive").write_text(content)
    assert pace.read(tmp_path / "alive") is None


HUGE = "1" + "0" * 400


@pytest.mark.parametrize(
    "content",
    [
        f'{{"seconds": 10, "fps": {HUGE}, "latency_p95_ms": 1}}'.encode(),
        f'{{"seconds": 10, "fps": -{HUGE}, "latency_p95_ms": 1}}'.encode(),
        f'{{"seconds": 10, "fps": "{HUGE}", "latency_p95_ms": 1}}'.encode(),
        b'{"seconds": 10, "fps": 1e999, "latency_p95_ms": 1}',
        b"[" * 4096, b'{"a":' * 800, b"[[" * 9000, b"9" * 4096, b"\xff\xfe", b"\x00" * 4096,
        b'{"seconds": 10, "fps": [], "latency_p95_ms": {}}', b'"\\ud800"',
    ],
)  # fmt: skip
def test_whatever_a_program_writes_is_no_pace(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "alive").write_bytes(content)
    assert pace.read(tmp_path / "alive") is None


@pytest.mark.parametrize("name", ["", "none", "none/none"])
def test_what_is_no_file_has_no_pace(name: str, tmp_path: Path) -> None:
    assert pace.read(tmp_path / name) is None


def test_of_several_cameras_the_slowest_counts() -> None:
    assert pace.slowest([GOOD, Pace(4, 50.0, 90.0)]) == Pace(4, 30.0, 90.0)


def test_a_fifo_is_neither_read_nor_waited_for(tmp_path: Path) -> None:
    fifo = tmp_path / "alive"
    os.mkfifo(fifo)
    assert pace.read(fifo) is None
    (tmp_path / f".alive.{os.getpid()}").mkdir()  # so that it is written over
    with pytest.raises(OSError, match="No such device or address"):
        pace.write(fifo, Pace(1.0, 1.0, 1.0))
