"""Names of MediaPipe's modules."""

from __future__ import annotations

PACKAGE = "mediapipe"
# What `import mediapipe` brought up from mediapipe.python.
BROUGHT_UP = (
    "solutions",
    "packet_creator",
    "packet_getter",
    "CalculatorGraph",
    "GraphInputStreamAddMode",
    "ValidatedGraphConfig",
    "Packet",
    "Timestamp",
    "Matrix",
    "ImageFrame",
)
SHORTER = {f"mediapipe.python.{name}": f"mediapipe.{name}" for name in BROUGHT_UP}


def canonical(path: str) -> str:
    """Return a path by its shorter name: mediapipe.python.solutions is mediapipe.solutions."""
    for long, short in SHORTER.items():
        if path == long or path.startswith(f"{long}."):
            return f"{short}{path[len(long) :]}"
    return path


def is_ours(path: str) -> bool:
    """Return whether a module is MediaPipe or a part of it."""
    return path == PACKAGE or path.startswith(f"{PACKAGE}.")
