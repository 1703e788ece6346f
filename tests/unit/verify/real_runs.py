"""Real runs of verify: an environment with a MediaPipe, and the report that comes of it."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema

from jetson_kit.checks.stages import NOT_HERE
from jetson_kit.models import bundles as models
from jetson_kit.wheels import device_wheel
from tests.unit.device_wheel.uv_program import uv
from tests.unit.device_wheel_trees import schema, wheel

ARCH = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def mesa() -> str:
    """Return why there is no software OpenGL ES here, or an empty string."""
    done = wheel("info", "--json")
    gl = json.loads(done.stdout)["gl"]
    if not gl["present"]:
        return f"no OpenGL ES on this machine: {gl['reason']}"
    return "" if gl["software"] else f"{NOT_HERE}this machine has a GPU"


def environment(folder: Path, version: str, *, counts: bool = True) -> str:
    """Return the Python of an environment with one MediaPipe and the device wheel."""
    python = str(folder / "venv" / "bin" / "python")
    path = device_wheel.build_platform(folder, ARCH) if counts else device_wheel.build(folder)
    uv("venv", "--python", sys.executable, folder / "venv")
    uv("pip", "install", "--python", python, f"mediapipe=={version}", path)
    return python


def verify(
    python: str, tmp_path: Path, home: Path, *arguments: str, **environ: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    bundles = models.fetch()
    path = tmp_path / "report.json"
    done = wheel(
        "verify", "--models", str(bundles[0].parent), "--json", str(path), *arguments,
        python=python, path=tmp_path / "nothing", HOME=str(home), **environ,
    )  # fmt: skip
    document = json.loads(path.read_text())
    jsonschema.validate(document, schema("verify"))
    return done, document


def own_rule(report: dict[str, Any], task: str = "FaceLandmarker") -> str:
    facts = report["tasks"][task]["facts"]["task"]
    return str(facts["run_rule"])
