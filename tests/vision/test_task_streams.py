"""The landmarkers over videos and live streams: timestamps, threads, callbacks, closing."""

from __future__ import annotations

import itertools
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mediapipe.tasks.python.vision import RunningMode
from mediapipe_jetson.vision import task
from mediapipe_jetson.vision.errors import ClosedError, TimestampError

from tests.vision import media, near
from tests.vision.near import Bundle

pytestmark = pytest.mark.vision


@pytest.mark.parametrize("wrong", [33, 0, -1, 2.5, "later", None])
def test_a_timestamp_that_does_not_grow(wrong: Any, bundle: Bundle) -> None:
    picture = media.image(media.rgb("astronaut.jpg"))
    with near.kits("Face", bundle, "litert", running_mode=RunningMode.VIDEO) as landmarker:
        landmarker.detect_for_video(picture, 33)
        with pytest.raises(TimestampError):
            landmarker.detect_for_video(picture, wrong)
        assert landmarker.detect_for_video(picture, 34).face_landmarks


@pytest.mark.parametrize("task", ["Face", "Hand", "Pose"])
def test_results_made_while_later_frames_are_inferred_are_the_same(
    task: str, bundle: Bundle
) -> None:
    pixels = media.rgb("hand.jpg" if task == "Hand" else "astronaut.jpg")
    frames = [np.roll(pixels, step * 3, axis=1) for step in range(5)]
    mode = {"running_mode": RunningMode.VIDEO}
    with near.kits(task, bundle, "litert", **mode) as detector:
        at_once = [detector.detect_for_video(item, place * 33) for place, item in enumerate(frames)]
    with near.kits(task, bundle, "litert", **mode) as other:
        begun = [other.begin_for_video(item, place * 33) for place, item in enumerate(frames)]
        assert [make() for make in begun] == at_once
    assert any(getattr(result, f"{task.lower()}_landmarks") for result in at_once)


class Watched:
    """A graph's `finish` that waits a while for whatever comes in between."""

    def __init__(self, finish: Any) -> None:
        self.finish = finish
        self.inside = self.most = 0
        self.entered, self.between = threading.Event(), threading.Event()

    def __call__(self, *outputs: Any) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside > 1:
            self.between.set()
        self.entered.set()
        self.between.wait(0.5)
        result = self.finish(*outputs)
        self.inside -= 1
        return result


def test_threads_wait_for_each_others_results_and_are_told_of(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    picture = media.rgb("astronaut.jpg")
    with near.kits("Face", bundle, "litert", running_mode=RunningMode.VIDEO) as landmarker:
        assert landmarker.graph.finishes_apart
        watched = Watched(landmarker.graph.finish)
        monkeypatch.setattr(landmarker.graph, "finish", watched)
        numbers, failures = itertools.count(), []

        def look() -> None:
            for _ in range(2):
                try:
                    assert landmarker.detect_for_video(picture, next(numbers)).face_landmarks
                except TimestampError:
                    pass  # the other thread was faster
                except Exception as error:
                    failures.append(error)

        threads = [threading.Thread(target=look) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert (watched.most, failures) == (1, [])
    (record,) = [item for item in caplog.records if "VIDEO mode" in item.message]
    assert record.message.startswith("threads give frames to one FaceLandmarker")
    assert record.message.endswith("make one for each stream")


def test_threads_that_take_turns_are_no_several_streams(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    picture = media.rgb("astronaut.jpg")
    with near.kits("Face", bundle, "litert", running_mode=RunningMode.VIDEO) as landmarker:
        for number in range(3):
            thread = threading.Thread(target=landmarker.detect_for_video, args=(picture, number))
            thread.start()
            thread.join()
    assert not [item for item in caplog.records if "VIDEO mode" in item.message]


def test_a_signal_while_it_is_told_of_leaves_the_lock_free(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(task.LOG, "warning", interrupted)
    lock = threading.Lock()
    video: Any = SimpleNamespace(lock=lock, shared=False, closed=False, task="FaceLandmarker")
    lock.acquire()
    threading.Timer(0.2, lock.release).start()
    with pytest.raises(KeyboardInterrupt), task.Landmarker._turn(video):
        pytest.fail("it was told of")
    assert not lock.locked()


def test_closing_waits_for_the_result_of_a_video(
    bundle: Bundle, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = media.rgb("astronaut.jpg")
    landmarker = near.kits("Face", bundle, "litert", running_mode=RunningMode.VIDEO)
    watched = Watched(landmarker.graph.finish)
    monkeypatch.setattr(landmarker.graph, "finish", watched)
    thread = threading.Thread(target=landmarker.detect_for_video, args=(picture, 1))
    thread.start()
    assert watched.entered.wait(60)
    landmarker.close()
    assert watched.inside == 0
    thread.join()


def test_a_live_stream_calls_back_in_order(bundle: Bundle) -> None:
    got: list[tuple[int, int]] = []
    done = threading.Event()
    # So little from first to last that the face is not lost, whichever frames are dropped.
    slow = itertools.islice(media.moving("astronaut.jpg", 240), 12)
    frames = [media.image(pixels) for pixels in slow]

    def callback(result: Any, image: Any, timestamp_ms: int) -> None:
        assert any(image is frame for frame in frames)
        got.append((timestamp_ms, len(result.face_landmarks)))
        done.set()

    landmarker = near.kits(
        "Face", bundle, "litert", running_mode=RunningMode.LIVE_STREAM, result_callback=callback
    )
    with landmarker:
        for step, frame in enumerate(frames):
            landmarker.detect_async(frame, step * media.FRAME_MS)
            if step == 0:
                assert done.wait(60)
        with pytest.raises(TimestampError):
            landmarker.detect_async(frames[0], 5)
    times = [time for time, _ in got]
    assert times == sorted(times)
    # The newest frame is never dropped: closing waits for it.
    assert times[-1] == 11 * media.FRAME_MS
    assert all(count == 1 for _, count in got)


def test_a_callback_that_fails_stops_nothing(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    calls = []

    def callback(result: Any, image: Any, timestamp_ms: int) -> None:
        del result, image
        calls.append(timestamp_ms)
        raise ValueError("a user's mistake")

    mode = RunningMode.LIVE_STREAM
    with near.kits("Hand", bundle, "litert", running_mode=mode, result_callback=callback) as kits:
        for now in (1, 2):
            kits.detect_async(media.rgb("hand.jpg"), now)
            while len(calls) < now:
                pass
    assert calls == [1, 2]
    assert "a user's mistake" in caplog.text


def test_closed_is_closed(bundle: Bundle) -> None:
    landmarker = near.kits("Pose", bundle, "litert")
    landmarker.close()
    landmarker.close()
    with pytest.raises(ClosedError, match="PoseLandmarker"):
        landmarker.detect(media.rgb("messi5.jpg"))
