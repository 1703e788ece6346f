"""Why an inference broke: from its ending and its last words to one line with the cure."""

from __future__ import annotations

import dataclasses
import re
import signal
from collections.abc import Collection, Mapping
from typing import Any, Optional, Union

from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.observation import Absent, one_line
from mediapipe_jetson.observe import packages
from mediapipe_jetson.observe.cpu import Cpu
from mediapipe_jetson.observe.cpu import read as read_cpu

LSE = re.compile(r"compiled with (\w+) enabled")
MISSING_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object file")
OLD_ENOUGH = "0.10.18"
CURES = {
    "libEGL.so.1": "install the package libegl1",
    "libGLESv2.so.2": "install the package libgles2",
    "libGL.so.1": "install the package libgl1, or the headless OpenCV",
    "libgthread-2.0.so.0": "install the package libglib2.0-0, or the headless OpenCV",
}
DOING = {
    "start": "before its import",
    "import": "on import",
    "create": "on creating the Face Landmarker",
    "infer": "on the first inference",
}


@dataclasses.dataclass(frozen=True)
class Broken:
    """A cause, as one word for programs and one line for people."""

    cause: str
    message: str


@dataclasses.dataclass(frozen=True)
class Ending:
    """How the child ended: the facts it told, its exit code (None: too late), its last words."""

    facts: Mapping[str, Any]
    code: Optional[int]
    stderr: str


def missing_features(version: Optional[str], features: Collection[str]) -> list[str]:
    """Return the CPU features, as people name them, that this MediaPipe needs beyond these."""
    needs = pins.table()["needs"]
    if not version or not versions.at_least(version, needs["from"]):
        return []
    requested = needs["translated"].get(versions.local(version), needs["features"])
    return [needs["names"][name] for name in requested if name not in features]


def refused(version: Optional[str], cpu: Union[Absent, Cpu]) -> Optional[Broken]:
    """Return why this MediaPipe can't run on this CPU, without trying; None if it may.

    Without a feature that it was compiled for it ends by SIGILL on import, or at a later frame;
    without Arm cores in /proc/cpuinfo it ends by SIGSEGV at the first inference.
    """
    if not version or isinstance(cpu, Absent) or cpu.arch != "aarch64" or not cpu.features:
        return None
    missing = missing_features(version, cpu.features)
    foreign = cpu.cpuinfo_is_foreign and versions.at_least(version, pins.table()["needs"]["from"])
    if not missing and foreign:
        return Broken(
            "emulation",
            f"mediapipe {version} was not started: under {cpu.emulated} /proc/cpuinfo is that "
            "machine's, and inference would crash; run ./inv emulate IMAGE -- COMMAND, or mount an "
            "arm64 one (docker run -v FILE:/proc/cpuinfo:ro), or take QEMU 8.2 or later",
        )
    if not missing:
        return None
    return Broken(
        "cpu-feature",
        f"mediapipe {version} was not started: it needs {' and '.join(missing)}, which this "
        f"{cpu.name} lacks; install mediapipe=={OLD_ENOUGH}, or take an image for this board "
        "(./inv build --jetson --module NAME)",
    )


def refused_here() -> Optional[Broken]:
    """Return why the installed MediaPipe can't run on this machine's CPU; None if it may."""
    return refused(packages.version("mediapipe"), read_cpu())


def diagnose(ending: Ending, version: Optional[str], cpu: Union[Absent, Cpu]) -> Broken:
    """Return why there is no result; `version` is the installed MediaPipe's."""
    name = f"mediapipe {version}" if version else "mediapipe"
    where = DOING.get(str(ending.facts.get("stage", "start")), "after the inference")
    cpu_name = cpu.name if isinstance(cpu, Cpu) else "CPU"
    feature = LSE.search(ending.stderr)
    illegal = ending.code == -signal.SIGILL
    lacks_atomics = isinstance(cpu, Cpu) and cpu.atomics is False
    if feature or (illegal and lacks_atomics):
        requested = feature.group(1) if feature else "lse"
        known = "atomics (LSE, part of ARMv8.1)" if requested == "lse" else requested
        return Broken(
            "cpu-feature",
            f"{name} needs the CPU feature {known}, which this {cpu_name} lacks; "
            f"install mediapipe=={OLD_ENOUGH}, which runs on ARMv8.0 (on the CPU only)",
        )
    if ending.code is None:
        return Broken("timeout", f"{name} gave no result in time, {where}; raise --timeout")
    if illegal:
        return Broken(
            "cpu-feature",
            f"{name} used an instruction that this {cpu_name} lacks (SIGILL, {where}); "
            f"install mediapipe=={OLD_ENOUGH}, which runs on ARMv8.0 (on the CPU only)",
        )
    if ending.code < 0:
        return _crash(ending.code, name, where, cpu)
    return _exception(ending, name, where)


def _crash(code: int, name: str, where: str, cpu: Union[Absent, Cpu]) -> Broken:
    try:
        ended = signal.Signals(-code).name
    except ValueError:
        ended = f"signal {-code}"
    if isinstance(cpu, Cpu) and cpu.emulated:
        return Broken(
            "emulation",
            f"{name} crashed ({ended}) {where}, under {cpu.emulated}; try it on a board, or on a "
            "virtual one: ./inv devices.up --kind vm",
        )
    return Broken("crash", f"{name} crashed ({ended}) {where}; MEDIAPIPE_JETSON_DEBUG=1 shows why")


def _exception(ending: Ending, name: str, where: str) -> Broken:
    kind, text = ending.facts.get("error"), str(ending.facts.get("text", ""))
    if kind == "ModuleNotFoundError" and text == "No module named 'mediapipe'":
        return Broken(
            "missing-mediapipe", "mediapipe is not installed; run python -m pip install mediapipe"
        )
    if not kind:
        last = ending.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return Broken("crash", f"{name} ended {where} with exit code {ending.code}: {last[0]}")
    library = MISSING_LIBRARY.search(text)
    if library:
        missing = library.group(1)
        cure = CURES.get(missing, "install the package that holds it")
        return Broken("missing-library", f"{name} needs {missing} ({where}); {cure}")
    cause = "import" if ending.facts.get("stage") == "import" else "error"
    return Broken(cause, f"{name} failed {where}: {kind}: {one_line(text)[:300]}")
