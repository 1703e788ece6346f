"""Reads out of TensorRT's lean runtime what its row in runtimes.toml says: GPUs and sizes."""

from __future__ import annotations

import struct
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import tomlkit
from packaging.version import Version

from jetson_kit.core import uv
from jetson_kit.data_update import index
from jetson_kit.data_update.changes import Changes
from jetson_kit.data_update.request import Request
from jetson_kit.targets import table as targets
from jetson_kit.wheels import runtimes

LIBS, BINDINGS = "tensorrt-lean-cu13-libs", "tensorrt-lean-cu13-bindings"
PACKAGES = (LIBS, BINDINGS)
MACHINE = "aarch64"
# The bindings differ by some kB from Python to Python.
PYTHON = "cp312"
# NVIDIA's fat binary: a header, then entries with headers of their own, as cuobjdump reads it.
MAGIC = struct.pack("<I", 0xBA55ED50)
OUTER = struct.Struct("<IHHQ")
ENTRY = struct.Struct("<HHIQ12xI")
CUBIN = 2
MB = 1e6

Row = dict[str, list[str] | float]


def update(changes: Changes, request: Request) -> None:
    """Note a row for each lean runtime after the newest that has one. Raises NetworkError."""
    if not any(request.covers(package) for package in PACKAGES):
        return
    known = runtimes.table()["lean"]
    last = max(known, key=Version)
    table = tomlkit.parse(changes.text(runtimes.TABLE))
    new: list[str] = []
    limit = f">{last}"
    while version := index.newest_if_any(f"{LIBS}{limit}", index.NEWEST_PYTHON):
        new.insert(0, version)
        limit = f">{last},<{version}"
    for version in new:
        result = row(version)
        if result is None:
            what = f"{version} lacks a wheel of {LIBS} or {BINDINGS} for {MACHINE}"
            changes.decide(LIBS, what, "wait for it; no image gets this version")
            continue
        table["lean"][version] = result
        changes.take(LIBS, last, version, "jetson_kit/wheels/runtimes.toml")
    if new:
        changes.write(runtimes.TABLE, tomlkit.dumps(table))


def row(version: str) -> Row | None:
    """Return a version's row, None where one of its wheels is missing.

    Downloads 68 MB. Raises NetworkError, NoSolutionError, IntegrityError.
    """
    files = [
        next(
            (
                index_file
                for index_file in _files(package, version)
                if index_file.runs_on(MACHINE, tag)
            ),
            None,
        )
        for package, tag in ((LIBS, "py3"), (BINDINGS, PYTHON))
    ]
    unpacked, result = 0, set()
    with tempfile.TemporaryDirectory(prefix="kit-lean-") as folder:
        for file in files:
            if file is None:
                return None
            path = uv.download_wheel(file.filename, file.sha256, Path(folder))
            with zipfile.ZipFile(path) as archive:
                for info in archive.infolist():
                    unpacked += info.file_size
                    if ".so" in info.filename:
                        result |= set(kernels(archive.read(info)))
    jetsons = [soc.sm for soc in targets.load().socs]
    return {
        "sms": [sm for sm in jetsons if sm in result],
        "download_mb": round(sum(file.size for file in files if file) / MB, 1),
        "unpacked_mb": round(unpacked / MB, 1),
    }


def _files(package: str, version: str) -> list[index.IndexFile]:
    try:
        return index.wheels_of(package, version)
    except uv.NoSolutionError:
        return []


def kernels(library: bytes) -> Iterator[str]:
    """Yield the compute capabilities ("8.7") of the machine code in a library's fat binaries."""
    at = library.find(MAGIC)
    while at >= 0:
        if at + OUTER.size > len(library):
            return
        _, _, header, size = OUTER.unpack_from(library, at)
        place, end = at + header, min(at + header + size, len(library))
        while place + ENTRY.size <= end:
            kind, _, inner, length, architecture = ENTRY.unpack_from(library, place)
            if kind == CUBIN:
                yield f"{architecture // 10}.{architecture % 10}"
            if inner < ENTRY.size:
                break
            place += inner + length
        at = library.find(MAGIC, at + len(MAGIC))
