"""TensorRT-RTX as the device wheel uses it on a PC: it builds without a GPU, and runs on one.

It takes the kit's ONNX files by the wheel's own calls; what the engines compute only a card shows.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest
from mediapipe_jetson.backends import tensorrt
from mediapipe_jetson.engines import python_builder
from mediapipe_jetson.engines.builders import Order
from mediapipe_jetson.engines.errors import NoBuilderError

from jetson_kit.onnx_export import export
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.options import Options
from jetson_kit.tensorrt import manifest
from tests.support.here import not_here_if

pytestmark = [
    pytest.mark.engines,
    not_here_if(
        importlib.util.find_spec("tensorrt_rtx_bindings") is None,
        "TensorRT-RTX is for x86_64 alone",
    ),
]


def test_it_is_found_as_what_it_is() -> None:
    library = tensorrt.library()
    assert (library.rtx, library.lean) == (True, False)
    assert library.version.startswith("1.")


@pytest.mark.parametrize("precision", ["fp16", "fp32"])
@pytest.mark.parametrize(
    "name",
    [
        "face_detector", "face_blendshapes", "hand_landmarks_detector", "face_landmark",
        "face_regions",
    ],
)  # fmt: skip
def test_the_wheels_builder_takes_our_files(
    name: str,
    precision: str,
    sub_models: dict[str, SubModel],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(python_builder.PythonBuilder, "card", "SM86")
    file = tmp_path / f"{name}.onnx"
    file.write_bytes(export.export(sub_models[name], Options(precision)))
    (source,) = manifest.onnx_rows([file])
    builder = python_builder.PythonBuilder(tensorrt.library())
    plan = tmp_path / "plan"
    builder.build(Order(source, plan, (), tmp_path / "timing"))
    # The weights are in it.
    assert plan.stat().st_size > file.stat().st_size / 2


def test_without_a_driver_it_is_no_builder() -> None:
    with pytest.raises(NoBuilderError, match="CUDA"):
        python_builder.find()
