"""These tests run in an environment with MediaPipe and the backends: ./inv test --stage vision."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import pytest

HERE = importlib.util.find_spec("mediapipe") is not None
if not HERE:
    collect_ignore_glob = ["test_*.py"]


def pytest_report_header() -> str:
    """Say why nothing of this folder is collected elsewhere."""
    return "" if HERE else "tests/vision run in their own environment: ./inv test --stage vision"


@pytest.fixture(scope="session")
def bundle() -> Callable[[str], str]:
    """Return a function that gives the path of a model bundle by its name in models.toml."""
    from jetson_kit.models import bundles as models

    def path(name: str) -> str:
        return str(models.fetch([name])[0])

    return path


@pytest.fixture(scope="session")
def onnx_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the kit's ONNX files of the face, hand and pose models."""
    from jetson_kit.onnx_export import commands

    folder = tmp_path_factory.mktemp("onnx")
    commands.export(["face", "hand", "pose"], folder=folder)
    return folder
