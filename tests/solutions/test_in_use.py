"""Which solutions are in use, and why: `info` and `python -m mediapipe_jetson.solutions status`."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.solutions.conftest import SOURCE, legacy_python
from tests.solutions.test_hook import HOOK, start

pytestmark = pytest.mark.vision
INFO = "from mediapipe_jetson.__main__ import main; raise SystemExit(main(['info', '--json']))"
STATUS = "from mediapipe_jetson.solutions.__main__ import main; raise SystemExit(main(['status']))"
LEGACY = "solutions-legacy"


def section(code: str, python: str = "", **environment: str) -> Any:
    """Return info's section of the solutions, in an environment by its name."""
    interpreter = legacy_python() if python == LEGACY else sys.executable
    done = start(code + INFO, python=interpreter, folder=SOURCE, **environment)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["solutions"]


@pytest.mark.parametrize(
    ("hooked", "variable", "python", "in_use", "why"),
    [
        (True, "", "", "kit", "MediaPipe 1.2.2 has none of its own"),
        (True, "kit", "", "kit", "MediaPipe 1.2.2 has none of its own"),
        (True, "of", "", "kit", "MEDIAPIPE_JETSON_SOLUTIONS=of is unknown and ignored"),
        (True, "OFF", "", "off", "MEDIAPIPE_JETSON_SOLUTIONS=off"),
        (False, "", "", "none", "python -m mediapipe_jetson.solutions install"),
        (True, "", LEGACY, "mediapipe", "MEDIAPIPE_JETSON_SOLUTIONS=kit puts the kit's in"),
        (True, "kit", LEGACY, "kit", "MEDIAPIPE_JETSON_SOLUTIONS=kit"),
        (True, "off", LEGACY, "mediapipe", "MEDIAPIPE_JETSON_SOLUTIONS=off"),
        (False, "", LEGACY, "mediapipe", "MediaPipe 0.10.21 has its own, and no import hook"),
    ],
)
def test_info_says_whose_are_in_use_and_why(
    hooked: bool, variable: str, python: str, in_use: str, why: str
) -> None:
    result = section(HOOK if hooked else "", python, MEDIAPIPE_JETSON_SOLUTIONS=variable)
    assert result["in_use"] == in_use
    assert why in result["why"]


def test_info_names_the_models_that_are_missing(tmp_path: Path, model_folder: Path) -> None:
    places = {"MEDIAPIPE_JETSON_MODELS": str(model_folder), "XDG_CACHE_HOME": str(tmp_path)}
    result = section(HOOK, "", **places)
    assert result["missing"] == []
    assert result["missing_pose"] == ["pose_landmark_lite.tflite", "pose_landmark_heavy.tflite"]
    places["MEDIAPIPE_JETSON_MODELS"] = str(tmp_path)
    assert len(section(HOOK, "", **places)["missing"]) == 13


def test_status_counts_the_pose_models_as_no_lack(tmp_path: Path, model_folder: Path) -> None:
    places = {"MEDIAPIPE_JETSON_MODELS": str(model_folder), "XDG_CACHE_HOME": str(tmp_path)}
    done = start(HOOK + STATUS, folder=SOURCE, **places)
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "the kit's: MediaPipe 1.2.2 has none of its own"
    assert second.endswith("python -m mediapipe_jetson.solutions fetch --pose")


def test_without_mediapipe_none_is_in_use() -> None:
    done = start(STATUS, python="/usr/bin/python3")
    assert (done.returncode, done.stdout) == (1, "absent: MediaPipe is not installed\n")
