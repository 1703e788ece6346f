"""Whether an application's unpacked packages fit the image: its files, C library and Arm core."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import re
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from mmap import PROT_READ, mmap
from pathlib import Path

from jetson_kit.app import hints
from jetson_kit.audit import emulate, native, record
from jetson_kit.audit.emulate import CpuRun, OneCore
from jetson_kit.audit.native import Library
from jetson_kit.core import log
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import disk_guard, extract_tar, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.debian import rootfs
from jetson_kit.emulation.cpus import Cpu

# What packages are judged by; another number has them judged again.
FORMAT = 3
HEAD = 8
# What NumPy's headers put into a module that uses its C interface: all of them, and those of NumPy
# 2, whose modules load with 1 too.
NUMPY, NUMPY_2 = b"module compiled against ABI version", b"numpy._core._multiarray_umath"

# The names of modules that Python imports; others of them end in .so alone.
MODULE = re.compile(r"\.(?:cpython-\w[\w-]*|abi3)\.so$")


@dataclass(frozen=True)
class Image:
    """What the packages must fit."""

    suite: str
    arch: str
    core: Cpu | None
    """The oldest core of its boards; None for an image of this machine's own architecture."""
    tars: tuple[Path, ...]
    """Its layers of Python packages."""
    system: Path | None = None
    """The layer of the application's own Debian packages."""
    numpy: str = ""
    """Its version of NumPy; "" where it has none."""

    @property
    def key(self) -> str:
        """Return a text that differs where packages may fit one image and not the other."""
        tars = (*self.tars, *((self.system,) if self.system else ()))
        names = " ".join(tar.name for tar in tars)
        return f"{FORMAT} {self.suite} {self.arch} {self.core} {self.numpy} {names}"


def check(site: Path, image: Image) -> None:
    """Raise BadInputError for packages, unpacked in `site`, that the image can't have."""
    owners = _owners(site)
    _check_files(site, owners, image.tars)
    libraries = _libraries(site)
    machine = {"arm64": "aarch64", "amd64": "x86_64"}[image.arch]
    glibc = _number(str(rootfs.data()["suites"][image.suite]["glibc"]))
    for library in libraries:
        whose = owners.get(library.path, library.path)
        if library.format != "elf" or library.arch != machine:
            continue  # of another machine, beside the right one: never loaded
        if _number(library.glibc) > glibc:
            raise BadInputError(
                f"{whose} needs glibc {library.glibc}, the image has {_text(glibc)}",
                'name another version of it, or take Debian 13: [target] python = "3.13"',
            )
    ours = tuple(item for item in libraries if (item.format, item.arch) == ("elf", machine))
    if image.numpy and _number(image.numpy.partition(".")[0]) >= (2,):
        _check_numpy(site, ours, owners, image.numpy)
    if image.core and ours:
        _check_core(site, ours, owners, image.core, image.system)


def _owners(site: Path) -> dict[str, str]:
    """Return the package ("scipy 1.17.1") of each file."""
    result = {}
    for listed in sorted(site.glob("*.dist-info/RECORD")):
        name, _, version = listed.parent.name.removesuffix(".dist-info").rpartition("-")
        for row in csv.reader(listed.read_text(encoding="utf-8").splitlines()):
            result[row[0]] = f"{name} {version}"
    return result


def _check_files(site: Path, owners: Mapping[str, str], tars: Sequence[Path]) -> None:
    """Refuse packages that would replace files of the image's."""
    theirs: set[str] = set()
    for tar in tars:
        with tarfile.open(tar) as archive:
            theirs |= {
                info.name.partition("/site-packages/")[2] for info in archive if not info.isdir()
            }
    for path in sorted(site.rglob("*")):
        name = path.relative_to(site).as_posix()
        if name in theirs and not path.is_dir():
            owner = owners.get(name, "a package")
            raise BadInputError(
                f"{owner} would replace {name} of the image's packages",
                hints.of_package(owner.partition(" ")[0])
                or "leave it out of the requirements, or take a version without this file",
            )


def _libraries(site: Path) -> tuple[Library, ...]:
    libraries = []
    for path in sorted(site.rglob("*")):
        if path.is_file() and not path.is_symlink():
            with path.open("rb") as stream:
                head = stream.read(HEAD)
            if native.sniff(head) == "elf":
                library = native.read(path.relative_to(site).as_posix(), path.read_bytes())
                libraries += [library] if library else []
    return tuple(libraries)


def _check_numpy(
    site: Path, libraries: Sequence[Library], owners: Mapping[str, str], version: str
) -> None:
    """Refuse modules that were compiled for NumPy 1, whose import NumPy 2 ends with an error.

    Warns of other libraries, which may ask for it when they are used, as PyTorch's does.
    """
    warned: set[str] = set()
    for library in libraries:
        path = site / library.path
        with path.open("rb") as stream, mmap(stream.fileno(), 0, prot=PROT_READ) as content:
            if content.find(NUMPY) < 0 or content.find(NUMPY_2) >= 0:
                continue
            module = MODULE.search(path.name) or content.find(_entry(path)) >= 0
        owner = owners.get(library.path, library.path)
        if not module:
            if owner not in warned:
                log.LOG.warning(
                    "warning: %s is compiled for NumPy 1 in %s, and the image has %s: what of it "
                    "takes or gives arrays may end with an error", owner, library.path, version,
                )  # fmt: skip
            warned.add(owner)
            continue
        raise BadInputError(
            f"{owner} is compiled for NumPy 1, and the image has {version}, with which it can't be "
            "imported",
            hints.of_package(owner.partition(" ")[0])
            or "name a newer version of it, whose wheels are compiled for NumPy 2",
        )


def _entry(path: Path) -> bytes:
    """Return the name of the function by which Python starts a module, with what ends it."""
    return f"PyInit_{path.name.partition('.')[0]}\0".encode()


def _check_core(
    site: Path,
    libraries: tuple[Library, ...],
    owners: Mapping[str, str],
    core: Cpu,
    system: Path | None,
) -> None:
    """Load each package's libraries on the emulated core; refuse one that crashes it."""
    groups: dict[str, list[Library]] = {}
    for library in libraries:
        groups.setdefault(owners.get(library.path, library.path), []).append(library)
    for owner, group in groups.items():
        loaded = _on_core(site, tuple(group), core, system)
        if loaded.run.ok is False:
            raise BadInputError(
                f"{owner} does not load on {core.name}, the oldest core of this image's boards: "
                f"{loaded.run.says}",
                "name another version of it, or an image for newer boards alone: [target] module",
            )
        if loaded.missing:
            raise BadInputError(
                f"{owner} needs {', '.join(loaded.missing)}, which the image does not have",
                hints.of_package(owner.partition(" ")[0])
                or "name the Debian package that has it: [debian] packages in jetson.toml",
            )
        if loaded.everywhere:
            log.LOG.warning(
                "warning: %s ends its process when it is loaded on an emulated core, whichever "
                "(%s): whether it loads on a board is not known", owner, loaded.run.says,
            )  # fmt: skip


def _on_core(site: Path, libraries: tuple[Library, ...], core: Cpu, system: Path | None) -> OneCore:
    """Return what emulate.on_core says, kept in the cache by the libraries' bytes."""
    beside = f" {system.name}" if system else ""
    text = f"{FORMAT} {record.key(libraries)} {core}{beside}"
    key = hashlib.sha256(text.encode()).hexdigest()
    path = cache_dir("app-fit") / f"{key}.json"
    if path.exists():
        ok, says, missing, everywhere = json.loads(path.read_text(encoding="utf-8"))
        return OneCore(CpuRun(core.name, ok, says), tuple(missing), everywhere)
    with _unpacked(system) as folders:
        loaded = emulate.on_core(libraries, site, core, folders)
    if loaded.run.ok is not None or loaded.everywhere:
        run = loaded.run
        write_text(path, json.dumps([run.ok, run.says, loaded.missing, loaded.everywhere]))
    return loaded


@contextlib.contextmanager
def _unpacked(system: Path | None) -> Iterator[tuple[Path, ...]]:
    """Yield the folders of a layer that have libraries."""
    if system is None:
        yield ()
        return
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="app-fit-") as name:
        with disk_guard(Path(name)), tarfile.open(system) as archive:
            extract_tar(archive, Path(name))
        yield tuple(sorted({path.parent for path in Path(name, "usr/lib").rglob("*.so*")}))


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")) if version else ()


def _text(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
