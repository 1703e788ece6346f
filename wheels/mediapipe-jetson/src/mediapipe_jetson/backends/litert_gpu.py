"""LiteRT on the GPU: TFLite by its accelerator, which is Dawn (WebGPU) over Vulkan.

Sub-models that its table names stay on the CPU. A device's first use of a sub-model is tried in a
process of its own and compared with the CPU (`first_use`): what differs is never taken.
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mediapipe_jetson.backends import first_use, litert
from mediapipe_jetson.backends.base import (
    Backend,
    BackendUnavailableError,
    InferenceError,
    ModelError,
    Session,
    SubModel,
    check_inputs,
)
from mediapipe_jetson.choice import choice_store
from mediapipe_jetson.landmarks import DATA
from mediapipe_jetson.observation import one_line
from mediapipe_jetson.observe import cpu, vulkan_devices
from mediapipe_jetson.tflite import model
from mediapipe_jetson.tflite.flat import DamagedError

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

MODULE = "ai_edge_litert.compiled_model"
ACCELERATOR = "libLiteRtWebGpuAccelerator.so"
NAMES = ("litert-gpu", "litert-gpu-fp16")
WARM_UPS = 5
# Where drivers keep compiled shaders: Mesa's and NVIDIA's. A home folder may not be writable.
SHADERS = ("MESA_SHADER_CACHE_DIR", "__GL_SHADER_DISK_CACHE_PATH")


def create(name: str = NAMES[0]) -> Backend:
    """Return the backend that computes in single precision, or the one in half precision."""
    return LiteRTGpu(name)


@functools.lru_cache(maxsize=1)
def table() -> dict[str, Any]:
    """Return data/litert_gpu.json."""
    document: dict[str, Any] = json.loads((DATA / "litert_gpu.json").read_text(encoding="utf-8"))
    return document


class LiteRTGpu:
    """Loads sub-models into LiteRT's compiled models."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.single = name == NAMES[0]

    def available(self) -> str:
        """Return why LiteRT or a Vulkan device that it can use is not here, or ""."""
        try:
            spec = importlib.util.find_spec(MODULE)
        except ImportError:
            spec = None
        if spec is None or spec.origin is None:
            return "ai-edge-litert is not installed"
        if not Path(spec.origin).with_name(ACCELERATOR).is_file():
            return f"this ai-edge-litert has no {ACCELERATOR}: take 2.3 or later"
        refused = vulkan_devices.cpu_problem(cpu.read())
        return refused or vulkan_devices.problem(vulkan_devices.read())

    def load(self, sub_model: SubModel, threads: int) -> Session:
        """Load a sub-model; raise BackendUnavailableError and ModelError.

        What the table leaves on the CPU is loaded there, for `threads`.
        """
        if Path(sub_model.name).name in table()["on_cpu"]:
            return litert.create().load(sub_model, threads)
        keep_shaders()
        try:
            dense = model.densified(sub_model.tflite)
            shapes = model.specs(dense)
        except DamagedError as error:
            raise ModelError(f"{self.name} can't load {sub_model.name}: {error}") from error
        verdict = first_use.check(sub_model, dense, self.name)
        if verdict.why_not:
            raise ModelError(f"{self.name}: {sub_model.name}: {verdict.why_not}")
        session = LiteRTGpuSession(dense, shapes, single=self.single)
        session.warm_up()
        return session


def keep_shaders() -> None:
    """Let drivers keep what they compile beside what else is kept; a later start finds it.

    A driver reads the variables when it is loaded; those that are set already stay.
    """
    folder = choice_store.folder() / "shaders"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    for name in SHADERS:
        os.environ.setdefault(name, str(folder))


class LiteRTGpuSession:
    """One compiled model; its input arrays are ours, buffers on the device are made once."""

    def __init__(self, tflite: bytes, shapes: Any, *, single: bool) -> None:  # noqa: ANN401
        """Compile; `shapes` are the model's inputs and outputs. Raises ModelError.

        Raises BackendUnavailableError where LiteRT can't be imported.
        """
        self.inputs, self.outputs = shapes
        if any(spec.dtype != "float32" for spec in (*self.inputs, *self.outputs)):
            raise ModelError("an input or output is not float32")
        try:
            compiled: Any = importlib.import_module(MODULE)
        except (ImportError, OSError) as error:
            raise BackendUnavailableError(f"litert: {one_line(error)}") from error
        options = compiled.Options(
            hardware_accelerators=compiled.HardwareAccelerator.GPU,
            gpu_options=compiled.GpuOptions(enforce_f32=single),
        )
        try:
            self.model = compiled.CompiledModel.from_buffer(tflite, options=options)
            whole = self.model.is_fully_accelerated()
            self._make_buffers()
        except (RuntimeError, ValueError, TypeError) as error:
            raise ModelError(f"litert can't compile it for the GPU: {one_line(error)}") from error
        if not whole:
            raise ModelError("its accelerator leaves operators to the CPU")
        self.buffers = tuple(np.zeros(spec.shape, np.float32) for spec in self.inputs)

    def run(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Run: one copy to the device for each input, one back for each output."""
        if self.model is None:
            raise InferenceError("this litert session is closed")
        check_inputs(self.inputs, arrays)
        try:
            for buffer, array in zip(self.given, arrays):  # noqa: B905 # Python 3.9
                buffer.write(array)
            self.model.run_by_index(0, self.given, self.got)
            return tuple(
                buffer.read(int(np.prod(spec.shape)), np.float32).reshape(spec.shape)
                for buffer, spec in zip(self.got, self.outputs)  # noqa: B905
            )
        # A device that is lost says so here.
        except (RuntimeError, ValueError) as error:
            raise InferenceError(f"litert on the GPU: {one_line(error)}") from error

    def warm_up(self) -> None:
        """Run once, so that shaders are compiled before the first frame. Raises ModelError.

        LiteRT waits for a result for a limited time, which a driver that compiles may pass: what
        it compiled until then is there at the next try. Buffers of a failed one stay locked.
        """
        for left in reversed(range(WARM_UPS)):
            try:
                self.run(self.buffers)
            except InferenceError as error:
                if not left:
                    raise ModelError(f"it doesn't run: {error}") from error
                self._make_buffers()
            else:
                return

    def _make_buffers(self) -> None:
        self.given = self.model.create_input_buffers(0)
        self.got = self.model.create_output_buffers(0)

    def close(self) -> None:
        """Free the model and its buffers; a second call does nothing."""
        self.buffers = ()
        self.given = self.got = ()
        self.model = None
