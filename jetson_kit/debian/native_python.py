"""The Python of a Debian suite for this machine: the version that the suite's images have.

From the packages that the images' lock names, unpacked into the cache: nothing is installed.
"""

from __future__ import annotations

import fnmatch
import io
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import disk_guard, extract_tar, locked
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import apt as debian
from jetson_kit.debian import deb_file, installed
from jetson_kit.debian import lock as debian_lock
from jetson_kit.debian.deb_file import Deb

# Python and what it loads; {} is its version, "3.11". With a C library of its own it runs anywhere.
PACKAGES = ("libpython{}-minimal", "python{}-minimal", "libexpat1", "zlib1g", "libc6")
LIBRARIES = "usr/lib/*-linux-gnu/"
FILES = (
    *("usr/bin/python{}", "usr/lib/python{}/*"),
    *(f"{LIBRARIES}{name}" for name in ("ld-linux-*", "libc.so.*", "libm.so.*")),
    *(f"{LIBRARIES}{name}" for name in ("libexpat.so.*", "libz.so.*")),
)
# A variant of images whose lock has all these packages.
VARIANT = "runtime"


@dataclass(frozen=True)
class Command:
    """How a Python is started."""

    arguments: tuple[str | Path, ...]
    folder: Path
    """Where it is unpacked."""
    locked: bool
    """Whether it is the lock's; the archive may have that no more, and then it is the newest."""


@dataclass(frozen=True)
class NativePython:
    """A Python that is available on this machine."""

    suite: str
    version: str
    """Of the language, "3.11"."""
    package: str
    """The version of its package, "3.11.2-6+deb12u9"."""

    def command(self) -> Command:
        """Return how it is started, without the modules of a site; fetched where it is missing.

        Raises NetworkError, IntegrityError, DiskFullError, StepFailedError, ToolMissingError.
        """
        with locked(cache_dir("locks") / f"{self._folder.name}.lock", lambda: None):
            folder, as_locked = self._folder, True
            if not folder.exists():
                debs, as_locked = self._debs()
                if not as_locked:
                    package = next(deb for deb in debs if deb.name == self._name)
                    folder = folder.with_name(f"{self.suite}-{host_arch()}-{package.version}")
                if not folder.exists():
                    self._unpack(debs, folder)
        python = folder / f"usr/bin/python{self.version}"
        loaders = sorted(folder.glob(f"{LIBRARIES}ld-linux-*"))
        if not loaders:
            shutil.rmtree(folder, ignore_errors=True)
            raise StepFailedError(f"{folder.name} has no loader", "it was removed; run it again")
        options: tuple[str | Path, ...] = (
            "--library-path",
            loaders[0].parent,
            python,
            "-S",
            "-s",
            "-B",
        )
        return Command((loaders[0], *options), folder, as_locked)

    @property
    def _name(self) -> str:
        return PACKAGES[1].format(self.version)

    @property
    def _folder(self) -> Path:
        return cache_dir("native-python") / f"{self.suite}-{host_arch()}-{self.package}"

    def _unpack(self, debs: tuple[Deb, ...], folder: Path) -> None:
        aside = folder.with_name(f".{folder.name}.part")
        shutil.rmtree(aside, ignore_errors=True)
        patterns = [pattern.format(self.version) for pattern in FILES]
        with disk_guard(folder.parent):
            for deb in debs:
                with tarfile.open(fileobj=io.BytesIO(deb_file.files_tar(deb))) as files:
                    chosen = []
                    for info in files:
                        info.name = installed.merged_path(info.name)
                        if any(fnmatch.fnmatchcase(info.name, pattern) for pattern in patterns):
                            chosen.append(info)
                    extract_tar(files, aside, chosen)
            aside.replace(folder)

    def _debs(self) -> tuple[tuple[Deb, ...], bool]:
        """Return its packages, and whether they are those of the lock or the newest."""
        arch = host_arch()
        names = tuple(name.format(self.version) for name in PACKAGES)
        folder = cache_dir("apt", f"{self.suite}-{arch}")
        if lock := _lock(self.suite, arch):
            rows = tuple(row for row in lock.rows if row.name in names)
            part = debian_lock.Lock(names, rows)
            if debs := debian_lock.fetch(part, suite=self.suite, arch=arch, folder=folder):
                return debs, True
        packages = debian.fetch(names, suite=self.suite, arch=arch, folder=folder)
        return tuple(deb for deb in packages if deb.name in names), False


def of(suite: str, version: str) -> NativePython | None:
    """Return a suite's Python; None where no lock has one of this version for this machine."""
    lock = _lock(suite, host_arch())
    name = PACKAGES[1].format(version)
    package = next((row for row in lock.rows if row.name == name), None) if lock else None
    return NativePython(suite, version, package.version) if package else None


def _lock(suite: str, arch: str) -> debian_lock.Lock | None:
    return debian_lock.read(debian_lock.path_of(VARIANT, suite, arch))
