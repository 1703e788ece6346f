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


VISION = (
    *("FaceDetector", "FaceLandmarker", "FaceStylizer", "GestureRecognizer", "HandLandmarker"),
    *("HolisticLandmarker", "ImageClassifier", "ImageEmbedder", "ImageSegmenter"),
    *("InteractiveSegmenter", "ObjectDetector", "PoseLandmarker"),
)
PARTS = ("audio", "components", "core", "genai", "text", "vision")


def starred(module: str) -> tuple[str, ...]:
    """Return the names that `from MODULE import *` takes from a module of MediaPipe Tasks."""
    if module == PACKAGE:
        return ("tasks", "Image", "ImageFormat")
    if module in ("mediapipe.tasks", "mediapipe.tasks.python"):
        return ("BaseOptions", *PARTS)
    if module == "mediapipe.tasks.python.vision":
        kinds = ("", "Options", "Result")
        return ("RunningMode", *(f"{name}{kind}" for name in VISION for kind in kinds))
    if not module.startswith("mediapipe.tasks.python."):
        return ()
    name = "".join(word.title() for word in module.rpartition(".")[2].split("_"))
    return (name, f"{name}Options", f"{name}Result")


def is_ours(path: str) -> bool:
    """Return whether a module is MediaPipe or a part of it."""
    return path == PACKAGE or path.startswith(f"{PACKAGE}.")
