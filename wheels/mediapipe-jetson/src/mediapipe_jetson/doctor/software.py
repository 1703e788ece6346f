"""Python and MediaPipe themselves: whether they fit each other and the CPU."""

from __future__ import annotations

import mmap
from pathlib import Path
from typing import Any, Optional

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
    needs, seen = demanding(scene, version)
    if not needs:
        return ok(f"{seen}, and runs on every 64-bit Arm CPU")
    if isinstance(scene.cpu, Absent):
        raise UnseenError(scene.cpu.reason)
    if scene.machine != "aarch64":
        return ok(f"no 64-bit Arm CPU, but {scene.machine}")
    missing = scene.missing_features
    if missing is None:
        raise UnseenError("the kernel does not tell this CPU's features")
    if missing:
        name = getattr(scene.cpu, "name", "this CPU")
        lacks = f"mediapipe {version} on {name}, which lacks {', '.join(missing)}"
        return bad(lacks, seen, missing=", ".join(missing))
    return ok(f"mediapipe {version}; the CPU has dotprod and RCpc")


def demanding(scene: Scene, version: str) -> tuple[bool, str]:
    """Return whether the library stops on older CPUs, and what shows it. Raises UnseenError.

    The library itself shows it: one that is compiled for newer CPUs checks them at its start. A
    version alone proves nothing; that of an official wheel does where the library agrees with it.
    """
    library = scene.library
    if not isinstance(library, NativeLibrary):
        raise UnseenError(library.reason if isinstance(library, Absent) else NOT_INSTALLED)
    known = pins.table()
    if library.translated:
        features = known["needs"]["translated"].get(versions.local(version), ())
        return bool(features), f"{library.path}: {library.translated}"
    official = version in known["gpu"] if library.gpu_compiled_in else version in known["cpu_only"]
    late = versions.at_least(version, known["needs"]["from"])
    checks = _holds(library.path, known["needs"]["text"].encode())
    if checks:
        return True, f'{library.path} holds the text "{known["needs"]["text"]}"'
    if official and (checks is None or not late):
        return late, f"mediapipe {version}, as its official wheel"
    if checks is False:
        raise UnseenError(
            f"{library.path} is not that of an official wheel: for which CPU it was compiled "
            "can't be told"
        )
    raise UnseenError(f"mediapipe {version} is not an official wheel: {pins.AUDIT}")


def _holds(path: str, text: bytes) -> Optional[bool]:
    """Return whether a file holds a text, None if it can't be read."""
    try:
        with (
            Path(path).open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            return data.find(text) >= 0
    except (OSError, ValueError):
        return None


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
    return bad(seen, cure="old-cpu" if scene.old_cpu else "")
