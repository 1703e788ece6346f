"""One version for the kit and the device wheel, each in one place."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import mediapipe_jetson
import pytest

import jetson_kit
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import ROOT
from jetson_kit.wheels import device_wheel
from jetson_kit.wheels.device_wheel import SOURCE


def test_both_are_the_same_and_read_without_running_code() -> None:
    assert jetson_kit.__version__ == mediapipe_jetson.__version__ == device_wheel.version()


@pytest.mark.parametrize("folder", [ROOT, SOURCE], ids=["kit", "device wheel"])
def test_no_project_file_has_a_version_of_its_own(folder: Path) -> None:
    body = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))
    assert "version" not in body["project"]
    assert "version" in body["project"]["dynamic"]


def test_a_file_without_a_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text("version = '1'\n")
    with pytest.raises(BadInputError, match="no __version__"):
        device_wheel.version_in(path)


def test_the_changes_name_it() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    heading = next(line for line in text.splitlines() if line.startswith("## "))
    assert jetson_kit.__version__ in heading


def test_the_front_door_prints_it() -> None:
    done = subprocess.run(
        [sys.executable, "tasks.py", "--version"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"mediapipe-jetson-kit {jetson_kit.__version__}\n"
