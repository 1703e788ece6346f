"""Finds the wheels of a MediaPipe release that the kit could pin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from packaging.specifiers import SpecifierSet
from packaging.version import Version

from jetson_kit.data_update import index
from jetson_kit.data_update.index import IndexFile
from jetson_kit.wheels import pins as wheels
from jetson_kit.wheels.pins import ARCHITECTURES, Pin, WheelClass

PACKAGE = "mediapipe"


@dataclass(frozen=True)
class Release:
    """A release and its pins; `missing` names the architectures that it has no wheel for."""

    version: str
    group: WheelClass
    pins: tuple[Pin, ...]
    missing: tuple[str, ...]


def class_for(version: str) -> WheelClass | None:
    """Return the class that takes a version, None where none does."""
    for group in wheels.classes().values():
        if Version(version) in SpecifierSet(group.versions):
            return group
    return None


def newest_of(group: WheelClass) -> Pin | None:
    """Return the newest arm64 pin of a class."""
    own = [pin for pin in wheels.pins() if pin.wheel_class == group.name and pin.arch == "arm64"]
    return max(own, key=lambda pin: Version(pin.version), default=None)


def later(group: WheelClass) -> Iterator[str]:
    """Yield the releases after a class's newest pin, newest first."""
    pinned = newest_of(group)
    above = f",>{pinned.version}" if pinned else ""
    limit = group.versions
    while version := index.newest_if_any(f"{PACKAGE}{limit}{above}"):
        yield version
        limit = f"{group.versions},<{version}"


def look(version: str, group: WheelClass) -> Release:
    """Return what the index has of a release. Raises NoSolutionError, NetworkError."""
    files = index.wheels_of(PACKAGE, version, group.pythons[:1])
    pins: list[Pin] = []
    missing = []
    for arch in ARCHITECTURES:
        result = _pins(version, group, arch, files)
        pins += result
        if not result:
            missing.append(arch)
    return Release(version, group, tuple(pins), tuple(missing))


def _pins(version: str, group: WheelClass, arch: str, files: list[IndexFile]) -> list[Pin]:
    """Return one pin for all Pythons, or one for each; [] where a Python of the class lacks one."""
    machine = ARCHITECTURES[arch]
    every = next((file for file in files if file.runs_on(machine, "py3")), None)
    if every:
        return [_pin(version, group, arch, "py3", group.pythons, every)]
    pins = []
    for python in reversed(group.pythons):
        tag = f"cp{python.replace('.', '')}"
        index_file = next((file for file in files if file.runs_on(machine, tag)), None)
        if not index_file:
            return []
        pins.append(_pin(version, group, arch, tag, (python,), index_file))
    return pins


def _pin(
    version: str,
    group: WheelClass,
    arch: str,
    tag: str,
    pythons: tuple[str, ...],
    file: IndexFile,
) -> Pin:
    return Pin(version, arch, tag, pythons, file.filename, file.sha256, group.name, group.revision)
