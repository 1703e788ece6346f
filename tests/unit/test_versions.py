"""One version for the kit and one for the device wheel, wherever they stand."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import mediapipe_jetson
import pytest

import jetson_kit
from jetson_kit.device_wheel import SOURCE
from jetson_kit.paths import ROOT


@pytest.mark.parametrize(
    ("folder", "version"),
    [(ROOT, jetson_kit.__version__), (SOURCE, mediapipe_jetson.__version__)],
    ids=["kit", "device wheel"],
)
def test_the_project_has_the_package_s_version(folder: Path, version: str) -> None:
    text = (folder / "pyproject.toml").read_text(encoding="utf-8")
    assert tomllib.loads(text)["project"]["version"] == version


def test_the_changes_name_it() -> None:
    assert f"({jetson_kit.__version__})" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_the_front_door_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "tasks.py", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"mediapipe-jetson-kit {jetson_kit.__version__}\n"
