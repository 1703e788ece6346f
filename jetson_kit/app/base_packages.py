"""What an image holds before the application comes, as its resolver must see it.

Packages that no index has (the repacked MediaPipe), and names under which others bring the same
modules (opencv-python), become empty wheels in a folder: the resolver itself then judges whether a
requirement fits.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from packaging.utils import canonicalize_name

from jetson_kit.core.files import locked, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import rootfs
from jetson_kit.wheels import device_wheel, litert, locks

# Distributions with the modules of another: both at once would overwrite each other's files.
SAME_MODULES: Mapping[str, tuple[str, ...]] = {
    "opencv-python-headless": ("opencv-python",),
}
# The newest that uv has a name for.
NEWEST_MANYLINUX = 40


@dataclass(frozen=True)
class BasePackages:
    """The packages of an image: exact versions of an index, and those that stand in a folder."""

    pins: tuple[str, ...]
    """Such as "numpy==2.2.6"."""
    stubs: Mapping[str, str]
    """Versions by name."""
    manylinux: str
    """The newest platform whose wheels the image's C library takes."""

    @property
    def names(self) -> frozenset[str]:
        """Return the normalised names of all."""
        known = (pin.partition("==")[0] for pin in self.pins)
        return frozenset(canonicalize_name(name) for name in (*known, *self.stubs))

    @property
    def constraints(self) -> tuple[str, ...]:
        """Return the lines that hold a resolver to the image."""
        return (*self.pins, *(f"{name}=={version}" for name, version in self.stubs.items()))

    def version(self, name: str) -> str:
        """Return the version of a package, "" where the image has none."""
        rows = dict(line.split("==") for line in self.constraints)
        return next((rows[key] for key in rows if canonicalize_name(key) == name), "")


def of(lock: Path, mediapipe: str, arch: str, python: str, suite: str) -> BasePackages:
    """Return what an image on the kit's own base holds."""
    texts = (lock.read_text("utf-8"), litert.lock_for(arch, python).read_text("utf-8"))
    pins = tuple(sorted({pin for text in texts for pin in locks.locked(text)}))
    versions = dict(pin.split("==") for pin in pins)
    stubs = {"mediapipe": mediapipe, "mediapipe-jetson": device_wheel.version()}
    for name, others in SAME_MODULES.items():
        if name in versions:
            stubs |= dict.fromkeys(others, f"{versions[name]}+jetson")
    return BasePackages(pins, stubs, _manylinux(suite))


def folder(held: BasePackages) -> Path:
    """Return a folder with the empty wheels."""
    text = "\n".join(f"{name}=={version}" for name, version in sorted(held.stubs.items()))
    place = cache_dir("app-held") / hashlib.sha256(text.encode()).hexdigest()[:16]
    with locked(cache_dir("locks") / f"app-held-{place.name}.lock", lambda: None):
        done = place / "complete"
        if not done.exists():
            place.mkdir(exist_ok=True)
            for name, version in held.stubs.items():
                write_empty_wheel(place, name, version)
            write_text(done, text)
    return place


def write_empty_wheel(place: Path, name: str, version: str) -> None:
    """Write a wheel that only says that a package is there."""
    stem = f"{name.replace('-', '_')}-{version}"
    info = f"{stem}.dist-info"
    members = {
        "METADATA": f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n",
        "WHEEL": "Wheel-Version: 1.0\nGenerator: kit\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(place / f"{stem}-py3-none-any.whl", "w") as wheel:
        for member, text in members.items():
            wheel.writestr(zipfile.ZipInfo(f"{info}/{member}"), text)


def _manylinux(suite: str) -> str:
    """Return the newest platform whose wheels a suite's C library takes."""
    glibc = str(rootfs.data()["suites"][suite]["glibc"])
    return f"manylinux_2_{min(int(glibc.split('.')[1]), NEWEST_MANYLINUX)}"
