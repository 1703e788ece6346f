"""An environment with all that an image for this machine infers with, and every CPU backend."""

from __future__ import annotations

import hashlib
import os
import shutil
import sys
from pathlib import Path

from jetson_kit.core import uv
from jetson_kit.core.files import locked, sha256_file, write_text
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.models import bundles as models
from jetson_kit.onnx_export import commands
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels import repack
from jetson_kit.wheels.device_wheel import PACKAGE

LOCK = ROOT / "requirements" / "inference.txt"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
TASKS = ("face", "hand", "pose")


def python() -> Path:
    """Return its Python; the environment is made when it is first asked for.

    It holds the kit's MediaPipe wheel on an image's lock, TFLite and ONNX Runtime. Raises
    BadInputError for a Python without wheels, NetworkError, StepFailedError.
    """
    arch = host_arch()
    pin = wheels.select(arch, PYTHON)
    lock = wheels.lock_for(pin.wheel_class, arch, PYTHON)
    official = repack.build(pin, cache_dir("wheels"))
    parts = (lock, LOCK, official)
    key = hashlib.sha256("".join(map(sha256_file, parts)).encode()).hexdigest()[:16]
    folder = cache_dir("inference-venv") / f"py{PYTHON}-{key}"
    with locked(cache_dir("locks") / f"inference-venv-{folder.name}.lock", lambda: None):
        # Written last: an environment that was cut off is made again.
        done = folder / "complete"
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)
            environment = uv.make_environment(folder)
            for path in (lock, LOCK):
                uv.install(environment, "--require-hashes", "--requirement", path)
            uv.install(environment, "--no-deps", official)
            write_text(done, f"{key}\n")
    return folder / "bin" / "python"


def variables() -> dict[str, str]:
    """Return the environment variables to run it with: models, and their ONNX files.

    The device wheel is taken from its source: that is what runs. Raises what
    models.fetch and engines.commands.export raise.
    """
    result = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"}
    onnx = cache_dir("onnx")
    commands.export(TASKS, folder=onnx, precision="fp32")
    return result | {
        "MEDIAPIPE_JETSON_MODELS": str(models.fetch(TASKS)[0].parent),
        "MEDIAPIPE_JETSON_ENGINES": str(onnx),
        "PYTHONPATH": str(PACKAGE),
    }
