"""Old programs under MediaPipe 0.10.21 and under the kit: ./inv test --stage solutions."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from jetson_kit.core import environments
from jetson_kit.core.errors import NoPythonError
from jetson_kit.core.paths import ROOT
from jetson_kit.models import bundles as models
from jetson_kit.models import legacy as legacy_models
from tests.support.here import cannot_run_here

HERE = importlib.util.find_spec("mediapipe") is not None
if not HERE:
    collect_ignore_glob = ["test_*.py"]
FOLDER = Path(__file__).with_name("programs")
SOURCE = ROOT / "wheels" / "mediapipe-jetson" / "src"
HOOKED = (
    "import runpy, sys; from mediapipe_jetson.solutions import hook; hook.install(); "
    "del sys.argv[0]; runpy.run_path(sys.argv[0], run_name='__main__')"
)
KIT = (sys.executable, "-c", HOOKED)
LIMIT_S = 600


def legacy_python() -> Path:
    """Return the Python that has MediaPipe 0.10.21; the test ends where no such Python is."""
    try:
        return environments.python("solutions-legacy")
    except NoPythonError as error:
        cannot_run_here(error.message)


def pytest_report_header() -> str:
    """Say why nothing of this folder is collected elsewhere."""
    return "" if HERE else "tests/solutions run in their own environment"


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the models of an image."""
    folder = tmp_path_factory.mktemp("models")
    for path in (*models.fetch(), *legacy_models.fetch()):
        (folder / path.name).symlink_to(path)
    return folder


@pytest.fixture(scope="session")
def pose_models(model_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder with the models of an image and the lite and heavy pose models."""
    folder = tmp_path_factory.mktemp("models")
    for path in (*model_folder.iterdir(), *legacy_models.fetch_pose()):
        (folder / path.name).symlink_to(path)
    return str(folder)


@pytest.fixture(scope="session")
def legacy_site(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a folder for PYTHONPATH: MediaPipe 0.10.21 with the lite and heavy pose models.

    It has them where it looks for them before it downloads them.
    """
    folder = tmp_path_factory.mktemp("legacy")
    (site,) = legacy_python().parents[1].glob("lib/python3*/site-packages")
    for part in ("mediapipe", "mediapipe.libs"):
        if (site / part).is_dir():
            shutil.copytree(site / part, folder / part, copy_function=os.symlink)
    for path in legacy_models.fetch_pose():
        (folder / "mediapipe/modules/pose_landmark" / path.name).symlink_to(path)
    return str(folder)


@pytest.fixture(scope="session")
def picture(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Return a file with a picture."""
    import numpy as np

    from tests.vision import media

    path = tmp_path_factory.mktemp("picture") / "picture.npz"
    np.savez(path, picture=media.rgb("astronaut.jpg"))
    return str(path)


Program = Callable[..., Any]


@pytest.fixture(scope="session")
def under_kit(model_folder: Path) -> Program:
    """Return a function that runs a program of programs/ under the kit, and what it pickled."""

    def start(name: str, *arguments: str, **environment: str) -> Any:
        variables = {**kit_variables(model_folder), **environment}
        return pickle.loads(run([*KIT, FOLDER / name, *arguments], variables))  # noqa: S301 # ours

    return start


@pytest.fixture(scope="session")
def under_legacy() -> Program:
    """Return a function that runs a program of programs/ under MediaPipe 0.10.21."""
    python = legacy_python()

    def start(name: str, *arguments: str, **environment: str) -> Any:
        variables = {**legacy_variables(), **environment}
        return pickle.loads(run([python, FOLDER / name, *arguments], variables))  # noqa: S301 # ours

    return start


def kit_variables(models_in: Path) -> dict[str, str]:
    """Return the environment of a program under the kit, whose models are in a folder."""
    return {
        **os.environ,
        "PYTHONPATH": str(SOURCE),
        "MEDIAPIPE_JETSON_MODELS": str(models_in),
        "XDG_CACHE_HOME": str(models_in),
    }


def legacy_variables() -> dict[str, str]:
    """Return the environment of a program under MediaPipe 0.10.21."""
    return {key: value for key, value in os.environ.items() if key != "PYTHONPATH"}


def run(command: Sequence[Any], variables: Mapping[str, str]) -> bytes:
    """Return what a command writes to standard output; it has to succeed."""
    done = subprocess.run(command, env=variables, capture_output=True, timeout=LIMIT_S, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")[-4000:]
    return done.stdout
