"""GStreamer pipelines, files and numbered pictures, as cv2.VideoCapture would read them."""

from __future__ import annotations

import sys
import threading
import time
from pathlib import Path
from threading import Event

import cv2
import numpy as np
import pytest
from mediapipe_jetson import camera
from mediapipe_jetson.camera import gst_library, gstreamer, pipelines
from mediapipe_jetson.camera.address import parse
from mediapipe_jetson.pipeline import Pipeline, SourceError

from tests.support.here import needs_parts

pytestmark = [pytest.mark.vision, needs_parts("gst-base", "gst-good")]
LIVE = "videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate=50/1 ! appsink"


@pytest.mark.parametrize("form", ["BGR", "BGRx", "RGB", "I420", "NV12", "YUY2", "GRAY8"])
@pytest.mark.parametrize("width", [320, 321, 322])
def test_every_format_and_stride_gives_bgr(form: str, width: int) -> None:
    caps = f"video/x-raw,format={form},width={width},height=33"
    with camera.open(f"videotestsrc num-buffers=3 pattern=red ! {caps} ! appsink") as capture:
        frames = list(capture)
    assert [frame.shape for frame in frames] == [(33, width, 3)] * 3
    for frame in frames:
        assert frame.dtype == np.uint8
        assert frame.flags.c_contiguous
        # Drawn on as OpenCV's own frames are.
        cv2.circle(frame, (10, 10), 5, (255, 255, 255))
        if form == "GRAY8":
            assert frame[20, 20, 0] == frame[20, 20, 1] == frame[20, 20, 2]
        else:
            assert np.abs(frame[25:, 20].astype(int) - (0, 0, 255)).max() < 6


def test_frames_are_not_changed_by_later_ones() -> None:
    with camera.open("videotestsrc num-buffers=30 pattern=ball ! appsink sync=false") as capture:
        first = next(iter(capture))
        before = first.copy()
        rest = list(capture)
    assert len(rest) == 29
    assert (first == before).all()
    assert any((frame != first).any() for frame in rest)


def test_a_live_source_gives_the_newest_frame_with_its_time() -> None:
    with camera.open(LIVE) as capture:
        assert capture.live
        capture.read()
        time.sleep(0.5)  # 25 frames, of which one waits
        picture = capture.next()
        assert picture
        assert 0 <= time.monotonic() - picture.taken_s < 0.2


def test_a_file_s_pipeline_loses_no_frame(tmp_path: Path) -> None:
    for number in range(12):
        cv2.imwrite(
            str(tmp_path / f"image{number:04d}.png"), np.full((48, 64, 3), number * 20, np.uint8)
        )
    video = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 25, (64, 48))
    for number in range(12):
        writer.write(np.full((48, 64, 3), number * 20, np.uint8))
    writer.release()
    sources = (
        f"filesrc location={video} ! avidemux ! jpegdec ! appsink sync=false",
        str(video),
        video,
        f"file://{video}",
        str(tmp_path / "image%04d.png"),
    )
    for source in sources:
        with camera.open(source) as capture:
            assert not capture.live
            means = [int(frame.mean()) for frame in capture]
        assert len(means) == 12, source
        assert all(abs(mean - number * 20) < 6 for number, mean in enumerate(means)), source


def test_a_file_in_a_camera_s_place_comes_again_and_again(tmp_path: Path) -> None:
    video = tmp_path / "clip 1.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter_fourcc(*"MJPG"), 100, (64, 48))
    for number in range(5):
        writer.write(np.full((48, 64, 3), number * 40, np.uint8))
    writer.release()
    source = f"file://{tmp_path}/clip%201.avi?loop=1"
    assert camera.is_live(source)
    with camera.open(source, latest=False) as capture:
        assert capture.live
        means = [round(frame.mean() / 40) for frame, _ in zip(capture, range(13), strict=False)]
    assert means == [0, 1, 2, 3, 4] * 2 + [0, 1, 2]
    # In a pipeline it has no end, and comes at the video's pace.
    pipeline = Pipeline(source, lambda frame: frame.index, policy="latest")
    timer = threading.Timer(0.5, pipeline.stop)
    timer.start()
    report = pipeline.run()
    timer.join()
    assert 5 < report.given <= 60


@pytest.mark.parametrize(
    ("source", "code", "expected"),
    [
        ("videotestsrc ! fakesink", 2, "must end in an appsink"),
        ("! appsink", 2, "must end in an appsink"),
        ("nosuchsrc ! appsink", 3, 'no element "nosuchsrc"'),
        ("videotestsrc nosuch=1 ! appsink", 2, 'no property "nosuch"'),
        ("videotestsrc ! audio/x-raw ! appsink", 2, "no pipeline that GStreamer takes"),
        ("videotestsrc ! 'video/x-raw, width=64' ! appsink", 2, "; leave out the quotes around"),
        ('videotestsrc ! "video/x-raw" ! appsink', 2, "; leave out the quotes around"),
        ("videotestsrc num-buffers=0 ! appsink", 2, "no frame"),
        ("filesrc location=/none ! decodebin ! appsink", 2, "not found"),
        ("v4l2src device=/dev/video99 ! appsink", 2, "/dev/video99"),
        ("rtspsrc location=rtsp://u:secret@127.0.0.1:9/x ! decodebin ! appsink", 2, "***"),
        ("rtspsrc location=rtsp://127.0.0.1:9 user-pw=secret ! decodebin ! appsink", 2, "***"),
        ("csi://0", 3, "nvarguscamerasrc is not here"),
        ("csi://0?size=1", 2, "no option"),
        ("csi://0?width=0", 2, "16 to 16384"),
        ("csi://one", 2, "number"),
        ("/dev/video99", 2, "not there"),
        ("99", 2, "not there"),
        ("v4l2://99?format=mjpeg", 2, "not there"),
        ("v4l2://0?format=h265", 2, "raw, mjpeg, h264"),
        ("rtsp://", 2, "rtsp://HOST"),
        ("rtsp://h:99999/x", 2, "rtsp://HOST"),
        ("rtsp://u:secret@h:0/x", 2, "***"),
        ("rtsp://u:se/secret@h/x", 2, "%2F"),
        ("rtsp://u:se!secret@h:0/x", 2, "***@h:0"),
        ("rtsp://u:se@secret@h:0/x", 2, "***@h:0"),
        ("rtsp://u:se?secret@h/x", 2, "%2F"),
        ("rtsp://u:se#secret@h/x", 2, "%2F"),
        ("RTSP://u:secret@", 2, "%2F"),
        ("rtsp://nowhere.invalid/x?token=secret", 2, "is not known"),
        ("nosuchsrc location=http://u:se/secret@h/x ! appsink", 3, "nosuchsrc"),
        ("file://clip.avi", 2, "three slashes"),
        ("/none/clip.avi", 2, "not there"),
        ("/tmp", 2, "a folder"),
        ("", 2, "must be named"),
        ("a\0b", 2, "must be named"),
    ],
)  # fmt: skip
def test_bad_sources_are_one_line(source: str, code: int, expected: str) -> None:
    with pytest.raises(camera.CameraError) as caught:
        camera.open(source)
    assert caught.value.exit_code == code, caught.value
    assert expected in str(caught.value)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("source", [None, True, 1.5, b"0"])
def test_what_is_no_source_is_a_type_error(source: object) -> None:
    with pytest.raises(TypeError):
        camera.open(source)  # type: ignore[arg-type]


def test_a_source_without_frames_ends_in_bounded_time() -> None:
    begin = time.monotonic()
    text = "videotestsrc is-live=true ! valve drop=true ! appsink"
    with pytest.raises(camera.CameraEndedError, match=r"no frame for 0\.5 s"):
        camera.open(text, timeout_s=0.5)
    assert time.monotonic() - begin < 5


def test_a_pipeline_that_fails_in_the_middle_says_why() -> None:
    text = "videotestsrc is-live=true ! identity error-after=5 ! appsink"
    with camera.open(text) as capture:
        count = 0
        while capture.read()[0]:
            count += 1
        assert count < 6
        assert capture.error
        assert "\n" not in str(capture.error)


def test_release_ends_a_read_in_another_thread() -> None:
    capture = camera.open(LIVE, timeout_s=30)
    ended: list[bool] = []

    def read() -> None:
        while capture.read()[0]:
            pass
        ended.append(True)

    reader = threading.Thread(target=read)
    reader.start()
    time.sleep(0.2)
    capture.release()
    reader.join(5)
    assert ended == [True]
    assert capture.read() == (False, None)
    capture.release()


def test_one_frame_waits_when_nobody_reads() -> None:
    with camera.open(LIVE.replace("videotestsrc", "videotestsrc num-buffers=25")) as capture:
        time.sleep(2)  # all 25 frames came meanwhile
        assert len(list(capture)) == 1


def test_capture_to_result_is_measured() -> None:
    """A landmarker that takes 30 ms shows in the time from capture to result, not before."""

    def slow(_frame: object) -> None:
        time.sleep(0.03)

    pipeline = Pipeline(LIVE, slow, policy="latest")
    pipeline.start()
    while pipeline.report().done < 20:
        time.sleep(0.05)
    pipeline.stop()
    report = pipeline.wait()
    assert 30 < report.latency_median_ms < 200
    assert report.as_json()["reconnects"] == 0
    assert any(line.startswith("capture to result ") for line in report.lines())


def test_a_pipeline_over_a_missing_element_has_its_exit_code() -> None:
    with pytest.raises(SourceError) as caught:
        Pipeline("csi://0", lambda frame: None)
    assert caught.value.exit_code == 3


@pytest.mark.parametrize("source", [LIVE, "/none.avi", "rtsp://127.0.0.1:9/x"])
def test_without_opencv_one_line_says_so(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(camera.CameraMissingError, match="OpenCV can't be imported"):
        camera.open(source)


def test_gstreamer_takes_the_pipelines_of_v4l2_devices() -> None:
    """Without such a device: GStreamer's own v4l2src must get as far as opening it."""
    source = parse("v4l2://99?width=640&height=480&fps=30")
    launches = list(pipelines.candidates(source, gst_library.has))
    assert len(launches) >= 2
    for launch in launches:
        with pytest.raises(camera.CameraError, match="/dev/video99"):
            gstreamer.Reader(
                launch.text, "it", launch.settings, latest=True, live=True, stopped=Event()
            )


@pytest.mark.parametrize(
    ("here", "decodes"),
    [
        ({"openh264dec", "h264parse"}, "h264parse ! openh264dec ! videoconvert"),
        ({"openh264dec"}, "openh264dec ! videoconvert"),
        (
            {"nvv4l2decoder", "nvvidconv", "h264parse"},
            "h264parse ! nvv4l2decoder ! nvvidconv ! video/x-raw,format=BGRx",
        ),
        ({"h264parse"}, None),
    ],
)
def test_the_codec_s_parser_stands_before_its_decoder(here: set[str], decodes: str | None) -> None:
    assert pipelines.decoder("H264", (here | {"videoconvert"}).__contains__) == decodes
