"""The landmarkers as one uses MediaPipe's: options, modes, the live stream, closing, backends."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pytest
from mediapipe.tasks.python import vision as theirs
from mediapipe.tasks.python.core.base_options import BaseOptions
from mediapipe.tasks.python.vision import RunningMode
from mediapipe_jetson import backends, vision
from mediapipe_jetson.backends.base import InferenceError, UnknownBackendError
from mediapipe_jetson.vision import order
from mediapipe_jetson.vision.errors import ModeError, NoBackendError, OptionError

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
        reference, result = expected.detect(picture), landmarker.detect(picture)
        assert np.array_equal(
            near.array(reference.face_landmarks[0]), near.array(result.face_landmarks[0])
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
