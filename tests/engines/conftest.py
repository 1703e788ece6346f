"""These tests run in the environment that converts models: ./inv test --stage engines."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from jetson_kit.onnx_export.bundle import SubModel

HERE = importlib.util.find_spec("tflite") is not None
if not HERE:
    collect_ignore_glob = ["test_*.py"]


def pytest_report_header() -> str:
    """Say why nothing of this folder is collected elsewhere."""
    return "" if HERE else "tests/engines run in their own environment: ./inv test --stage engines"


@pytest.fixture(scope="session")
def sub_models() -> dict[str, SubModel]:
    """Return every sub-model of images, the first of those that share a name."""
    from jetson_kit.onnx_export import bundle, catalog

    result: dict[str, SubModel] = {}
    for path in catalog.files():
        for sub_model in bundle.read(path):
            result.setdefault(sub_model.name, sub_model)
    return result
