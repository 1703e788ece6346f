"""LiteRT: TFLite on the CPU with XNNPACK, the fastest CPU backend."""

from __future__ import annotations

import ctypes
import importlib
import importlib.util
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from mediapipe_jetson.backends.base import (
    Backend,
    BackendUnavailableError,
    InferenceError,
    ModelError,
    Session,
    SubModel,
    TensorSpec,
    check_inputs,
)

if TYPE_CHECKING:
    from mediapipe_jetson.backends.base import Array

MODULE = "ai_edge_litert.interpreter"
MOST_THREADS = 4


def create() -> Backend:
    """Return the backend."""
    return LiteRT()


def default_threads() -> int:
    """Return half the cores, 1 to 4: as MediaPipe gives XNNPACK (GetXnnpackDefaultNumThreads)."""
    return max(1, min((os.cpu_count() or 1) // 2, MOST_THREADS))


class LiteRT:
    """Loads sub-models into LiteRT's interpreter."""

    name = "litert"

    def available(self) -> str:
        """Return why LiteRT is not here, or ""."""
        try:
            module_spec = importlib.util.find_spec(MODULE)
        except ImportError:
            module_spec = None
        return "" if module_spec else "ai-edge-litert is not installed"

    def load(self, sub_model: SubModel, threads: int) -> Session:
        """Load a sub-model; raise BackendUnavailableError and ModelError."""
        try:
            interpreter = importlib.import_module(MODULE).Interpreter
        except ImportError as error:
            raise BackendUnavailableError(f"litert: {error}") from error
        try:
            result = interpreter(
                model_content=sub_model.tflite, num_threads=threads or default_threads()
            )
            result.allocate_tensors()
            return LiteRTSession(result)
        except (ValueError, RuntimeError) as error:
            raise ModelError(f"litert can't load {sub_model.name}: {_line(error)}") from error


class LiteRTSession:
    """One interpreter; its input and output arrays are the interpreter's own memory."""

    def __init__(self, interpreter: Any) -> None:  # noqa: ANN401 # LiteRT has no types
        self.interpreter = interpreter
        inputs, outputs = interpreter.get_input_details(), interpreter.get_output_details()
        self.inputs = tuple(_spec(row) for row in inputs)
        self.outputs = tuple(_spec(row) for row in outputs)
        if any(spec.dtype != "float32" for spec in (*self.inputs, *self.outputs)):
            raise ValueError("an input or output is not float32")
        self.buffers = tuple(_memory(interpreter, row["index"]) for row in inputs)
        self.results = tuple(_memory(interpreter, row["index"]) for row in outputs)

    def run(self, arrays: Sequence[Array]) -> tuple[Array, ...]:
        """Run; the results are overwritten by the next run."""
        if self.interpreter is None:
            raise InferenceError("this litert session is closed")
        check_inputs(self.inputs, arrays)
        for array, buffer in zip(arrays, self.buffers):  # noqa: B905 # Python 3.9
            if array is not buffer:
                np.copyto(buffer, array)
        try:
            self.interpreter.invoke()
        except (ValueError, RuntimeError) as error:
            raise InferenceError(f"litert: {_line(error)}") from error
        return self.results

    def close(self) -> None:
        """Free the interpreter and, with it, the arrays."""
        self.buffers = self.results = ()
        self.interpreter = None


def _spec(row: Any) -> TensorSpec:  # noqa: ANN401 # LiteRT has no types
    shape = tuple(int(size) for size in row["shape"])
    return TensorSpec(str(row["name"]), shape, np.dtype(row["dtype"]).name)


def _memory(interpreter: Any, index: int) -> Array:  # noqa: ANN401 # LiteRT has no types
    """Return an array over a tensor's memory.

    The interpreter refuses to run while a view of its own is held, so this is made of the address.
    Shapes are static: nothing moves after allocate_tensors.
    """
    view = interpreter.tensor(index)()
    memory: Any = (ctypes.c_float * view.size).from_address(view.ctypes.data)
    # Who still has the array when the session is closed keeps the memory.
    memory.owner = interpreter
    return np.frombuffer(memory, np.float32).reshape(view.shape)


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
