"""Names of MediaPipe's modules."""

from __future__ import annotations

PACKAGE = "mediapipe"
SHORTER = {
    "mediapipe.python.solutions": "mediapipe.solutions",
    "mediapipe.python.packet_creator": "mediapipe.packet_creator",
    "mediapipe.python.packet_getter": "mediapipe.packet_getter",
}


def canonical(path: str) -> str:
    """Return a path by its shorter name: mediapipe.python.solutions is mediapipe.solutions."""
    for long, short in SHORTER.items():
        if path == long or path.startswith(f"{long}."):
            return f"{short}{path[len(long) :]}"
    return path


def is_ours(path: str) -> bool:
    """Return whether a module is MediaPipe or a part of it."""
    return path == PACKAGE or path.startswith(f"{PACKAGE}.")
