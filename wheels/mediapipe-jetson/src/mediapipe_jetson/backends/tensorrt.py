"""Runs sub-models as TensorRT engines: its own module or the lean runtime's, and CUDA's bindings.

CUDA is asked first: without a driver TensorRT 10 and 11 hand out a runtime that ends the process as
soon as it is used (tests/unit/engines/test_tensorrt_lean.py).
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mediapipe_jetson.backends.base import (
    BackendError,
    BackendUnavailableError,
    Session,
    SubModel,
    TensorSpec,
)
from mediapipe_jetson.backends.cuda import Cuda
from mediapipe_jetson.backends.tensorrt_session import EngineSession, Tried
from mediapipe_jetson.engines import background, fit, manifest
from mediapipe_jetson.engines.errors import NoEngineError
from mediapipe_jetson.engines.identity import LocalRuntime

NAME = "tensorrt"
FULL = ("tensorrt", "tensorrt_bindings")
LEAN = ("tensorrt_lean", "tensorrt_lean_bindings")
RTX = ("tensorrt_rtx", "tensorrt_rtx_bindings")
"""TensorRT-RTX is for the cards of PCs (SM 7.5 to 12.1 but 9.0), and has versions of its own.

The second of each is the name under which the wheels on PyPI have it.
"""


class TensorRTMissingError(BackendUnavailableError):
    """TensorRT's Python module is not here, or can't be loaded."""


@dataclass(frozen=True)
class Library:
    """TensorRT's module; `lean` is the runtime that builds nothing, `rtx` is TensorRT-RTX."""

    module: Any
    lean: bool
    rtx: bool = False

    @property
    def version(self) -> str:
        """Return its version, as much of it as the module tells."""
        return str(self.module.__version__)


def library() -> Library:
    """Import TensorRT. Raises TensorRTMissingError with the reason of each module."""
    reasons = []
    for name in (*FULL, *LEAN, *RTX):
        try:
            module = importlib.import_module(name)
        except (ImportError, OSError) as error:
            # The module without its libraries: a stub of PyPI's, or a broken installation.
            reasons.append(f"{name}: {' '.join(str(error).split())}")
            continue
        # A folder of this name somewhere on the path is a module too, and an empty one.
        if hasattr(module, "Runtime"):
            return Library(module, name in LEAN, name in RTX)
        reasons.append(f"{name}: it has no Runtime")
    raise TensorRTMissingError(f"no module of TensorRT: {'; '.join(reasons)}")


def here(runtime_library: Library, device: Cuda) -> LocalRuntime:
    """Return what would run an engine."""
    return LocalRuntime(device.sm, runtime_library.version, runtime_library.lean)


class Backend:
    """TensorRT on the first GPU."""

    name = NAME

    def available(self) -> str:
        """Return "" if TensorRT and a GPU are here, else why not; never raise."""
        try:
            library()
            Cuda().close()
        except BackendError as error:
            return str(error)
        return ""

    def load(self, sub_model: SubModel, threads: int = 0) -> Session:
        """Load the engine that fits a sub-model; `threads` has no meaning on a GPU.

        Where none fits it is built in the background if that can be, for a later load. Raises
        BackendUnavailableError, NoEngineError, DamagedEngineError, RefusedEngineError and
        OutOfDeviceMemoryError.
        """
        del threads
        result = library()
        device = Cuda()
        try:
            engine = fit.find(
                sub_model.name, sub_model.sha256, here(result, device), twins=sub_model.twins
            )
            return EngineSession(result.module, device, engine, manifest.content(engine))
        except NoEngineError as error:
            device.close()
            reported = background.start()
            raise NoEngineError(error.requested, (*error.reasons, reported)) from error
        except BaseException:
            device.close()
            raise


def create() -> Backend:
    """Return the backend."""
    return Backend()


def try_out(
    runtime_library: Library,
    inputs: Sequence[TensorSpec],
    outputs: Sequence[TensorSpec],
    plan: bytes,
    given: Mapping[str, bytes],
) -> dict[str, list[float]]:
    """Run an engine that was just built once, on raw float32 inputs; return its outputs by name.

    Raises as a backend's `load` and a session's `run` do.
    """
    import numpy as np  # noqa: PLC0415

    result = Tried("engine", "engine", (), tuple(inputs), tuple(outputs))
    session = EngineSession(runtime_library.module, Cuda(), result, plan)
    try:
        arrays = [
            np.frombuffer(given[tensor_spec.name], np.float32).reshape(tensor_spec.shape)
            for tensor_spec in inputs
        ]
        came = session.run(arrays)
        return {
            output.name: [float(value) for value in array.ravel()]
            for output, array in zip(session.outputs, came)  # noqa: B905 # Python 3.9
        }
    finally:
        session.close()
