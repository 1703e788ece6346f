"""What the files are: names, metadata, inputs and outputs, the same bytes each time."""

from __future__ import annotations

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest

from jetson_kit.core.errors import BadInputError
from jetson_kit.onnx_export import bundle, export
from jetson_kit.onnx_export.bundle import SubModel
from jetson_kit.onnx_export.errors import ModelDamagedError, ModelUnsupportedError
from jetson_kit.onnx_export.options import Options
from tests.engines.tiny import Tiny

pytestmark = pytest.mark.engines


def small() -> SubModel:
    t = Tiny("small")
    x, unused = t.input(1, 4, 6, 3), t.input(1, 2)
    w, b = t.constant(np.ones((2, 1, 1, 3), np.float32)), t.constant(np.zeros(2, np.float32))
    y = t.op(
        "CONV_2D", [x, w, b], (1, 4, 6, 2), table="Conv2DOptions", padding=1, stride_w=1, stride_h=1
    )
    z = t.op("NEG", [unused], (1, 2))
    return t.done(y, z)


def shapes(blob: bytes) -> tuple[list[list[Any]], list[list[Any]]]:
    graph = onnx.load_from_string(blob).graph

    def listed(values: Any) -> list[list[Any]]:
        return [
            [item.dim_param or item.dim_value for item in value.type.tensor_type.shape.dim]
            for value in values
        ]

    return listed(graph.input), listed(graph.output)


@pytest.mark.parametrize(
    ("options", "inputs", "outputs"),
    [
        (Options(), [[1, 4, 6, 3], [1, 2]], [[1, 4, 6, 2], [1, 2]]),
        (Options(layout="nchw"), [[1, 3, 4, 6], [1, 2]], [[1, 4, 6, 2], [1, 2]]),
        (
            Options(batch="dynamic"),
            [["batch", 4, 6, 3], ["batch", 2]],
            [["batch", 4, 6, 2], ["batch", 2]],
        ),
    ],
)
def test_inputs_and_outputs_are_tflites(options: Options, inputs: Any, outputs: Any) -> None:
    assert shapes(export.export(small(), options)) == (inputs, outputs)


@pytest.mark.parametrize("precision", ["fp32", "fp16"])
def test_both_precisions_take_and_give_float32(precision: str) -> None:
    graph = onnx.load_from_string(export.export(small(), Options(precision))).graph
    kinds = {item.type.tensor_type.elem_type for item in [*graph.input, *graph.output]}
    assert kinds == {onnx.TensorProto.FLOAT}


def test_an_fp16_file_has_fp16_weights_alone() -> None:
    graph = onnx.load_from_string(export.export(small(), Options("fp16"))).graph
    assert {item.data_type for item in graph.initializer} == {onnx.TensorProto.FLOAT16}


def test_metadata_names_the_source() -> None:
    sub_model = small()
    model = onnx.load_from_string(export.export(sub_model, Options("fp16", "nchw", "dynamic")))
    assert {item.key: item.value for item in model.metadata_props} == {
        "batch": "dynamic",
        "kit": "mediapipe-jetson-kit",
        "layout": "nchw",
        "precision": "fp16",
        "source_sha256": sub_model.sha256,
        "sub_model": "small",
    }


def test_the_same_model_gives_the_same_bytes(sub_models: dict[str, SubModel]) -> None:
    for sub_model in sub_models.values():
        first, second = (export.export(sub_model, Options("fp16")) for _ in range(2))
        assert first == second, sub_model.name


@pytest.mark.parametrize(("precision", "most"), [("fp32", 4), ("fp16", 7)])
def test_few_values_are_moved(precision: str, most: int, sub_models: dict[str, SubModel]) -> None:
    """Images are moved at their ends alone, points never."""
    moved = {}
    for sub_model in sub_models.values():
        graph = onnx.load_from_string(export.export(sub_model, Options(precision, "nchw"))).graph
        moved[sub_model.name] = sum(node.op_type == "Transpose" for node in graph.node)
    assert moved["face_blendshapes"] == 0
    assert {name: count for name, count in moved.items() if count > most + 2} == {}


def zipped(**members: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return out.getvalue()


def test_bundles_in_bundles_are_opened() -> None:
    blob = small().tflite
    inner = zipped(**{"deep.tflite": blob, "notes.txt": b"x"})
    sub_models = bundle.parse("outer.task", zipped(**{"a.tflite": blob, "b.task": inner}))
    assert [sub_model.source for sub_model in sub_models] == [
        "outer.task/a.tflite",
        "outer.task/b.task/deep.tflite",
    ]
    assert {sub_model.sha256 for sub_model in sub_models} == {small().sha256}


def test_bundles_too_deep_are_refused() -> None:
    blob = small().tflite
    for _ in range(4):
        blob = zipped(**{"b.task": blob})
    with pytest.raises(ModelUnsupportedError, match="too deep"):
        bundle.parse("a.task", blob)


def test_a_bomb_is_refused_before_it_is_unpacked() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.tflite", b"\0" * (bundle.MAX_BYTES + 1))
    with pytest.raises(ModelUnsupportedError, match="256 MiB are in it"):
        bundle.parse("bomb.task", out.getvalue())


def test_an_encrypted_member_is_refused() -> None:
    blob = bytearray(zipped(**{"a.tflite": small().tflite}))
    for mark in (b"PK\3\4", b"PK\1\2"):
        at = blob.find(mark) + (6 if mark == b"PK\3\4" else 8)
        blob[at] |= 1
    with pytest.raises(ModelUnsupportedError, match="encrypted"):
        bundle.parse("a.task", bytes(blob))


@pytest.mark.parametrize("blob", [b"", b"PK", b"\x7fELF" * 50, b"\x1c\0\0\0TFL3"])
def test_foreign_files_are_told(blob: bytes) -> None:
    with pytest.raises(ModelDamagedError):
        for sub_model in bundle.parse("a.task", blob):
            export.export(sub_model, Options())


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(BadInputError, match="cannot read"):
        bundle.read(tmp_path / "a.task")


def test_a_pipe_is_told_and_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.task")
    with pytest.raises(BadInputError, match="no regular file"):
        bundle.read(tmp_path / "pipe.task")


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_model_that_is_in_it_twice_is_refused() -> None:
    """Other readers take the first, or the last."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for content in (small().tflite, b"another"):
            archive.writestr("a.tflite", content)
    with pytest.raises(ModelDamagedError, match=r"a\.tflite is in it twice"):
        bundle.parse("twice.task", out.getvalue())
