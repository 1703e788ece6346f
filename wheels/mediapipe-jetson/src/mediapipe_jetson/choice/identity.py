"""What a choice of backend depends on: it holds as long as all of this stays as it is."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

from mediapipe_jetson.engines import places
from mediapipe_jetson.observation import Absent, read_text
from mediapipe_jetson.observe import cpu, l4t, module, packages
from mediapipe_jetson.verify import hardware

# What runs the models, besides those of `info`.
RUNTIMES = (
    "mediapipe-jetson",
    "mediapipe",
    "ai-edge-litert",
    "onnxruntime",
    "onnxruntime-gpu",
    "tensorrt",
    "tensorrt-cu13-bindings",
    "tensorrt-lean",
    "tensorrt-lean-cu13-bindings",
    "numpy",
)
# Frames of other sizes count as the one that is nearest in pixels.
SIZES = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
NVIDIA_DRIVER = "/proc/driver/nvidia/version"


def nearest(size: tuple[int, int]) -> tuple[int, int]:
    """Return which of the measured sizes (width, height) stands for frames of this size."""
    pixels = max(1, size[0] * size[1])
    return min(SIZES, key=lambda item: abs(math.log(item[0] * item[1] / pixels)))


def read(task: str, model: str, size: tuple[int, int], root: Path = Path("/")) -> dict[str, Any]:
    """Return the facts as JSON's types; `model` is the sha256 of the bundle, `size` in pixels."""
    facts = {
        "task": task,
        "model": model,
        "size": list(size),
        "cores": len(os.sched_getaffinity(0)),
        "cpu": _facts(cpu.read(root), ("arch", "names", "emulated")),
        "module": _facts(module.read(root), ("model", "part", "soc")),
        "l4t": _facts(l4t.read(root), ("release",)),
        "driver": read_text(root / NVIDIA_DRIVER.lstrip("/")),
        "power_mode": hardware.power_mode(root),
        "versions": {name: packages.version(name) for name in RUNTIMES},
        "engines": engines(),
    }
    # As it comes back from a file: without tuples.
    document: dict[str, Any] = json.loads(json.dumps(facts))
    return document


def _facts(section: Any, fields: tuple[str, ...]) -> Any:  # noqa: ANN401 # dataclass or Absent
    if isinstance(section, Absent):
        return None
    every = dataclasses.asdict(section)
    return {field: every[field] for field in fields}


def engines() -> list[list[Any]]:
    """Return name, size and time of each engine and ONNX file: a new one may be faster."""
    result = []
    for folder in places.folders():
        for path in sorted(folder.glob("*")):
            if path.suffix in (".engine", ".onnx"):
                about = path.stat()
                result.append([str(path), about.st_size, about.st_mtime_ns])
    return result


def key(facts: dict[str, Any]) -> str:
    """Return one name for these facts, 32 hex digits."""
    text = json.dumps(facts, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]
