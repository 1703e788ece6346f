"""Python and MediaPipe themselves: whether they fit each other and the CPU."""

from __future__ import annotations

from typing import Any

from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.result import Result, UnseenError, bad, ok
from mediapipe_jetson.doctor.scene import Scene
from mediapipe_jetson.observation import Absent
from mediapipe_jetson.observe.native import NativeLibrary

NOT_INSTALLED = "mediapipe is not installed for this Python"


def installed(scene: Scene) -> str:
    """Return MediaPipe's version. Raises UnseenError."""
    if not scene.mediapipe:
        raise UnseenError(NOT_INSTALLED)
    try:
        versions.parse(scene.mediapipe)
    except ValueError as error:
        raise UnseenError(str(error)) from error
    return scene.mediapipe


def python(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge the Python that would import MediaPipe."""
    shown = ".".join(map(str, scene.python))
    oldest = pins.table()["python"]["oldest"]
    if not shown:
        return bad(f"no Python 3 is here; {oldest} is the oldest with a wheel")
    if versions.at_least(shown, oldest):
        return ok(f"Python {shown}")
    return bad(f"Python {shown}; {oldest} is the oldest with a wheel")


def cpu(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether this CPU has what the installed version needs."""
    version = installed(scene)
    if not versions.at_least(version, pins.table()["needs"]["from"]):
        return ok(f"mediapipe {version} runs on every 64-bit Arm CPU")
    if isinstance(scene.cpu, Absent):
        raise UnseenError(scene.cpu.reason)
    if scene.machine != "aarch64":
        return ok(f"no 64-bit Arm CPU, but {scene.machine}")
    missing = scene.missing_features
    if missing is None:
        raise UnseenError("the kernel does not tell this CPU's features")
    if missing:
        name = getattr(scene.cpu, "name", "this CPU")
        seen = f"mediapipe {version} on {name}, which lacks {', '.join(missing)}"
        return bad(seen, missing=", ".join(missing))
    return ok(f"mediapipe {version}; the CPU has dotprod and RCpc")


def gpu(scene: Scene, _facts: dict[str, Any]) -> Result:
    """Judge whether MediaPipe's library has GPU code."""
    library = scene.library
    if not isinstance(library, NativeLibrary):
        raise UnseenError(library.reason if isinstance(library, Absent) else NOT_INSTALLED)
    seen = f"{library.path}: {library.gpu_evidence}"
    if library.gpu_compiled_in is None:
        raise UnseenError(seen)
    if library.gpu_compiled_in:
        return ok(seen)
    return bad(seen, cure="old-cpu" if scene.missing_features else "")
