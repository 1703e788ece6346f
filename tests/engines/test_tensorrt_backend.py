"""The backend `tensorrt` over a GPU that is a fake (fake_cuda.py): no board is at hand.

What is real here: the order of calls, memory that is freed, copies, errors. What TensorRT itself
does is not shown by any of this.
"""

from __future__ import annotations

import hashlib
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mediapipe_jetson.backends import tensorrt
from mediapipe_jetson.backends.base import (
    BackendUnavailableError,
    InferenceError,
    InputError,
    ModelError,
    SubModel,
    TensorSpec,
)
from mediapipe_jetson.backends.cuda import CudaMissingError, OutOfDeviceMemoryError
from mediapipe_jetson.engines import background, manifest, places
from mediapipe_jetson.engines.errors import DamagedEngineError, NoEngineError, RefusedEngineError
from mediapipe_jetson.engines.identity import Identity
from mediapipe_jetson.engines.manifest import Check, Engine, Manifest

from tests.engines.fake_cuda import Gpu
from tests.engines.fake_tensorrt import install, plan

pytestmark = pytest.mark.engines

MODEL = SubModel.of("toy", b"a model")
INPUTS = {"image": [1, 4, 4, 3], "unused": [1, 2]}
OUTPUTS = {"points": [1, 6], "score": [1, 1]}
PLAN = plan({"image": INPUTS["image"]}, OUTPUTS)


@pytest.fixture
def gpu(monkeypatch: pytest.MonkeyPatch) -> Gpu:
    result = Gpu()
    install(monkeypatch, result)
    monkeypatch.setenv(background.VARIABLE, "off")
    return result


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(places.VARIABLE, str(tmp_path))
    monkeypatch.setenv(places.CACHE_VARIABLE, str(tmp_path / "cache"))
    write(tmp_path)
    return tmp_path


def write(folder: Path, raw: bytes = PLAN, tensorrt_version: str = "10.3.0", **more: Any) -> Engine:
    """Write an engine and its manifest."""
    identity = Identity(MODEL.name, MODEL.sha256, more.pop("sm", "8.7"), tensorrt_version, "fp16")
    specs = [
        tuple(TensorSpec(name, tuple(shape)) for name, shape in side.items())
        for side in (INPUTS, OUTPUTS)
    ]
    engine = Engine(
        folder, identity.file, hashlib.sha256(raw).hexdigest(), len(raw), identity, "0" * 64, (),
        "trtexec", 1.0, False, Check(True, "as expected"), *specs,
    )  # fmt: skip
    engine = replace(engine, **more)
    (folder / engine.file).write_bytes(raw)
    manifest.write(Manifest(folder, (engine,)))
    return engine


def arrays(value: float = 1.0) -> list[Any]:
    return [np.full(shape, value, np.float32) for shape in INPUTS.values()]


@pytest.mark.parametrize("integrated", [False, True])
@pytest.mark.parametrize("captures", [True, False])
@pytest.mark.parametrize("version", ["8.2.1.8", "8.5.2", "10.3.0", "11.4.0.106"])
def test_results_in_every_way(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str, captures: bool, integrated: bool
) -> None:
    gpu = Gpu(integrated=integrated, captures=captures)
    install(monkeypatch, gpu, version)
    monkeypatch.setenv(places.VARIABLE, str(tmp_path))
    write(tmp_path, tensorrt_version=version)
    session = tensorrt.create().load(MODEL)
    assert [tensor_spec.name for tensor_spec in session.inputs] == ["image", "unused"]
    for value in (1.0, 2.0):
        points, score = session.run(arrays(value))
        assert np.all(points == 48 * value)
        assert np.all(score == 48 * value + 1)
    session.buffers[0][...] = 3.0
    assert session.run(session.buffers)[0][0, 0] == 144.0
    assert session.graph is captures  # type: ignore[attr-defined]
    copies = {"cuMemcpyHtoDAsync", "cuMemcpyDtoHAsync"} & set(gpu.calls)
    assert bool(copies) is not integrated
    session.close()
    session.close()
    left = (gpu.memory, gpu.contexts, gpu.retained, gpu.streams, gpu.graphs)
    assert left == ({}, [], 0, 0, 0)


def test_nothing_is_allocated_while_it_runs(gpu: Gpu, folder: Path) -> None:
    session = tensorrt.create().load(MODEL)
    gpu.calls.clear()
    session.run(session.buffers)
    assert set(gpu.calls) == {
        "cuCtxPushCurrent", "cuGraphLaunch", "cuStreamSynchronize", "cuCtxPopCurrent",
    }  # fmt: skip
    session.close()


def test_wrong_inputs_leave_the_session_alive(gpu: Gpu, folder: Path) -> None:
    session = tensorrt.create().load(MODEL)
    for wrong in (arrays()[:1], [arrays()[0].astype(np.float64), arrays()[1]], arrays()[::-1]):
        with pytest.raises(InputError):
            session.run(wrong)
    assert session.run(arrays())[0][0, 0] == 48.0
    session.close()
    with pytest.raises(InferenceError, match="closed"):
        session.run([])


@pytest.mark.parametrize("room", [0, 200, 400])
def test_out_of_device_memory(gpu: Gpu, folder: Path, room: int) -> None:
    gpu.room = room
    with pytest.raises(OutOfDeviceMemoryError, match="out of memory") as caught:
        tensorrt.create().load(MODEL)
    assert isinstance(caught.value, ModelError)
    assert (gpu.memory, gpu.contexts, gpu.retained, gpu.streams) == ({}, [], 0, 0)
    gpu.room = 1 << 30
    tensorrt.create().load(MODEL).close()


def test_tensorrt_itself_runs_out_of_memory(gpu: Gpu, folder: Path) -> None:
    write(folder, b'{"large": true}')
    with pytest.raises(OutOfDeviceMemoryError):
        tensorrt.create().load(MODEL)


def test_no_device_and_no_driver(monkeypatch: pytest.MonkeyPatch, gpu: Gpu, folder: Path) -> None:
    for count in (0, -1):
        gpu.devices = count
        with pytest.raises(CudaMissingError):
            tensorrt.create().load(MODEL)
        assert tensorrt.create().available()
    monkeypatch.setitem(sys.modules, "cuda.bindings", None)
    assert "cuda-bindings" in tensorrt.create().available()


def test_no_module_of_tensorrt(monkeypatch: pytest.MonkeyPatch, gpu: Gpu) -> None:
    for name in ("tensorrt", *tensorrt.RTX):
        monkeypatch.setitem(sys.modules, name, None)
    message = tensorrt.create().available()
    assert message.startswith("no module of TensorRT")
    assert "tensorrt_lean_bindings" in message
    with pytest.raises(BackendUnavailableError):
        tensorrt.create().load(MODEL)


def test_a_plan_that_tensorrt_refuses(gpu: Gpu, folder: Path) -> None:
    write(folder, b"junk")
    with pytest.raises(RefusedEngineError, match="the plan file is damaged"):
        tensorrt.create().load(MODEL)
    assert (gpu.memory, gpu.retained) == ({}, 0)


def test_an_engine_that_is_not_what_its_manifest_says(gpu: Gpu, folder: Path) -> None:
    for raw in (
        plan({"image": [1, 9]}, OUTPUTS),
        plan(INPUTS, {"points": [1, 6]}),
        plan({"picture": [1, 4, 4, 3]}, OUTPUTS),
        plan(INPUTS, OUTPUTS, "HALF"),
        plan({"image": [-1, 4, 4, 3]}, OUTPUTS),
    ):
        write(folder, raw)
        with pytest.raises(RefusedEngineError):
            tensorrt.create().load(MODEL)
        assert (gpu.memory, gpu.retained) == ({}, 0)


def test_an_engine_that_was_changed_is_never_given_to_tensorrt(gpu: Gpu, folder: Path) -> None:
    engine = write(folder)
    engine.path.write_bytes(PLAN.replace(b"image", b"imagf"))
    with pytest.raises(DamagedEngineError, match="sha256"):
        tensorrt.create().load(MODEL)
    assert gpu.retained == 0


def test_no_engine_says_why_and_that_none_is_built(gpu: Gpu, folder: Path) -> None:
    write(folder, sm="11.0")
    with pytest.raises(NoEngineError, match=r"SM 11\.0") as caught:
        tensorrt.create().load(MODEL)
    assert background.VARIABLE in str(caught.value)
    assert gpu.retained == 0


def test_an_engine_that_stops_running(gpu: Gpu, folder: Path) -> None:
    gpu.captures = False
    session = tensorrt.create().load(MODEL)
    gpu.runs = False
    with pytest.raises(InferenceError, match="did not run"):
        session.run(arrays())
    session.close()
    assert (gpu.memory, gpu.retained) == ({}, 0)


def test_the_lean_runtime_takes_no_other_engines(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    install(monkeypatch, Gpu(), "10.3.0", "tensorrt_lean_bindings")
    monkeypatch.setitem(sys.modules, "tensorrt", None)
    monkeypatch.setenv(background.VARIABLE, "off")
    with pytest.raises(NoEngineError, match="not version-compatible"):
        tensorrt.create().load(MODEL)


def test_the_legacy_solutions_find_their_engines(gpu: Gpu, folder: Path) -> None:
    """By the hash of the model, and by that of the file with the same weights."""
    for model in (MODEL, replace(MODEL, sha256="f" * 64, twins=(MODEL.sha256,))):
        session = tensorrt.create().load(model)
        assert np.all(session.run(arrays(2.0))[0] == 96.0)
        session.close()
    with pytest.raises(NoEngineError):
        tensorrt.create().load(replace(MODEL, sha256="f" * 64))
