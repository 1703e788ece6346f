"""Landmarkers by task and backend: MediaPipe's own, or ours on its sub-models."""

from __future__ import annotations

import functools
import importlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediapipe_jetson import backends
from mediapipe_jetson.landmarks import DATA

DELEGATES = {"mediapipe-cpu": "CPU", "mediapipe-gpu": "GPU"}


@dataclass(frozen=True)
class Task:
    """One row of data/inference_tasks.json.

    `tolerance` is how far the worst landmark may be from MediaPipe's on the CPU, as a fraction of
    the longer side of the box about all of them.
    """

    name: str
    class_name: str
    model: str
    picture: Path
    landmarks: str
    settings: dict[str, Any]
    tolerance: float


@functools.lru_cache(maxsize=1)
def tasks() -> dict[str, Task]:
    """Return the tasks by their short names."""
    table = json.loads((DATA / "inference_tasks.json").read_text(encoding="utf-8"))
    return {
        name: Task(
            name,
            row["class"],
            row["model"],
            DATA / row["picture"],
            row["landmarks"],
            row["settings"],
            row["tolerance"],
        )
        for name, row in table.items()
    }


@dataclass(frozen=True)
class LandmarkerRequest:
    """A landmarker: `threads` is for each sub-model, 0 the backend's own choice.

    MediaPipe's own landmarkers don't let the number of threads be chosen.
    """

    task: str
    model: str
    backend: str
    threads: int = 0
    mode: str = "VIDEO"


def make(request: LandmarkerRequest) -> Any:  # noqa: ANN401 # MediaPipe's classes have no types
    """Return a landmarker; its maker closes it. Raises what its class raises."""
    task = tasks()[request.task]
    vision: Any = importlib.import_module("mediapipe.tasks.python.vision")
    base: Any = importlib.import_module("mediapipe.tasks.python.core.base_options").BaseOptions
    options = getattr(vision, f"{task.class_name}Options")
    mode = getattr(vision.RunningMode, request.mode)
    settings = {**task.settings, "running_mode": mode}
    if request.backend in DELEGATES:
        # By name: the numbers differ between versions.
        delegate = getattr(base.Delegate, DELEGATES[request.backend])
        chosen = base(model_asset_path=request.model, delegate=delegate)
        result = getattr(vision, task.class_name)
        return result.create_from_options(options(base_options=chosen, **settings))
    ours: Any = importlib.import_module("mediapipe_jetson.vision")
    result = getattr(ours, task.class_name)
    return result.create_from_options(
        options(base_options=base(model_asset_path=request.model), **settings),
        backend=request.backend,
        threads=request.threads,
    )


def every_backend() -> tuple[str, ...]:
    """Return the names of all backends, those over sub-models first."""
    return (*backends.SUB_MODEL, *backends.WHOLE_TASK)


def missing(backend: str) -> str:
    """Return why a backend can't be used here, or an empty string; loads no model."""
    if backend in backends.WHOLE_TASK:
        # Whether the GPU works shows only when a model is loaded for it.
        return ""
    try:
        return backends.create(backend).available()
    except (ValueError, RuntimeError) as error:
        return " ".join(str(error).split())
