"""Writes a bundle: verify.pyz, which is the program with its list of contents, and its parts."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from jetson_kit import __version__
from jetson_kit.bundle import contents, groups, older, tensorrt
from jetson_kit.bundle.groups import Group
from jetson_kit.bundle.older import Older
from jetson_kit.core import output_folder, rawzip
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.files import disk_guard
from jetson_kit.core.machine import host_arch
from jetson_kit.core.paths import ROOT
from jetson_kit.core.progress import Progress
from jetson_kit.wheels.pins import ARCHITECTURES

SCHEMA = "mediapipe-jetson-kit/bundle/1"
PROGRAM = Path(__file__).with_name("program")
PYZ, MAIN = "verify.pyz", "__main__.py"
STEM = "verify"
NAMES = {STEM: "base", tensorrt.STEM: "tensorrt"}
WHAT = {
    STEM: "MediaPipe, the device wheel, models, NumPy, OpenCV and LiteRT",
    tensorrt.STEM: "TensorRT-RTX and ONNX files",
}
MB = 1_000_000
# What a Python names the program by; found on any machine that has one.
SHEBANG = b"#!/usr/bin/env python3\n"
MOST_MB = 100_000


@dataclass(frozen=True)
class Request:
    """What is asked for: machine ("x86_64", "aarch64", "": this one's) and a folder to write.

    `part_mb` is the most that a file may have, 0 for one file alone; `pythons` none for all.
    """

    machine: str = ""
    output: str = ""
    pythons: tuple[str, ...] = ()
    part_mb: int = 60
    tensorrt: bool = False
    """Whether TensorRT for a PC is in it, too."""


@dataclass(frozen=True)
class Bundle:
    """What was written; sizes in bytes."""

    folder: Path
    files: tuple[Path, ...]
    mediapipe: str
    pythons: tuple[str, ...]
    unpacked: int

    @property
    def size(self) -> int:
        """Return the size of all files."""
        return sum(path.stat().st_size for path in self.files)


def arch_of(machine: str) -> str:
    """Return Docker's name of a machine's architecture. Raises BadInputError."""
    if not machine:
        return host_arch()
    for arch, name in ARCHITECTURES.items():
        if machine in (arch, name):
            return arch
    raise BadInputError(
        f"no bundle for the architecture {machine!r}",
        f"choose one of {', '.join(sorted(ARCHITECTURES.values()))}",
    )


def build(request: Request, progress: Progress) -> Bundle:
    """Write a bundle into its folder, which is whole or as it was.

    Raises BadInputError, and what contents raises.
    """
    arch = arch_of(request.machine)
    pythons = _pythons(request.pythons, contents.recipe().pythons)
    if request.tensorrt and arch != tensorrt.ARCH:
        raise BadInputError(
            "TensorRT-RTX is for x86_64 alone", "leave out --tensorrt: boards have JetPack's"
        )
    if not 0 <= request.part_mb <= MOST_MB:
        raise BadInputError(
            f"no parts of {request.part_mb} MB", f"give 0 (one file) to {MOST_MB}, such as 60"
        )
    folder = _folder(request.output, ARCHITECTURES[arch])
    output_folder.recover(folder)
    with disk_guard(folder.parent), output_folder.replaced(folder) as aside:
        unpacked, version = _write(aside, request, arch, pythons, progress)
    files = tuple(sorted(path for path in folder.iterdir() if path.is_file()))
    return Bundle(folder, files, version, pythons, unpacked)


def _pythons(requested: tuple[str, ...], known: tuple[str, ...]) -> tuple[str, ...]:
    unknown = [item for item in requested if item not in known]
    if unknown:
        raise BadInputError(
            f"no bundle for Python {', '.join(unknown)}", f"choose of {', '.join(known)}"
        )
    return tuple(item for item in known if not requested or item in requested)


def _folder(output: str, machine: str) -> Path:
    """Return the folder to write: one of the kit's, an empty one, or one that is not there yet."""
    if not output:
        return ROOT / "dist" / f"verify-{machine}"
    folder = Path(output).absolute()
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise BadInputError(f"{folder} is no folder", "name another --output")
    if folder.is_dir() and any(folder.iterdir()) and not (folder / PYZ).is_file():
        raise BadInputError(f"{folder} holds something else", "name an empty or a new folder")
    return folder


def _groups(request: Request, arch: str, pythons: tuple[str, ...], more: Older) -> list[Group]:
    """Return what the bundle holds."""
    recipe = contents.recipe()
    members = chain(contents.common(arch, recipe, contents.mediapipe(arch)), more.members)
    sites = ((python, contents.site(python, arch, recipe)) for python in pythons)
    result = [Group(STEM, members, sites)]
    if request.tensorrt:
        result.append(tensorrt.group(arch, pythons, recipe.glibc))
    return result


def _write(
    folder: Path, request: Request, arch: str, pythons: tuple[str, ...], progress: Progress
) -> tuple[int, str]:
    """Write parts and program; return what they take unpacked (bytes), and MediaPipe's version."""
    pin = contents.mediapipe(arch)
    more = older.of(pin)
    limit = request.part_mb * MB if request.part_mb else 1 << 62
    written = {}
    for group in _groups(request, arch, pythons, more):
        with progress.step(group.stem, f"packing {WHAT[group.stem]}") as step:
            written[NAMES[group.stem]] = packed = groups.write(group, folder, limit)
            step.note = f"{sum(path.stat().st_size for path in packed.parts) // MB} MB"
    manifest: dict[str, Any] = {
        "schema": SCHEMA,
        "kit": __version__,
        "machine": ARCHITECTURES[arch],
        "mediapipe": pin.jetson_version,
        "cores": more.rows,
        "groups": {name: item.row for name, item in written.items()},
    }
    inside = [] if request.part_mb else [path for item in written.values() for path in item.parts]
    _program(folder / PYZ, manifest, inside)
    return sum(item.unpacked for item in written.values()), pin.jetson_version


def _program(pyz: Path, manifest: dict[str, Any], inside: list[Path]) -> None:
    """Write the program as a zip file that Python runs; parts that it holds itself are removed."""
    with pyz.open("wb") as stream:
        stream.write(SHEBANG)
        with zipfile.ZipFile(stream, "w") as archive:
            rawzip.add(archive, MAIN, (PROGRAM / MAIN).read_bytes())
            for package in ("jetson_kit", "jetson_kit/bundle"):
                rawzip.add(archive, f"{package}/__init__.py", b"")
            for path in sorted(PROGRAM.glob("*.py")):
                rawzip.add(archive, f"jetson_kit/bundle/program/{path.name}", path.read_bytes())
            text = json.dumps(manifest, separators=(",", ":"), sort_keys=True)
            rawzip.add(archive, "manifest.json", text.encode())
            for path in inside:
                member = rawzip.plain(path.name)
                with (
                    path.open("rb") as source,
                    archive.open(member, "w", force_zip64=True) as target,
                ):
                    shutil.copyfileobj(source, target, MB)
                path.unlink()
    pyz.chmod(0o755)
