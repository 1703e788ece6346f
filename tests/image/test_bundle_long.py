"""The verify bundle for boards on an emulated core, and all that it measures."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from jetson_kit.bundle import build
from jetson_kit.core.progress import Progress
from tests.image.kit import NEEDS, Image, inv

pytestmark = [getattr(pytest.mark, name) for name in NEEDS]
LIMIT_S = 1500
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"


def bundle(folder: Path, machine: str, python: str) -> Path:
    request = build.Request(machine, str(folder / "verify"), (python,))
    build.build(request, Progress(quiet=True))
    folder.chmod(0o755)
    return folder / "verify" / build.PYZ


@pytest.mark.parametrize("cpu", ["cortex-a76", "cortex-a57"])
def test_a_boards_core_infers_by_it(tmp_path: Path, jetson: Image, cpu: str) -> None:
    """Orin's, and Nano's, for which the bundle puts another library together."""
    pyz = bundle(tmp_path, "aarch64", "3.11")
    done = inv(
        *("emulate", jetson.id, "--cpu", cpu, "-v", f"{pyz.parent}:/b:ro"),
        *("--timeout", str(LIMIT_S), "--"),
        *("/usr/bin/python3", f"/b/{pyz.name}", "selftest", "--json", "--frames", "1"),
        limit_s=LIMIT_S + 60,
    )
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert (document["verdict"], document["cpu"]) == ("pass", cpu.title())


def test_it_measures_every_backend(tmp_path: Path) -> None:
    pyz = bundle(tmp_path, "", PYTHON)
    result = tmp_path / "measured.json"
    done = subprocess.run(
        [sys.executable, pyz, "measure", "--brief", "--json", result],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    steps = json.loads(result.read_text())["steps"]
    assert list(steps) == ["info", "verify", "bench"]
    assert {"mediapipe-cpu", "litert"} <= set(steps["bench"]["document"]["backends"])
