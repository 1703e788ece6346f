"""MediaPipe's legacy solutions on the kit's graphs and backends.

`mediapipe_jetson.solutions.face_mesh` and so on have the names, arguments and results of
`mediapipe.solutions` up to 0.10.21, and give its numbers.
"""

from __future__ import annotations

import importlib

# Each start of Python imports this package, for its hook: `typing` is slow to import.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

MODULES = (
    "download_utils",
    "drawing_styles",
    "drawing_utils",
    "face_detection",
    "face_mesh",
    "face_mesh_connections",
    "hands",
    "hands_connections",
    "holistic",
    "objectron",
    "pose",
    "pose_connections",
    "selfie_segmentation",
)


def __getattr__(name: str) -> Any:  # noqa: ANN401 # a module or a function
    """Import a solution when it is first asked for."""
    if name in MODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "configure":
        return importlib.import_module(f"{__name__}.settings").configure
    raise AttributeError(f"module 'mediapipe.python.solutions' has no attribute {name!r}")


def __dir__() -> list[str]:
    return [*MODULES, "configure"]
