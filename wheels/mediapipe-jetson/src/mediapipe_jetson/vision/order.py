"""Which backends are tried, in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Union

from mediapipe_jetson.backends import SUB_MODEL, WHOLE_TASK
from mediapipe_jetson.backends.base import UnknownBackendError
from mediapipe_jetson.choice import auto
from mediapipe_jetson.models import sha256
from mediapipe_jetson.observe import gpu_nodes
from mediapipe_jetson.pipeline.landmarkers import tasks

AUTO = "auto"
EVERY = (*SUB_MODEL, *WHOLE_TASK)
GPU = ("tensorrt", "mediapipe-gpu", "litert-gpu", "litert-gpu-fp16")
# By the times of the CPU baseline on x86: LiteRT, MediaPipe itself, ONNX Runtime.
CPU = ("litert", "mediapipe-cpu", "onnx")


def measured(
    task: str, model: Union[str, bytes], names: Sequence[str], threads: int
) -> tuple[tuple[str, ...], int]:
    """Return the names, the one first that `auto` measured to be the best here, and its threads.

    `task` is the class's name, `model` the bundle's path or bytes. Nothing is measured now: names
    and threads come back as they are unless `python -m mediapipe_jetson run --why` or
    choice.auto.choose did so before. Threads that were asked for (not 0) stay.
    """
    short = next((item.name for item in tasks().values() if item.class_name == task), None)
    if short is None:
        return tuple(names), threads
    digest = hashlib.sha256(model).hexdigest() if isinstance(model, bytes) else sha256(Path(model))
    choice = auto.remembered(short, digest)
    if choice is None or choice.backend not in names:
        return tuple(names), threads
    others = tuple(name for name in names if name != choice.backend)
    return (choice.backend, *others), threads or choice.threads


def candidates(
    backends: Union[str, Sequence[str]],
    delegate: Any,  # noqa: ANN401 # MediaPipe's enum or None
    root: Path = Path("/"),
) -> tuple[str, ...]:
    """Return the backends to try, first the best; raise UnknownBackendError.

    A name is that backend alone, several names are tried in their order. `auto` keeps to the
    delegate of the base options where there is one; without one, all are tried, those on the GPU
    first if there is a GPU.
    """
    names = (backends,) if isinstance(backends, str) else tuple(backends)
    if names == (AUTO,):
        requested = getattr(delegate, "name", None)
        if requested in ("GPU", "CPU"):
            return GPU if requested == "GPU" else CPU
        return (*GPU, *CPU) if gpu_nodes.there(root) else CPU
    for name in names:
        if name not in EVERY:
            raise UnknownBackendError(
                f"no backend {name!r}: choose {AUTO} or of {', '.join(EVERY)}"
            )
    if not names:
        raise UnknownBackendError(f"no backend was named: choose {AUTO} or of {', '.join(EVERY)}")
    return names
