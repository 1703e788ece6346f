"""Which backends are tried, in which order."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Union

from mediapipe_jetson.backends import SUB_MODEL, WHOLE_TASK
from mediapipe_jetson.backends.base import UnknownBackendError

AUTO = "auto"
EVERY = (*SUB_MODEL, *WHOLE_TASK)
GPU = ("tensorrt", "mediapipe-gpu")
# By the times of the CPU baseline on x86: LiteRT, MediaPipe itself, ONNX Runtime.
CPU = ("litert", "mediapipe-cpu", "onnx")
# Jetson's GPU up to JetPack 5, JetPack 6 and later, a discrete one, any that Linux drives.
NODES = ("dev/nvhost-gpu", "dev/nvgpu", "dev/nvidia0", "dev/dri/renderD128")


def candidates(
    asked: Union[str, Sequence[str]],
    delegate: Any,  # noqa: ANN401 # MediaPipe's enum or None
    root: Path = Path("/"),
) -> tuple[str, ...]:
    """Return the backends to try, first the best; raise UnknownBackendError.

    A name is that backend alone, several names are tried in their order. `auto` keeps to the
    delegate of the base options where there is one; without one, all are tried, those on the GPU
    first if there is a GPU.
    """
    names = (asked,) if isinstance(asked, str) else tuple(asked)
    if names == (AUTO,):
        wanted = getattr(delegate, "name", None)
        if wanted in ("GPU", "CPU"):
            return GPU if wanted == "GPU" else CPU
        has_gpu = any((root / node).exists() for node in NODES)
        return (*GPU, *CPU) if has_gpu else CPU
    for name in names:
        if name not in EVERY:
            raise UnknownBackendError(
                f"no backend {name!r}: choose {AUTO} or of {', '.join(EVERY)}"
            )
    if not names:
        raise UnknownBackendError(f"no backend was named: choose {AUTO} or of {', '.join(EVERY)}")
    return names
