"""A project's own package, and others under its name or a known one."""

from __future__ import annotations

from pathlib import Path

import pytest
from mediapipe_jetson.doctor.sources import Scan

from tests.unit.doctor_scenes import judged, lines, plant


@pytest.mark.parametrize(
    "own",
    [
        {"pyproject.toml": "[project]\nname = 'mediapipe-hands'\nversion = '1'\n"},
        {"pyproject.toml": "[tool.poetry]\nname = 'MediaPipe_Hands'\n"},
        {"hands/setup.py": "from setuptools import setup\nsetup(name='mediapipe-hands')\n"},
        {"setup.py": "package_name = 'mediapipe_hands'\nsetup(\n  name=package_name)\n"},
        {"setup.cfg": "[metadata]\nversion = 1\nname = mediapipe-hands\n"},
    ],
)
def test_the_projects_own_package_is_no_build_of_mediapipe(
    own: dict[str, str], tmp_path: Path
) -> None:
    lock = (
        "version = 1\n[[package]]\nname = 'mediapipe-hands'\nversion = '1'\n"
        "source = { virtual = '.' }\n[[package]]\nname = 'mediapipe'\nversion = '1.2.2'\n"
    )
    files = {**own, "uv.lock": lock, "app.py": "import mediapipe\n", "r/requirements.txt": "-e .\n"}
    result = judged(tmp_path, {**files, "requirements.txt": "mediapipe-hands\n"}, device="orin")
    assert result["old-requirement"].result.status == "ok", lines(result["old-requirement"])
    assert "looked into" not in lines(result["legacy-api"])


@pytest.mark.parametrize(
    ("own", "requirement"),
    [
        (
            "from x import Extension\nsetup(ext_modules=[Extension(name='cvzone')])\n",
            "cvzone==1.5.6",
        ),
        ("x = dict(name='mediapipe-rpi4')\nsetup(name='robot', **x)\n", "mediapipe-rpi4"),
        ("setup(name='a')\nname = 'mediapipe-thing'\n", "mediapipe-thing"),
        ("package_name = 'mediapipe-thing'\nsetup(name='a')\n", "mediapipe-thing"),
        ("setup(name='cvzone')\n", "cvzone==1.5.6"),
        ("setup(name='mediapipe-rpi4')\n", "mediapipe-rpi4"),
    ],
)
def test_only_the_name_of_setup_is_the_projects_own(
    own: str, requirement: str, tmp_path: Path
) -> None:
    scan = Scan(plant(tmp_path, {"setup.py": own, "requirements.txt": f"{requirement}\n"}))
    assert requirement in [item.text for item in scan.requirements]


def test_a_project_named_like_a_known_package_loses_no_cause(tmp_path: Path) -> None:
    files = {
        "pyproject.toml": "[project]\nname = 'cvzone'\n",
        "requirements.txt": "cvzone==1.5.6\n",
        "app.py": "from cvzone.HandTrackingModule import HandDetector\n",
    }
    assert judged(tmp_path, files, device="orin")["legacy-api"].bad


def test_a_build_under_another_name_is_still_judged(tmp_path: Path) -> None:
    files = {"pyproject.toml": "[project]\nname = 'robot'\ndependencies = ['mediapipe-rpi4']\n"}
    assert judged(tmp_path, files, device="orin")["old-requirement"].bad
