"""The pipelines of boards, with stand-ins under the names of NVIDIA's elements."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.camera.conftest import Server
from tests.support.here import needs_parts

pytestmark = [
    pytest.mark.vision,
    needs_parts("gst-base", "gst-good", "gst-bad", "gst-dev", "pkg-config", "cc"),
]
SOURCE = Path(__file__).with_name("nvidia_stand_in.c")
# In a process of its own: GStreamer reads its plugins once.
LOOK = """
import json, sys, time
from mediapipe_jetson import camera
try:
    with camera.open(sys.argv[1], timeout_s=3) as found:
        pictures = [found.next() for _ in range(10)]
        age = max(time.monotonic() - one.taken_s for one in pictures[-1:])
        mean = pictures[-1].bgr.mean(axis=(0, 1)).tolist()
        print(json.dumps({"size": found.size, "fps": found.fps, "mean": mean, "age": age,
                          "reader": type(found._reader).__module__, "live": found.live}))
except camera.CameraError as error:
    print(json.dumps({"error": str(error), "code": error.exit_code}))
"""


@pytest.fixture(scope="module")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plugins")
    config = ["pkg-config", "--cflags", "--libs", "gstreamer-1.0"]
    flags = subprocess.run(config, capture_output=True, text=True, check=True).stdout
    target = str(folder / "libgstnvstandin.so")
    built = ["cc", "-shared", "-fPIC", "-o", target, str(SOURCE)]
    subprocess.run([*built, *shlex.split(flags)], check=True)
    return folder


def look(plugins: Path, source: str, **environment: str) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-c", LOOK, source],
        env={
            **os.environ,
            "GST_PLUGIN_PATH": str(plugins),
            "GST_REGISTRY": str(plugins / "registry.bin"),
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
            **environment,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.mark.parametrize(("number", "channel"), [(0, 2), (1, 1)])
def test_a_csi_camera_by_its_number(plugins: Path, number: int, channel: int) -> None:
    result = look(plugins, f"csi://{number}")
    assert result["size"] == [1280, 720]
    assert result["fps"] == 30
    assert result["live"]
    assert result["age"] < 0.5
    assert result["mean"][channel] > 200
    assert all(value < 60 for place, value in enumerate(result["mean"]) if place != channel)


def test_a_size_that_the_camera_does_not_give(plugins: Path) -> None:
    result = look(plugins, "csi://0?width=640&height=480")
    assert result["code"] == 7
    assert "no frames of the requested size" in result["error"]


def test_no_camera_behind_argus(plugins: Path) -> None:
    result = look(plugins, "csi://0", STAND_IN_NO_CAMERA="1")
    assert (result["code"], "no frame" in result["error"]) == (2, True), result


def test_a_stream_by_the_board_s_decoder(plugins: Path, serve: Callable[..., Server]) -> None:
    result = look(plugins, serve().url)
    assert result.get("reader", result) == "mediapipe_jetson.camera.gstreamer"
    assert result["size"] == [320, 240]
    assert result["mean"][2] > 200
