"""Pipelines: order, policies, the end, whoever ends it; with sources and stages made here."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from mediapipe_jetson.pipeline import (
    Detected,
    Frame,
    Pipeline,
    StageError,
    StuckError,
)

from jetson_kit.wheels.device_wheel import PACKAGE
from tests.unit.pictures import Picture


def pictures(count: int, each_s: float = 0.0) -> Iterator[Picture]:
    for _ in range(count):
        time.sleep(each_s)
        yield Picture()


def index_of(frame: Frame) -> int:
    return frame.index


def no_threads() -> bool:
    return not [thread for thread in threading.enumerate() if thread.name.startswith("pipeline-")]


@pytest.fixture(autouse=True)
def _leaves_no_thread() -> Iterator[None]:
    yield
    assert no_threads()


def test_all_frames_come_out_in_order() -> None:
    out: list[Detected] = []
    report = Pipeline(pictures(200), index_of, out.append).run()
    assert [job.result for job in out] == [job.frame.index for job in out] == list(range(200))
    assert (report.given, report.done, report.dropped, report.refused) == (200, 200, 0, 0)
    assert [stage.frames for stage in report.stages] == [200, 200, 200]


def test_a_source_without_frames_ends_at_once() -> None:
    report = Pipeline([], index_of).run()
    assert (report.given, report.done, report.fps, report.bound) == (0, 0, 0.0, "")
    assert report.lines()


def test_stages_overlap() -> None:
    busy: set[str] = set()
    seen: list[int] = []

    def slow(name: str) -> Callable[[Any], None]:
        def work(_job: Any) -> None:
            busy.add(name)
            seen.append(len(busy))
            time.sleep(0.01)
            busy.remove(name)

        return work

    Pipeline(pictures(30), slow("detect"), slow("sink"), draw=slow("draw")).run()
    assert max(seen) == 3


def test_keep_all_makes_the_source_wait() -> None:
    given = 0
    ahead = []

    def source() -> Iterator[Picture]:
        nonlocal given
        for _ in range(40):
            given += 1
            yield Picture()

    def detect(frame: Frame) -> None:
        time.sleep(0.001)
        ahead.append(given - frame.index)

    report = Pipeline(source(), detect, depth=2).run()
    assert report.done == 40
    # One being made, two in the queue, one at work.
    assert max(ahead) <= 5
    assert report.queues[0].most == 2
    capture = report.stages[0]
    assert capture.blocked_ms > capture.mean_ms


def test_keep_latest_drops_the_old_and_is_never_late() -> None:
    out: list[int] = []

    def detect(frame: Frame) -> int:
        time.sleep(0.02)
        return frame.index

    report = Pipeline(
        pictures(100, 0.002), detect, lambda job: out.append(job.result), policy="latest"
    ).run()
    assert out == sorted(set(out))
    assert out[-1] == 99
    assert report.dropped > 50
    assert report.done + report.dropped == report.given == 100
    # The frame at work was at most one behind when its turn came.
    assert report.latency_median_ms < 60


def test_latest_drops_only_before_inference() -> None:
    """What was inferred on is not thrown away for a slow sink: it makes inference wait."""
    work = []

    def detect(frame: Frame) -> None:
        work.append(frame.index)

    report = Pipeline(
        pictures(50, 0.001), detect, lambda _: time.sleep(0.01), policy="latest"
    ).run()
    assert report.done == len(work)
    assert report.dropped == 50 - len(work) > 0


@pytest.mark.parametrize("stage", ["capture", "detect", "draw", "sink"])
def test_what_a_stage_raises_ends_all_with_its_name(stage: str) -> None:
    def fail_at(name: str) -> None:
        if name == stage:
            raise ZeroDivisionError("of this test")

    def source() -> Iterator[Picture]:
        yield from pictures(3)
        fail_at("capture")
        while True:
            yield Picture()

    def later(job: Detected, name: str) -> None:
        if job.frame.index == 2:
            fail_at(name)

    pipeline = Pipeline(
        source(),
        lambda frame: fail_at("detect") if frame.index == 2 else None,
        lambda job: later(job, "sink"),
        draw=lambda job: later(job, "draw"),
    )
    with pytest.raises(StageError, match=f"stage {stage} failed.*ZeroDivisionError") as caught:
        pipeline.run()
    assert caught.value.stage == stage
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
    assert no_threads()


def test_a_failure_while_all_queues_are_full_ends_it() -> None:
    def sink(job: Detected) -> None:
        time.sleep(0.05)
        if job.frame.index == 1:
            raise OSError("disk full")

    left = pictures(1000)
    with pytest.raises(StageError, match=r"sink.*frame 1.*disk full"):
        Pipeline(left, index_of, sink).run()
    assert len(list(left)) > 900, "the source was not drained"


def test_stop_from_another_thread() -> None:
    def endless() -> Iterator[Picture]:
        while True:
            yield from pictures(1, 0.001)

    pipeline = Pipeline(endless(), index_of)
    pipeline.start()
    threading.Timer(0.1, pipeline.stop).start()
    report = pipeline.wait()
    assert report.wall_s > 0
    assert report.done > 0


def test_a_context_stops_at_its_end() -> None:
    with Pipeline(pictures(1000, 0.01), index_of) as pipeline:
        time.sleep(0.05)
        assert pipeline.report().done > 0
    assert no_threads()


def test_a_context_raises_what_a_stage_raised() -> None:
    with (
        pytest.raises(StageError, match="detect"),
        Pipeline(pictures(1000, 0.001), lambda _: 1 // 0) as pipeline,
    ):
        while pipeline.report().given < 2:
            time.sleep(0.001)
        time.sleep(0.01)
    with Pipeline(pictures(1000, 0.001), lambda _: 1 // 0) as reported, pytest.raises(StageError):
        reported.wait()


def test_a_pipeline_runs_once() -> None:
    pipeline = Pipeline([], index_of)
    pipeline.run()
    with pytest.raises(RuntimeError, match="runs once"):
        pipeline.run()


def test_a_stage_that_never_comes_back_is_named() -> None:
    free = threading.Event()
    pipeline = Pipeline(pictures(5), lambda _: free.wait(), stop_s=0.1)
    pipeline.start()
    time.sleep(0.05)
    pipeline.stop()
    with pytest.raises(StuckError, match="stage detect did not stop"):
        pipeline.wait()
    free.set()
    while not no_threads():
        time.sleep(0.01)


INTERRUPTED = """
import threading, time
from mediapipe_jetson.pipeline import Pipeline
class Picture:
    shape, dtype = (4, 6, 3), "uint8"
def endless():
    while True:
        time.sleep(0.001)
        yield Picture()
try:
    Pipeline(endless(), lambda frame: print("up", flush=True) if frame.index == 0 else None).run()
except KeyboardInterrupt:
    print("interrupted", [one.name for one in threading.enumerate()], flush=True)
"""


def test_ctrl_c_ends_it_without_a_thread_left() -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(PACKAGE)},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=10)
    assert rest == "interrupted ['MainThread']\n"
