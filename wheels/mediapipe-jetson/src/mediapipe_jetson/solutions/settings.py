"""Which backends the legacy solutions try, in which order, and with how many threads."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Union

from mediapipe_jetson.backends.base import UnknownBackendError
from mediapipe_jetson.solutions.errors import ArgumentError

VARIABLE = "MEDIAPIPE_JETSON_BACKEND"
AUTO = "auto"
ORDER = ("tensorrt", "litert-gpu", "litert", "onnx")
"""What `auto` tries: engines are for one model's hash, the GPU only where it is faster."""
NAMES = ("tensorrt", "litert-gpu", "litert-gpu-fp16", "litert", "onnx", "mediapipe-gpu")

Backends = Union[str, Sequence[str]]


@dataclass(frozen=True)
class Settings:
    """Names of backends in the order in which they are tried; 0 threads: the backend's choice."""

    backends: tuple[str, ...]
    threads: int = 0
    measured: bool = False
    """A GPU that is no faster than the CPU is passed over."""


_chosen: list[Settings] = []


def configure(*, backend: Backends = AUTO, threads: int = 0) -> None:
    """Choose backends, and threads for each model, for solutions that are made after this.

    `backend` is auto, a name, or several in the order in which they are tried; without this call
    $MEDIAPIPE_JETSON_BACKEND counts. Raises UnknownBackendError and ArgumentError (ValueErrors).
    """
    if not isinstance(threads, int) or isinstance(threads, bool) or threads < 0:
        raise ArgumentError(f"threads is a whole number from 0 on, not {threads!r}")
    _chosen[:] = [_read(backend, threads)]


def current() -> Settings:
    """Return what is in force. Raises UnknownBackendError for a wrong variable."""
    return _chosen[0] if _chosen else _read(os.environ.get(VARIABLE) or AUTO, 0)


def _read(backend: Backends, threads: int) -> Settings:
    parts = backend.split(",") if isinstance(backend, str) else backend
    names = tuple(str(word).strip() for word in parts)
    if names == (AUTO,):
        return Settings(ORDER, threads, measured=True)
    for name in names or ("",):
        if name not in NAMES:
            raise UnknownBackendError(
                f"no backend {name!r} for the legacy solutions: choose {AUTO} or of "
                f"{', '.join(NAMES)}"
            )
    return Settings(names, threads)
