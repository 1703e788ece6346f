"""Official MediaPipe wheels: which are pinned, what may run them, and the locks beside them."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass, replace
from pathlib import Path

from packaging.version import Version

from jetson_kit.core import uv
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import sha256_file
from jetson_kit.core.paths import ROOT, cache_dir

TABLE = Path(__file__).with_name("wheels.toml")
LOCKS = ROOT / "wheels" / "locks"
ARCHITECTURES = {"arm64": "aarch64", "amd64": "x86_64"}


@dataclass(frozen=True)
class WheelClass:
    """What a board's CPU can run: one MediaPipe version and the packages locked for it."""

    name: str
    about: str
    gpu: bool
    """Whether its arm64 wheel can infer on a GPU."""
    versions: str
    """Specifier of the MediaPipe versions that it takes."""
    by_name: tuple[str, ...]
    """Versions that are taken only where they are named."""
    revision: int
    pythons: tuple[str, ...]
    manylinux: str
    constraints: tuple[str, ...]


@dataclass(frozen=True)
class Pin:
    """One official wheel, pinned by the hash of its file."""

    version: str
    arch: str
    """As Docker writes it: arm64 or amd64."""
    python_tag: str
    pythons: tuple[str, ...]
    """Pythons for which it can be installed from our locks."""
    filename: str
    sha256: str
    wheel_class: str
    revision: int
    core: str = ""
    """The core that its library is translated for (translate/cores.toml); "" for none."""

    @property
    def jetson_version(self) -> str:
        """Return the version of the wheel that it is repacked into."""
        return f"{self.version}+jetson.{self.revision}{self.core and f'.{self.core}'}"

    @property
    def jetson_filename(self) -> str:
        """Return the file name of the wheel that it is repacked into."""
        name, _, tags = self.filename.split("-", 2)
        return f"{name}-{self.jetson_version}-{tags}"

    def supports(self, python: str) -> bool:
        """Return whether it is for this Python, such as "3.11"."""
        return python in self.pythons


@functools.cache
def classes() -> dict[str, WheelClass]:
    """Return the wheel classes by name, the one with the newest MediaPipe first."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["class"]
    return {
        name: WheelClass(
            name,
            row["about"],
            row["gpu"],
            row["versions"],
            tuple(row.get("by_name", ())),
            row["revision"],
            tuple(row["pythons"]),
            row["manylinux"],
            tuple(row["constraints"]),
        )
        for name, row in rows.items()
    }


@functools.cache
def pins() -> tuple[Pin, ...]:
    """Return all pinned wheels, newest version first; those for `by_name` after all others."""
    result = []
    for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["wheel"]:
        group = classes()[row["class"]]
        tag = row["python"]
        pythons = group.pythons if tag == "py3" else (f"{tag[2]}.{tag[3:]}",)
        result.append(
            Pin(
                row["version"],
                row["arch"],
                tag,
                pythons,
                row["filename"],
                row["sha256"],
                group.name,
                group.revision,
            )
        )
    return tuple(sorted(result, key=_preference, reverse=True))


@functools.cache
def translated() -> tuple[Pin, ...]:
    """Return the pinned wheels translated for older cores, newest version first.

    Of one version, the one for the newer core comes first.
    """
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["translated"]
    return tuple(
        replace(pin, core=core, revision=row["revision"])
        for pin in pins()
        for core, row in rows.items()
        if pin.wheel_class == row["class"] and pin.arch == "arm64"
    )


def translated_for(pin: Pin, core: str) -> Pin:
    """Return an official wheel's translation for a core. Raises BadInputError if there is none."""
    for item in translated():
        if (item.sha256, item.core) == (pin.sha256, core):
            return item
    raise BadInputError(
        f"MediaPipe {pin.version} for {pin.arch} is not translated for {core!r}",
        "name an arm64 version from 1.0.1 on, and armv80 or carmel",
    )


def candidates(arch: str) -> tuple[Pin, ...]:
    """Return what images may get, best first; of a version the official wheel comes first."""
    every = (*pins(), *translated())
    return tuple(sorted((pin for pin in every if pin.arch == arch), key=_preference, reverse=True))


def _preference(pin: Pin) -> tuple[bool, Version]:
    return pin.version not in classes()[pin.wheel_class].by_name, Version(pin.version)


def pythons() -> tuple[str, ...]:
    """Return every Python for which some wheel is locked, oldest first."""
    every = {python for group in classes().values() for python in group.pythons}
    return tuple(sorted(every, key=Version))


def select(arch: str = "arm64", python: str = "3.11", version: str = "") -> Pin:
    """Return the newest pinned wheel for an architecture and Python.

    Raises BadInputError that names what there is.
    """
    if arch not in ARCHITECTURES:
        raise BadInputError(
            f"no wheels for the architecture {arch!r}", f"choose one of {', '.join(ARCHITECTURES)}"
        )
    here = [pin for pin in pins() if pin.arch == arch]
    known = list(dict.fromkeys(pin.version for pin in here))
    if version and version not in known:
        raise BadInputError(
            f"MediaPipe {version} is not pinned for {arch}", f"choose one of {', '.join(known)}"
        )
    versions = [pin for pin in here if not version or pin.version == version]
    for pin in versions:
        if pin.supports(python):
            return pin
    offered = sorted({item for pin in versions for item in pin.pythons}, key=Version)
    raise BadInputError(
        f"no MediaPipe{f' {version}' if version else ''} wheel for Python {python} on {arch}",
        f"choose one of {', '.join(offered)}",
    )


def fetch(pin: Pin) -> Path:
    """Return the official wheel, from the cache (its hash checked again) or the package index.

    Raises NetworkError, IntegrityError.
    """
    folder = cache_dir("wheels", "official")
    path = folder / pin.filename
    if path.exists() and sha256_file(path) == pin.sha256:
        return path
    return uv.download_wheel(pin.filename, pin.sha256, folder)


def lock_path(wheel_class: str, arch: str, python: str) -> Path:
    """Return where the lock of the dependencies is or would be."""
    return LOCKS / f"{wheel_class}-{arch}-py{python}.txt"


def lock_for(wheel_class: str, arch: str, python: str) -> Path:
    """Return the hash-pinned lock of what a class's wheel depends on.

    Raises BadInputError that names the nearest that there is.
    """
    if wheel_class not in classes():
        raise BadInputError(
            f"unknown wheel class {wheel_class!r}", f"choose one of {', '.join(classes())}"
        )
    path = lock_path(wheel_class, arch, python)
    if not path.exists():
        there = LOCKS.glob(f"{wheel_class}-{arch}-py*.txt")
        offered = ", ".join(sorted((item.stem.rpartition("py")[2] for item in there), key=Version))
        raise BadInputError(
            f"no lock for the wheel class {wheel_class} on {arch} with Python {python}",
            f"choose Python {offered}" if offered else "make it with ./inv wheels.lock",
        )
    return path
