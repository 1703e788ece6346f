"""Which backends the legacy solutions try: by a call, by the environment, and what is refused."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from mediapipe_jetson.observe import gpu_nodes as nodes
from mediapipe_jetson.solutions import settings


@pytest.fixture(autouse=True)
def _fresh(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv(settings.VARIABLE, raising=False)
    settings._chosen.clear()
    yield
    settings._chosen.clear()


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("", ("tensorrt", "litert-gpu", "litert", "onnx")),
        ("auto", ("tensorrt", "litert-gpu", "litert", "onnx")),
        (" auto ", ("tensorrt", "litert-gpu", "litert", "onnx")),
        ("onnx", ("onnx",)),
        ("litert-gpu-fp16, litert", ("litert-gpu-fp16", "litert")),
        ("mediapipe-gpu,onnx", ("mediapipe-gpu", "onnx")),
    ],
)
def test_the_environment_names_backends(
    monkeypatch: pytest.MonkeyPatch, given: str, expected: tuple[str, ...]
) -> None:
    monkeypatch.setenv(settings.VARIABLE, given)
    result = settings.current()
    assert (result.backends, result.threads) == (expected, 0)
    assert result.measured is (len(expected) == 4)


def test_a_call_counts_more_than_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(settings.VARIABLE, "nose")
    settings.configure(backend=["onnx", "litert"], threads=2)
    assert settings.current() == settings.Settings(("onnx", "litert"), 2)
    settings.configure()
    assert settings.current() == settings.Settings(settings.ORDER, 0, measured=True)


@pytest.mark.parametrize(
    ("backend", "threads"),
    [
        ("nose", 0),
        ("", 0),
        ("litert,", 0),
        ("auto,litert", 0),
        ("mediapipe-cpu", 0),
        ((), 0),
        (("litert", 3), 0),
        ("litert", -1),
        ("litert", 1.5),
        ("litert", "2"),
        ("litert", None),
        ("litert", True),
    ],
)
def test_what_is_wrong_is_a_value_error_and_changes_nothing(backend: Any, threads: Any) -> None:
    settings.configure(backend="onnx", threads=1)
    with pytest.raises(ValueError, match=r"no backend|threads is a whole number") as caught:
        settings.configure(backend=backend, threads=threads)
    assert "\n" not in str(caught.value)
    assert settings.current() == settings.Settings(("onnx",), 1)


@pytest.mark.parametrize("node", ["dev/nvhost-gpu", "dev/nvgpu/igpu0", "dev/dri/renderD128", ""])
def test_a_gpu_is_told_by_its_device_nodes(tmp_path: Any, node: str) -> None:
    (tmp_path / "dev").mkdir()
    if node:
        (tmp_path / node).mkdir(parents=True)
    assert nodes.there(tmp_path) is bool(node)
