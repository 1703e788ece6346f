"""Frames, sources and landmarkers that a pipeline can't use."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from mediapipe_jetson.pipeline import Frame, FrameError, Pipeline, SourceError, StageError
from mediapipe_jetson.pipeline.sources import is_live, open_source

from tests.unit.pictures import Picture


def index_of(frame: Frame) -> int:
    return frame.index


BAD = (
    (Picture((0, 6, 3)), "empty"),
    (Picture((4, 6, 7)), "shape"),
    (Picture((4,)), "shape"),
    (Picture(dtype="float32"), "float32"),
    (None, "NoneType"),
)


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_a_bad_frame_is_left_out_and_said(bad: Any, why: str) -> None:
    out: list[int] = []
    report = Pipeline(
        [Picture(), bad, Picture()], index_of, lambda job: out.append(job.result)
    ).run()
    assert out == [0, 2]
    assert report.refused == 1
    assert why in report.refusals[0]
    assert any(report.refusals[0] in line for line in report.lines())


@pytest.mark.parametrize(("bad", "why"), BAD)
def test_a_bad_frame_ends_a_strict_pipeline(bad: Any, why: str) -> None:
    with pytest.raises(StageError, match=why) as caught:
        Pipeline([Picture(), bad], index_of, strict=True).run()
    assert isinstance(caught.value.cause, FrameError)


@pytest.mark.parametrize("stamps", [(0, 40, 40, 80), (0, 40, 20, 80), (0, 40, 40.5, 80)])
def test_times_that_do_not_grow_are_left_out(stamps: tuple[Any, ...]) -> None:
    report = Pipeline([(Picture(), stamp) for stamp in stamps], index_of).run()
    assert (report.done, report.refused) == (3, 1)
    assert "times must grow" in report.refusals[0]


def test_many_refusals_keep_few_reasons() -> None:
    report = Pipeline([None] * 1000, index_of).run()
    assert (report.refused, len(report.refusals)) == (1000, 5)


def test_what_is_no_landmarker_or_source_is_refused() -> None:
    with pytest.raises(TypeError, match="no landmarker"):
        Pipeline([], object())
    for wrong in (True, 1.5, None):
        with pytest.raises(TypeError, match="a source is"):
            open_source(wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="no policy 'some'"):
        Pipeline([], index_of, policy="some")
    with pytest.raises(ValueError, match="1 or more"):
        Pipeline([], index_of, depth=0)


def test_without_opencv_a_video_is_a_source_error(tmp_path: Path) -> None:
    if "cv2" in sys.modules:
        pytest.skip("OpenCV is here")
    with pytest.raises(SourceError, match="OpenCV can't be imported"):
        open_source(tmp_path / "video.avi")


def test_what_a_name_means() -> None:
    assert all(
        is_live(name)
        for name in (
            0,
            "0",
            "/dev/video0",
            "/dev/v4l/by-path/a:1.0-index0",
            "rtsp://x/y",
            "videotestsrc ! x",
        )
    )
    assert not any(is_live(name) for name in ("a.avi", "./0.mp4", "/data/video"))


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (os.mkfifo, "is no regular file"),
        (lambda path: path.symlink_to("/dev/null"), "is no regular file"),
        (lambda path: path.symlink_to("none"), "is not there"),
        (Path.mkdir, "is a folder"),
        (str, "is not there"),
    ],
)
def test_what_is_no_video_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make: Callable[[Path], Any], why: str
) -> None:
    # It is refused before OpenCV, which this environment need not have, is asked.
    monkeypatch.setitem(sys.modules, "cv2", ModuleType("cv2"))
    path = tmp_path / "video.avi"
    make(path)
    with pytest.raises(SourceError, match=rf"video {path} {why}$"):
        open_source(path)


@pytest.mark.parametrize("name", ["n" * 256, "x" * 100_000, f"{'y' * 300}/a.avi"])
def test_a_name_that_no_file_can_have_is_no_video(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    cv2: Any = ModuleType("cv2")
    cv2.CAP_PROP_OPEN_TIMEOUT_MSEC = cv2.CAP_PROP_READ_TIMEOUT_MSEC = 0
    monkeypatch.setitem(sys.modules, "cv2", cv2)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SourceError, match=r"^video "):
        open_source(name)
    with pytest.raises(SourceError, match="File name too long"):
        open_source(f"file:///{tmp_path}/{name}?loop=1")
