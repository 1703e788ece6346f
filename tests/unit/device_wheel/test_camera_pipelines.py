"""Which GStreamer pipelines a source means, and that no secret is in their text."""

from __future__ import annotations

import pytest
from mediapipe_jetson.camera import address, pipelines
from mediapipe_jetson.camera.errors import CameraMissingError, CameraSourceError

NVIDIA = {"nvarguscamerasrc", "nvvidconv", "nvv4l2decoder"}


def texts(source: str, lacking: frozenset[str] = frozenset()) -> list[str]:
    candidates = pipelines.candidates(address.parse(source), lambda name: name not in lacking)
    return [launch.text for launch in candidates]


def test_a_csi_camera_is_scaled_by_the_board() -> None:
    (text,) = texts("csi://1?width=1920&height=1080&fps=60&flip=2")
    assert text.startswith(
        "nvarguscamerasrc name=mediapipe_source ! video/x-raw(memory:NVMM),format=NV12,"
        "width=1920,height=1080,framerate=60/1 ! nvvidconv flip-method=2 ! "
        "video/x-raw,format=BGRx ! appsink"
    )
    launch = next(pipelines.candidates(address.parse("csi://1"), lambda _: True))
    assert launch.settings == {"sensor-id": "1"}


def test_a_v4l2_device_gives_raw_then_mjpeg_then_h264() -> None:
    result = texts("v4l2://0?width=1280&height=720&fps=30")
    size = "width=1280,height=720,framerate=30/1"
    assert [text.split(" ! ")[1] for text in result] == [
        f"video/x-raw,{size}", f"image/jpeg,{size}", f"video/x-h264,{size}",
    ]  # fmt: skip
    assert "nvv4l2decoder" in result[2]
    assert [text.split(" ! ")[1] for text in texts("v4l2://0?format=mjpeg")] == ["image/jpeg"]


def test_without_nvidia_s_decoder_another_one_is_taken() -> None:
    result = texts("/dev/video0", frozenset(NVIDIA))
    assert "avdec_h264 ! videoconvert" in result[2]
    none = frozenset({*NVIDIA, "avdec_h264", "openh264dec"})
    assert len(texts("/dev/video0", none)) == 2
    with pytest.raises(CameraMissingError, match="no decoder for h264"):
        texts("v4l2://0?format=h264", none)


def test_a_stream_has_a_branch_for_each_codec_that_can_be_decoded() -> None:
    (text,) = texts("rtsp://h/x")
    for codec in ("H264", "H265", "JPEG"):
        assert f"encoding-name={codec}" in text
    (text,) = texts("rtsp://h/x", frozenset({"nvv4l2decoder", "avdec_h265"}))
    assert "encoding-name=H265" not in text


def test_secrets_are_properties_and_in_no_text() -> None:
    source = address.parse("rtsp://me:se%2Fcret@h:8554/x?token=abc")
    launch = next(pipelines.candidates(source, lambda _: True))
    assert (launch.settings["user-id"], launch.settings["user-pw"]) == ("me", "se/cret")
    assert launch.settings["location"] == "rtsp://h:8554/x?token=abc"
    for text in (launch.text, repr(launch), repr(source), source.shown):
        assert "cret" not in text
        assert "abc" not in text


@pytest.mark.parametrize(
    "source",
    ["9" * 5000, "0" * 5000, "256", f"csi://{'1' * 5000}", "csi://-1", "csi://\u0663",
     f"csi://0?width={'0' * 5000}", f"csi://0?width={'9' * 5000}", "v4l2://0?width=00000064099",
     "v4l2://0?fps=0"],
)  # fmt: skip
def test_a_number_that_is_none_of_a_camera_is_refused(source: str) -> None:
    with pytest.raises(CameraSourceError, match="number"):
        address.parse(source)


@pytest.mark.parametrize("missing", ["nvarguscamerasrc", "nvvidconv"])
def test_a_missing_element_of_the_board_is_named(missing: str) -> None:
    with pytest.raises(CameraMissingError, match=f"{missing} is not here: it is the board's"):
        texts("csi://0", frozenset({missing}))


def test_a_missing_element_of_debian_is_named() -> None:
    with pytest.raises(CameraMissingError, match="--camera"):
        texts("/dev/video0", frozenset({"v4l2src"}))


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("a ! appsink", "a ! videoconvert ! appsink name=mediapipe_sink caps="),
        ("a ! appsink name=mine sync=false", "name=mediapipe_sink caps="),
        ("a!appsink name=\"my sink\" max-buffers=2", "max-buffers=2"),
        ("a ! appsink caps=video/x-raw,format=BGR", "caps=video/x-raw,format=BGR"),
    ],
)  # fmt: skip
def test_a_user_s_pipeline_ends_in_our_appsink(text: str, end: str) -> None:
    pipeline = pipelines.own(text).text
    assert end in pipeline
    assert "mine" not in pipeline
    assert "my sink" not in pipeline
    assert pipeline.count("name=") == 1
    assert pipeline.count("caps=") == 1


@pytest.mark.parametrize("text", ["a ! b", "! appsink", "a ! appsinker", "appsink !", "a ! b !"])
def test_what_does_not_end_in_an_appsink(text: str) -> None:
    with pytest.raises(CameraSourceError, match="must end in an appsink"):
        pipelines.own(text)
