"""RTSP against GStreamer's own server: codecs, users, a server that goes and comes back."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import cv2
import pytest
from mediapipe_jetson import camera
from mediapipe_jetson.camera import gstreamer, opencv_reader, pipelines
from mediapipe_jetson.pipeline import Pipeline, SourceError

from tests.camera.conftest import Server
from tests.support.here import needs_parts

pytestmark = [
    pytest.mark.vision,
    needs_parts("gst-base", "gst-good", "gst-ugly", "gst-bad", "gst-rtsp-server", "gi"),
]
Serve = Callable[..., Server]
RED = (0, 0, 255)
NEAR = 24  # what a codec may change


def is_red(frame: object) -> bool:
    mean = cv2.mean(frame)[:3]
    return all(abs(value - red) < NEAR for value, red in zip(mean, RED, strict=True))


def turns_red(capture: camera.Capture) -> bool:
    """Return whether frames are red soon: the first ones lack what was sent before."""
    rows = [is_red(capture.read()[1]) for _ in range(20)]
    return sum(rows) >= 5 and rows[-1]


@pytest.mark.parametrize("codec", ["h264", "jpeg"])
def test_gstreamer_reads_a_stream(serve: Serve, codec: str) -> None:
    with camera.open(serve(codec).url) as capture:
        assert isinstance(capture._reader, gstreamer.Reader)
        assert capture.isOpened()
        assert (capture.get(cv2.CAP_PROP_FRAME_WIDTH), capture.get(cv2.CAP_PROP_FRAME_HEIGHT)) == (
            320,
            240,
        )
        assert capture.get(cv2.CAP_PROP_FPS) == 25
        read, frame = capture.read()
        assert read
        assert frame is not None
        assert frame.shape == (240, 320, 3)
        assert turns_red(capture)
    assert not capture.isOpened()


def test_opencv_reads_what_gstreamer_can_not_decode(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipelines, "decodes", lambda *_: False)
    with camera.open(serve().url) as capture:
        assert isinstance(capture._reader, opencv_reader.OpenCvReader)
        assert turns_red(capture)


def test_the_password_is_the_environment_s(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    server = serve(who="viewer:open/sesame")
    url = server.url.replace("//", "//viewer@")
    monkeypatch.setenv("MEDIAPIPE_JETSON_CAMERA_PASSWORD", "open/sesame")
    with camera.open(url) as capture:
        assert capture.read()[0]
        assert capture.name == server.url.replace("//", "//***@")
        assert "sesame" not in repr(vars(capture))


@pytest.mark.parametrize(
    ("before", "expected"),
    [("", "needs a user and a password"), ("viewer:wrong1@", "refuses this user and password")],
)
def test_a_refused_user_is_one_line(serve: Serve, before: str, expected: str) -> None:
    server = serve(who="viewer:open/sesame")
    with pytest.raises(camera.CameraSourceError, match=expected) as caught:
        camera.open(server.url.replace("//", f"//{before}"))
    assert "wrong1" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_stream_that_is_not_there(serve: Serve) -> None:
    with pytest.raises(camera.CameraSourceError, match="no such stream"):
        camera.open(serve().url.replace("door", "window"))


def test_a_port_on_which_nothing_listens() -> None:
    with socket.create_server(("127.0.0.1", 0)) as connection:
        port = connection.getsockname()[1]
    with pytest.raises(camera.CameraSourceError, match=f"nothing listens on port {port}"):
        camera.open(f"rtsp://me:secret@127.0.0.1:{port}/x")


def test_a_server_that_never_answers() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        pytest.raises(camera.CameraSourceError, match="no RTSP server") as caught,
    ):
        camera.open(f"rtsp://me:secret@127.0.0.1:{silent.getsockname()[1]}/x", timeout_s=0.5)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_killed_and_comes_back(serve: Serve) -> None:
    server = serve(who="viewer:sesame")
    url = server.url.replace("//", "//viewer:sesame@")
    with camera.open(url, timeout_s=1.5, retry_s=30) as capture:
        assert capture.read()[0]
        server.kill()
        back = threading.Timer(2, server.start)
        back.start()
        # What was sent before the end may still come.
        while capture.reconnects == 0:
            assert capture.read()[0]
        back.join()
        assert capture.reconnects == 1
        assert turns_red(capture)


def test_a_server_that_stays_away_ends_in_one_line(serve: Serve) -> None:
    server = serve()
    url = server.url.replace("//", "//viewer:sesame@")
    with camera.open(url, timeout_s=1, retry_s=2) as capture:
        server.kill()
        while capture.read()[0]:
            pass
        assert isinstance(capture.error, camera.CameraEndedError)
        assert capture.error.exit_code == 7
        assert "nothing listens on port" in str(capture.error)
        assert "sesame" not in str(capture.error)
        assert "\n" not in str(capture.error)
        with pytest.raises(camera.CameraEndedError):
            next(iter(capture))


def test_stop_ends_the_wait_for_a_server_that_stays_away(serve: Serve) -> None:
    server = serve()
    with camera.open(server.url, timeout_s=0.5, retry_s=600) as capture:
        server.kill()
        threading.Timer(3, capture.stop).start()
        while capture.read()[0]:
            pass
        assert capture.error is None
        assert not capture.isOpened()


def test_a_pipeline_that_waits_for_a_lost_stream_stops_at_once(serve: Serve) -> None:
    server = serve()
    pipeline = Pipeline(server.url, lambda frame: frame.index, policy="latest")
    pipeline.start()
    while pipeline.report().done < 3:
        time.sleep(0.05)
    server.kill()
    time.sleep(0.5)  # its next frame is being waited for
    pipeline.stop()
    report = pipeline.wait()
    assert report.done >= 3
    assert report.source == server.url


def test_a_pipeline_tells_what_keeps_it_from_a_stream() -> None:
    with pytest.raises(SourceError, match=r"the host nowhere\.invalid is not known") as caught:
        Pipeline("rtsp://me:secret@nowhere.invalid/x", lambda frame: None)
    assert caught.value.exit_code == 2
    assert "secret" not in str(caught.value)
