"""The landmarkers as one uses MediaPipe's: options, modes, the live stream, closing, backends."""

from __future__ import annotations

import itertools
import logging
import threading
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from mediapipe.tasks.python import vision as theirs
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision import RunningMode
from mediapipe_jetson import backends, vision
from mediapipe_jetson.backends.base import InferenceError, UnknownBackendError
from mediapipe_jetson.vision import order, task
from mediapipe_jetson.vision.errors import (
    ClosedError,
    ModeError,
    NoBackendError,
    OptionError,
    TimestampError,
)

from tests.vision import media, near
from tests.vision.near import Bundle

pytestmark = pytest.mark.vision


class Broken:
    """A session that works for some runs and then fails, as a lost device does."""

    def __init__(self, session: Any, runs: int) -> None:
        self.session = session
        self.left = runs

    def __getattr__(self, name: str) -> Any:
        return getattr(self.session, name)

    def run(self, arrays: Any) -> Any:
        self.left -= 1
        if self.left < 0:
            raise InferenceError("the device is gone")
        return self.session.run(arrays)


@pytest.fixture
def breaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let LiteRT's sessions fail after their third run."""
    create = backends.create

    def made(name: str) -> Any:
        backend = create(name)
        if name == "litert":
            load = backend.load
            monkeypatch.setattr(backend, "load", lambda model, n: Broken(load(model, n), 3), False)
        return backend

    monkeypatch.setattr(backends, "create", made)


def test_only_the_import_changes(bundle: Bundle) -> None:
    base = vision.FaceLandmarkerOptions.__dataclass_fields__
    assert "min_face_presence_confidence" in base
    assert vision.FaceLandmarkerOptions is theirs.FaceLandmarkerOptions
    assert vision.RunningMode is RunningMode
    options = near.options("Face", bundle)
    with vision.FaceLandmarker.create_from_options(options) as landmarker:
        assert landmarker.detect(media.image(media.rgb("astronaut.jpg"))).face_landmarks
    with vision.FaceLandmarker.create_from_model_path(bundle("face")) as landmarker:
        assert landmarker.detect(media.image(media.rgb("astronaut.jpg"))).face_landmarks


def test_options_by_name(bundle: Bundle) -> None:
    content = open(bundle("face"), "rb").read()  # noqa: PTH123, SIM115
    with vision.FaceLandmarker(
        model_asset_buffer=content, num_faces=2, backend="litert", threads=2
    ) as landmarker:
        assert landmarker.options.num_faces == 2
        assert landmarker.backend == "litert"
        assert len(landmarker.detect(media.rgb("astronaut.jpg")).face_landmarks) == 1


@pytest.mark.parametrize(
    ("fields", "word"),
    [
        ({"num_faces": 0}, "num_faces"),
        ({"num_faces": "two"}, "num_faces"),
        ({"min_face_presence_confidence": 1.5}, "min_face_presence_confidence"),
        ({"min_tracking_confidence": None}, "min_tracking_confidence"),
        ({"running_mode": RunningMode.LIVE_STREAM}, "callback"),
        ({"result_callback": print}, "callback"),
        ({"no_such_option": 1}, "no_such_option"),
    ],
)
def test_wrong_options_are_named(fields: dict[str, Any], word: str, bundle: Bundle) -> None:
    with pytest.raises(OptionError, match=word):
        vision.FaceLandmarker(model_asset_path=bundle("face"), **fields)


def test_an_unknown_backend_is_named(bundle: Bundle) -> None:
    with pytest.raises(UnknownBackendError, match="litert"):
        vision.FaceLandmarker(model_asset_path=bundle("face"), backend="cuda")


def test_methods_of_another_mode_say_so(bundle: Bundle) -> None:
    picture = media.image(media.rgb("astronaut.jpg"))
    with near.kits("Face", bundle, "litert") as landmarker:
        with pytest.raises(ModeError, match="video mode"):
            landmarker.detect_for_video(picture, 1)
        with pytest.raises(ModeError, match="live stream mode"):
            landmarker.detect_async(picture, 1)
        assert landmarker.detect(picture).face_landmarks


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
    with near.kits(task, bundle, "litert", **mode) as one:
        at_once = [one.detect_for_video(item, place * 33) for place, item in enumerate(frames)]
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

    def __call__(self, *found: Any) -> Any:
        self.inside += 1
        self.most = max(self.most, self.inside)
        if self.inside > 1:
            self.between.set()
        self.entered.set()
        self.between.wait(0.5)
        result = self.finish(*found)
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


@pytest.mark.usefixtures("breaks")
def test_a_backend_that_fails_while_it_runs_is_replaced(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    frames = list(media.moving("astronaut.jpg", 8))
    fields = {"running_mode": RunningMode.VIDEO}
    with (
        near.mediapipes("Face", bundle, **fields) as expected,
        near.kits("Face", bundle, ["litert", "mediapipe-cpu"], **fields) as landmarker,
        caplog.at_level(logging.WARNING),
    ):
        assert landmarker.backend == "litert"
        follow = near.follow("Face", expected, landmarker, frames)
        assert landmarker.backend == "mediapipe-cpu"
        (failure,) = landmarker.failures
    assert follow.alike == len(frames)
    assert (failure.backend, failure.reason) == ("litert", "the device is gone")
    assert "backend litert is not used: the device is gone" in caplog.text


@pytest.mark.usefixtures("breaks")
def test_without_another_backend_the_failure_is_raised(bundle: Bundle) -> None:
    with near.kits("Face", bundle, "litert", running_mode=RunningMode.VIDEO) as landmarker:
        with pytest.raises(NoBackendError, match="the device is gone"):
            near.follow("Face", landmarker, landmarker, [])
            for now in range(1, 9):
                landmarker.detect_for_video(media.rgb("astronaut.jpg"), now)
        with pytest.raises(NoBackendError, match="the device is gone"):
            landmarker.detect_for_video(media.rgb("astronaut.jpg"), 99)


def test_a_missing_backend_is_passed_over(bundle: Bundle) -> None:
    with near.kits("Face", bundle, ["tensorrt", "litert"]) as landmarker:
        assert landmarker.backend == "litert"
        assert landmarker.failures[0].backend == "tensorrt"
        assert landmarker.failures[0].reason


def test_mediapipe_itself_is_a_backend(bundle: Bundle) -> None:
    picture = media.image(media.rgb("astronaut.jpg"))
    with (
        near.mediapipes("Face", bundle) as expected,
        near.kits("Face", bundle, "mediapipe-cpu") as landmarker,
    ):
        wanted, result = expected.detect(picture), landmarker.detect(picture)
        assert np.array_equal(
            near.array(wanted.face_landmarks[0]), near.array(result.face_landmarks[0])
        )


def test_auto_keeps_to_the_delegate(tmp_path: Any) -> None:
    delegates = BaseOptions.Delegate
    assert order.candidates("auto", delegates.CPU) == order.CPU
    assert order.candidates("auto", delegates.GPU) == order.GPU
    assert order.candidates("auto", None, tmp_path) == order.CPU
    (tmp_path / "dev").mkdir()
    (tmp_path / "dev" / "nvhost-gpu").touch()
    assert order.candidates("auto", None, tmp_path) == (*order.GPU, *order.CPU)
    assert order.candidates(["onnx", "litert"], delegates.GPU) == ("onnx", "litert")
