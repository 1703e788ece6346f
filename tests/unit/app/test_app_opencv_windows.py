"""Calls of OpenCV's windows, which no image has, are reported before the build."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from jetson_kit.app import inputs, opencv_windows, settings, tree
from jetson_kit.app.module_names import Python
from jetson_kit.app_testing import scaffold
from jetson_kit.core.paths import ROOT

HELD = frozenset({"opencv-python-headless"})
PYTHON = Python("3.11", "arm64")
LOOP = """import cv2
cap = cv2.VideoCapture("a.mp4")
while cap.isOpened():
    ok, frame = cap.read()
    if not ok:
        break
    cv2.imshow("MediaPipe", frame)
    if cv2.waitKey(5) & 0xFF == 27:
        break
cv2.destroyAllWindows()
cv2.setWindowTitle("a", "b")
cv2.namedWindow("a")
"""


def test_the_plan_tells_places_and_the_cure(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "app.py").write_text(LOOP)
    inputs.check_folder(settings.load(tmp_path), PYTHON, HELD)
    assert caplog.messages == [
        "warning: app.py, line 7 (imshow); app.py, line 8 (waitKey); app.py, line 10 "
        "(destroyAllWindows); and 1 more: where the program reaches it, it raises cv2.error: the "
        "image's OpenCV has no windows; call it only where a display is, and show the picture in "
        "a browser: mediapipe_jetson.live.serve, or run --serve (docs/live-view.md)"
    ]


def test_an_opencv_of_its_own_may_have_windows(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LOOP)
    app = settings.load(tmp_path)
    files = tree.read(app)
    assert "cv2.imshow" in opencv_windows.functions(app, files, HELD)
    assert not opencv_windows.functions(app, files, frozenset())
    debian = replace(app, debian=("python3-opencv",))
    assert not opencv_windows.functions(debian, files, HELD)
    (tmp_path / "wheels").mkdir()
    (tmp_path / "wheels" / "opencv_python-4.9.0-cp311-cp311-linux_aarch64.whl").touch()
    assert not opencv_windows.functions(replace(app, wheels="wheels"), files, HELD)


def examples() -> list[Path]:
    return sorted(path.parent for path in (ROOT / "examples").glob("*/jetson.toml"))


@pytest.mark.parametrize("folder", examples(), ids=lambda folder: folder.name)
def test_the_kits_own_examples_have_no_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    inputs.check_folder(settings.load(folder), PYTHON, HELD)
    assert "where the program reaches" not in caplog.text


@pytest.mark.parametrize("template", ("face", "hand", "pose", "holistic", "empty"))
def test_the_kits_templates_have_no_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, template: str
) -> None:
    folder = scaffold.new(tmp_path / "door", template)
    inputs.check_folder(settings.load(folder), PYTHON, HELD)
    assert "where the program reaches" not in caplog.text
