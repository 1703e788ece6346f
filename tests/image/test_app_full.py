"""`test.app --full`: an application on a virtual board, by the commands of a fleet."""

from __future__ import annotations

import json
import shutil
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.image.kit import NEEDS, docker, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
NAME = "kit-test-full"
FULL = ("--full", "--no-emulation", "--output")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Return a new application."""
    place = tmp_path / NAME
    assert inv("app.new", str(place)).returncode == 0
    yield place
    docker("rmi", "-f", f"mediapipe-jetson:native-amd64-emulated-{NAME}")


def devices() -> str:
    """Return the containers that are virtual devices called as those of `--full` are."""
    return docker("ps", "-a", "--filter", "name=app-1", "--format", "{{.Names}}").stdout


def test_it_runs_on_the_board_and_is_as_expected(folder: Path, tmp_path: Path) -> None:
    before = devices()
    out = tmp_path / "out"
    done = inv("test.app", str(folder), *FULL, str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("virtual: passed")
    report = json.loads((out / "virtual-reports" / "app-1.json").read_text())
    assert report["verdict"] == "software"
    (suite,) = ET.parse(out / "virtual.xml").getroot()  # noqa: S314 # of our own
    assert (suite.get("name"), suite.get("failures"), suite.get("errors")) == ("app-1", "0", "0")
    # More frames than the video has: it came again.
    assert "frame 90: 1 found: 478 landmarks" in (out / "virtual-app.log").read_text()
    assert devices() == before


def test_one_that_crashes_fails_and_leaves_no_board(folder: Path, tmp_path: Path) -> None:
    before = devices()
    (folder / "app.py").write_text("def run(*_, **__): ...\n\nraise SystemExit('a mistake')\n")
    shutil.rmtree(folder / "tests")
    (folder / "tests").mkdir()
    (folder / "tests" / "test_nothing.py").write_text("def test_nothing(): ...\n")
    (folder / "jetson.toml").write_text(f'name = "{NAME}"\n')
    out = tmp_path / "out"
    done = inv("test.app", str(folder), *FULL, str(out))
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("virtual: failed (exit code 1)")
    log = (out / "virtual.log").read_text()
    assert "the application ended with exit code 1; its last lines: a mistake" in log
    assert f"docker run --rm mediapipe-jetson:native-amd64-emulated-{NAME}" in log
    assert devices() == before
