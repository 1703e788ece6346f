"""Build the device wheel: by setuptools, offline, the same bytes every time.

The pure wheel is for every machine; a platform wheel holds the counting shim besides.
"""

from __future__ import annotations

import ast
import contextlib
import csv
import hashlib
import io
import shutil
import sys
import tempfile
import zipfile
from importlib import metadata
from pathlib import Path

from jetson_kit.core import rawzip
from jetson_kit.core.errors import BadInputError, IntegrityError, StepFailedError
from jetson_kit.core.files import disk_guard, written_aside
from jetson_kit.core.paths import ROOT, cache_dir
from jetson_kit.core.run import run
from jetson_kit.wheels import shim
from jetson_kit.wheels.record import hash_of

SOURCE = ROOT / "wheels" / "mediapipe-jetson"
# On the path of .venv, where ci/setup.sh puts it as an editable install does; on PYTHONPATH for
# other interpreters that run the device side from source.
PACKAGE = SOURCE / "src"
# What the wheel is made of; caches and build folders are not.
INPUTS = ("pyproject.toml", "README.md", "LICENSE", "src")
# 1980-01-01, the earliest time that a zip file can hold.
EPOCH = "315532800"
# Stored, not deflated: another zlib would give other bytes.
BUILD = (
    "import os, sys; os.umask(0o022); from setuptools import build_meta; "
    "build_meta.build_wheel(sys.argv[1], {'--build-option': ['--compression=stored']})"
)


def version(source: Path = SOURCE) -> str:
    """Return the device wheel's version; raises as `version_in`."""
    return version_in(source / "src" / "mediapipe_jetson" / "__init__.py")


def version_in(path: Path) -> str:
    """Return `__version__` of a Python file without running it.

    Raises BadInputError where it has none.
    """
    for node in ast.parse(path.read_bytes()).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="__version__")], value=ast.Constant(value=str(text))
            ):
                return text
    raise BadInputError(f"{path} has no __version__", 'write __version__ = "X.Y.Z" there')


def source_files(source: Path = SOURCE) -> list[Path]:
    """Return the files that the wheel is made of, relative to `source`, in order."""
    paths: list[Path] = []
    for name in INPUTS:
        top = source / name
        paths += [path for path in top.rglob("*") if path.is_file()] if top.is_dir() else [top]
    return sorted(
        path.relative_to(source)
        for path in paths
        if "__pycache__" not in path.parts and not any(".egg-info" in part for part in path.parts)
    )


def fingerprint(source: Path = SOURCE) -> str:
    """Return one hash over all that decides the wheel's bytes, the builder included."""
    digest = hashlib.sha256(BUILD.encode())
    digest.update(EPOCH.encode())
    digest.update(_setuptools_version().encode())
    for name in source_files(source):
        content = (source / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def build(out: Path, source: Path = SOURCE) -> Path:
    """Put the wheel into the folder `out` and return its path.

    The same inputs are built once and kept in the cache. Raises StepFailedError if setuptools
    refuses, DiskFullError if no space is left.
    """
    path = cache_dir("device-wheel", fingerprint(source)[:32])
    result = next(path.glob("*.whl"), None) or _make_wheel(path, source)
    wheel = out / result.name
    with written_aside(wheel) as aside:
        shutil.copyfile(result, aside)
    return wheel


def build_platform(
    out: Path, arch: str, source: Path = SOURCE, library: Path | None = None
) -> Path:
    """Put the wheel of one architecture (arm64, amd64), with its shim, into the folder `out`.

    `library` is the shim, where that was compiled before. Raises what `build` and shim.build raise,
    without a compiler NetworkError or ToolMissingError: the pure wheel then still works, and says
    of the work of a GPU that it can't be counted.
    """
    requested = shim.target(arch)
    library = library or shim.build(arch, source / "native")
    with tempfile.TemporaryDirectory(prefix="device-wheel-") as name:
        pure = build(Path(name), source)
        wheel = out / pure.name.replace("-none-any.whl", f"-none-{requested.tag}.whl")
        with written_aside(wheel) as aside, zipfile.ZipFile(aside, "w") as target:
            _add_library(pure, target, requested, library)
    return wheel


def build_all(out: Path) -> list[Path]:
    """Put the pure wheel and those of both architectures into `out`; raises as build_platform.

    All of them, or none.
    """
    with tempfile.TemporaryDirectory(dir=cache_dir("tmp"), prefix="device-wheels-") as scratch:
        aside = Path(scratch)
        built = [build(aside), *(build_platform(aside, arch) for arch in ("arm64", "amd64"))]
        # They get their names when the last of them is written.
        with contextlib.ExitStack() as copies:
            for wheel in built:
                copy = copies.enter_context(written_aside(out / wheel.name))
                shutil.copyfile(wheel, copy)
    return [out / wheel.name for wheel in built]


def _add_library(
    pure: Path, target: zipfile.ZipFile, requested: shim.Target, library: Path
) -> None:
    """Copy the pure wheel with one library more; its tags and its record say so."""
    tags = "".join(f"Tag: py3-none-{platform}\n" for platform in requested.tag.split("."))
    rows = []
    with rawzip.opened(pure) as source:
        names = [entry.filename for entry in source.infolist()]
        record = next(name for name in names if name.endswith(".dist-info/RECORD"))
        contents = {name: source.read(name) for name in names if name != record}
    about = record.replace("RECORD", "WHEEL")
    text = contents[about].decode().replace("Root-Is-Purelib: true", "Root-Is-Purelib: false")
    contents[about] = text.replace("Tag: py3-none-any\n", tags).encode()
    contents[f"mediapipe_jetson/native/{requested.filename}"] = library.read_bytes()
    for name, content in sorted(contents.items()):
        rawzip.add(target, name, content)
        rows.append(f"{name},{hash_of(content)},{len(content)}\n")
    rawzip.add(target, record, "".join([*rows, f"{record},,\n"]).encode())


def _make_wheel(path: Path, source: Path) -> Path:
    """Return the wheel in the folder `path`.

    Where only the contents of Python files and data changed, setuptools, which takes half a second,
    would change nothing else: they are put into the wheel that it made last of such files.
    """
    frames = cache_dir("device-wheel-frames", _frame(source)[:32])
    if frame := next(frames.glob("*.whl"), None):
        # A damaged one is made anew.
        with contextlib.suppress(IntegrityError), written_aside(path / frame.name) as aside:
            _refill(frame, source / "src", aside)
            return path / frame.name
    built = _build(path, source)
    with written_aside(frames / built.name) as aside:
        shutil.copyfile(built, aside)
    return built


def _frame(source: Path) -> str:
    """Return one hash over all that decides the wheel's bytes but for its packages' contents.

    The version is in one of these, and decides the names.
    """
    about = (BUILD, EPOCH, _setuptools_version(), version(source))
    digest = hashlib.sha256("\0".join(about).encode())
    for name in source_files(source):
        content = b"" if name.parts[0] == "src" else (source / name).read_bytes()
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)
    return digest.hexdigest()


def _refill(frame: Path, packages: Path, out: Path) -> None:
    """Write the wheel `frame` with its packages' files as they are now."""
    with rawzip.opened(frame) as old, zipfile.ZipFile(out, "w") as new:
        hashes: dict[str, tuple[str, int]] = {}
        for entry in old.infolist():
            name = entry.filename
            data = old.read(name)
            if name.endswith(".dist-info/RECORD"):
                rows = list(csv.reader(data.decode().splitlines()))
                text = io.StringIO()
                csv.writer(text, lineterminator="\n").writerows(
                    [row[0], *(hashes[row[0]] if row[1] else row[1:])] for row in rows
                )
                data = text.getvalue().encode()
            elif ".dist-info/" not in name:
                data = (packages / name).read_bytes()
            hashes[name] = (hash_of(data), len(data))
            new.writestr(entry, data)


def _build(folder: Path, source: Path) -> Path:
    # In a copy: setuptools leaves its folders beside the source, and takes over files' modes.
    with disk_guard(folder), tempfile.TemporaryDirectory(prefix="device-wheel-") as name:
        copy, built = Path(name, "source"), Path(name, "out")
        for path in source_files(source):
            target = copy / path
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / path, target)
            target.chmod(0o644)
        run(
            # Without the user's settings: setuptools reads variables, and files in the home folder.
            [sys.executable, "-I", "-B", "-c", BUILD, built],
            what="building the device wheel",
            env={"HOME": name, "LC_ALL": "C.UTF-8", "SOURCE_DATE_EPOCH": EPOCH, "TMPDIR": name},
            cwd=copy,
        )
        wheels = list(built.glob("*.whl"))
        if len(wheels) != 1:
            raise StepFailedError(f"building the device wheel made {len(wheels)} wheels, not one")
        with written_aside(folder / wheels[0].name) as aside:
            shutil.copyfile(wheels[0], aside)
        return folder / wheels[0].name


def _setuptools_version() -> str:
    return metadata.version("setuptools")
