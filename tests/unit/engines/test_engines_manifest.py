"""engines.json: what is written is read again; what is damaged, foreign or false is refused."""

from __future__ import annotations

import copy
import json
import random
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from mediapipe_jetson.engines import manifest, onnx_file
from mediapipe_jetson.engines import schema as schema_rules
from mediapipe_jetson.engines.errors import DamagedEngineError, ManifestError

from tests.unit.engines.engine_files import engine, folder_of, onnx, tiny_onnx


@pytest.fixture
def body(tmp_path: Path) -> dict[str, Any]:
    folder_of(tmp_path, engine(tmp_path), onnx=(onnx(tmp_path),))
    document: dict[str, Any] = json.loads((tmp_path / manifest.FILE).read_text())
    return document


def test_written_and_read_again(tmp_path: Path, body: dict[str, Any]) -> None:
    result = manifest.read(tmp_path)
    assert result is not None
    assert result.as_json() == body
    assert result.engines[0].path.is_file()
    assert result.onnx[0].checks.name.endswith(".check.zip")
    schema = json.loads(schema_rules.FILE.read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(body, schema)
    assert manifest.read(tmp_path / "none") is None


def test_a_new_manifest_has_no_old_signature(tmp_path: Path) -> None:
    (tmp_path / "engines.json.sig").write_text("old")
    folder_of(tmp_path, engine(tmp_path))
    assert not (tmp_path / "engines.json.sig").exists()


LIES: list[tuple[str, Any]] = [
    ("schema", "mediapipe-jetson/engines/2"),
    ("emulated", True),
    ("emulated", None),
    ("more", 1),
    ("engines", {}),
    ("engines.0.file", "../../etc/passwd"),
    ("engines.0.file", "other.engine"),
    ("engines.0.sha256", "abc"),
    ("engines.0.sha256", "a" * 64 + "\n"),
    ("engines.0.size", -1),
    ("engines.0.size", True),
    ("engines.0.size", "9"),
    ("engines.0.sm", "8.8"),
    ("engines.0.precision", "int4"),
    ("engines.0.emulated", True),
    ("engines.0.emulated", "no"),
    ("engines.0.flags", ["version-compatible"]),
    ("engines.0.check.ok", "yes"),
    ("engines.0.inputs.0.shape", [0]),
    ("onnx.0.file", "engines/x.onnx"),
]


@pytest.mark.parametrize(("path", "value"), LIES, ids=[f"{path}={value}" for path, value in LIES])
def test_a_false_manifest_is_refused(
    tmp_path: Path, body: dict[str, Any], path: str, value: Any
) -> None:
    changed: Any = copy.deepcopy(body)
    *way, last = path.split(".")
    place = changed
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    (tmp_path / manifest.FILE).write_text(json.dumps(changed))
    with pytest.raises(ManifestError):
        manifest.read(tmp_path)


@pytest.mark.parametrize("key", ["emulated", "engines", "onnx", "schema"])
def test_nothing_that_must_be_said_may_be_left_out(
    tmp_path: Path, body: dict[str, Any], key: str
) -> None:
    del body[key]
    (tmp_path / manifest.FILE).write_text(json.dumps(body))
    with pytest.raises(ManifestError, match=key):
        manifest.read(tmp_path)
    engine_body = json.loads(json.dumps(body))
    if key == "emulated":
        engine_body["emulated"] = False
        del engine_body["engines"][0]["emulated"]
        (tmp_path / manifest.FILE).write_text(json.dumps(engine_body))
        with pytest.raises(ManifestError, match="emulated"):
            manifest.read(tmp_path)


def test_damaged_bytes_give_a_typed_error_or_the_same(tmp_path: Path, body: dict[str, Any]) -> None:
    raw = json.dumps(body).encode()
    dice = random.Random(7)  # noqa: S311
    for _ in range(300):
        damaged = bytearray(raw)
        for _ in range(dice.randint(1, 4)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        (tmp_path / manifest.FILE).write_bytes(damaged)
        try:
            manifest.read(tmp_path)
        except ManifestError as error:
            assert "\n" not in str(error)
    (tmp_path / manifest.FILE).write_bytes(b"[" * 100_000)
    with pytest.raises(ManifestError):
        manifest.read(tmp_path)


def test_an_engine_s_bytes_are_checked(tmp_path: Path) -> None:
    result = engine(tmp_path)
    assert manifest.content(result) == b"an engine"
    for raw, expected in (
        (b"an enginE", "sha256"),
        (b"an engine and more", "bytes"),
        (b"", "bytes"),
    ):
        result.path.write_bytes(raw)
        with pytest.raises(DamagedEngineError, match=expected):
            manifest.content(result)
    result.path.unlink()
    with pytest.raises(DamagedEngineError, match="can't be read"):
        manifest.content(result)


def test_a_stand_in_s_file_is_never_handed_out_whatever_its_manifest_says(tmp_path: Path) -> None:
    result = engine(tmp_path, manifest.NO_ENGINE + b" at all")
    assert result.emulated is False
    with pytest.raises(DamagedEngineError, match="stand-in"):
        manifest.content(result)


def test_onnx_files_are_read_without_the_package() -> None:
    model = onnx_file.parse(tiny_onnx())
    assert (model.name, model.opset, model.operators) == ("toy", 13, {"Relu": 1})
    assert [(tensor.name, tensor.kind, tensor.shape) for tensor in model.inputs] == [
        ("in", 1, (1, 2))
    ]
    assert model.metadata["sub_model"] == "face_detector"
    with pytest.raises(onnx_file.NoOnnxError, match="'gone'"):
        onnx_file.parse(tiny_onnx(broken=True))


def test_damaged_onnx_files_give_a_typed_error() -> None:
    raw = tiny_onnx()
    for end in range(len(raw)):
        try:
            onnx_file.parse(raw[:end])
        except onnx_file.NoOnnxError:
            continue
        assert end > raw.index(b"sub_model") - 10, "only metadata may be missing"
    dice = random.Random(3)  # noqa: S311
    for _ in range(2000):
        damaged = bytearray(raw)
        damaged[dice.randrange(len(raw))] = dice.randrange(256)
        try:
            onnx_file.parse(bytes(damaged))
        except onnx_file.NoOnnxError as error:
            assert str(error)
