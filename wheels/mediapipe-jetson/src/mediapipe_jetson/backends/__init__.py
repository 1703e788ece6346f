"""Backends by name; each module is imported when it is asked for.

A module of a backend has a function `create() -> Backend`; one of several takes the name.
"""

from __future__ import annotations

import importlib

from mediapipe_jetson.backends.base import Backend, BackendUnavailableError, UnknownBackendError

# Over sub-models, the fastest first.
SUB_MODEL = ("tensorrt", "litert-gpu", "litert-gpu-fp16", "litert", "onnx")
# Those that have no use for more of the CPU.
ON_GPU = ("tensorrt", "litert-gpu", "litert-gpu-fp16")
MODULES = dict.fromkeys(("litert-gpu", "litert-gpu-fp16"), "litert_gpu")
# MediaPipe Tasks itself, for the whole task.
WHOLE_TASK = ("mediapipe-gpu", "mediapipe-cpu")


def create(name: str) -> Backend:
    """Return a backend over sub-models; whether it can be used says its `available`.

    Raises UnknownBackendError, and BackendUnavailableError where its module can't be imported.
    """
    if name not in SUB_MODEL:
        raise UnknownBackendError(f"no backend {name!r}: choose one of {', '.join(SUB_MODEL)}")
    try:
        module = importlib.import_module(f"mediapipe_jetson.backends.{MODULES.get(name, name)}")
    except ImportError as error:
        raise BackendUnavailableError(f"backend {name}: {error}") from error
    backend: Backend = module.create(name) if name in MODULES else module.create()
    return backend
