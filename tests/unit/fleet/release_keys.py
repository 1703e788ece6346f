"""Keys of releases for tests, and tasks of fleets without a terminal."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.core.paths import ROOT
from jetson_kit.fleet.release import signing

FRONT = """\
from jetson_kit.command_line import program
from jetson_kit.tasks import fleet
program.main(fleet.collection())
"""


def key(folder: Path, name: str = "key") -> Path:
    signing.make_key(folder / name, name, passphrase=False)
    return folder / name


def task(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a task of fleets without a terminal."""
    return subprocess.run(
        [sys.executable, "-c", FRONT, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, check=False, start_new_session=True,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip


def public(*paths: Path) -> tuple[str, ...]:
    return tuple(f"{path}.pub" for path in paths)


def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Set a cache and a state of the test's own; return the folder that KIT_STATE names."""
    monkeypatch.setenv("KIT_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("KIT_STATE", str(tmp_path / "state"))
    return tmp_path / "state"
