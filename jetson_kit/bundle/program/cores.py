"""Boards before Orin: MediaPipe's library for their cores, put together of the official one."""

from __future__ import annotations

import ctypes
import errno
import hashlib
import os
import shutil
import struct
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.bundle.program.errors import BundleError, DamagedError, NoRoomError

AT_HWCAP = 16
PACKAGE = "mediapipe"
LIBRARY = f"{PACKAGE}/tasks/c/libmediapipe.so"
FOLDER, DELTA, READY = "cores", "library.delta", "site-core"
# Of a delta: the result's size and 0, then offset and length of each run, before its bytes.
RUN = struct.Struct("<QI")


@dataclass(frozen=True)
class Core:
    """What the official library is translated for: the result's `sha256` and `size` in bytes."""

    name: str
    sha256: str
    size: int


def chosen(manifest: dict[str, Any], hwcap: int | None = None) -> Core | None:
    """Return the newest core that this CPU is, by its AT_HWCAP; None for the official library."""
    have = _hwcap() if hwcap is None else hwcap
    for row in manifest.get("cores", ()):
        if have & row["hwcap"] == row["hwcap"]:
            return Core(row["name"], row["sha256"], row["size"]) if row["name"] else None
    return None


def _hwcap() -> int:
    getauxval = ctypes.CDLL(None).getauxval
    getauxval.restype, getauxval.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    return int(getauxval(AT_HWCAP))


def site(folder: Path, core: Core) -> Path:
    """Return a folder with MediaPipe for a core, to stand before the others of Python's path.

    Raises DamagedError, NoRoomError and BundleError.
    """
    ready = folder / READY / core.name
    if ready.is_dir():
        return ready
    try:
        ready.parent.mkdir(exist_ok=True)
        aside = Path(tempfile.mkdtemp(dir=ready.parent))
        official = folder / "site"
        for path in sorted((official / PACKAGE).rglob("*")):
            target = aside / path.relative_to(official)
            if path.is_dir():
                target.mkdir(parents=True)
            elif path != official / LIBRARY:
                target.parent.mkdir(parents=True, exist_ok=True)
                _link(path, target)
        patch(official / LIBRARY, folder / FOLDER / core.name / DELTA, aside / LIBRARY, core)
        for info in (folder / FOLDER / core.name).glob("*.dist-info"):
            shutil.copytree(info, aside / info.name)
        aside.rename(ready)
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise NoRoomError(f"no space is left for MediaPipe for {core.name}") from error
        why = error.strerror or type(error).__name__
        raise BundleError(f"MediaPipe for {core.name} can't be written: {why}") from error
    return ready


def _link(path: Path, target: Path) -> None:
    try:
        os.link(path, target)
    except OSError:
        shutil.copy2(path, target)


def patch(official: Path, delta: Path, target: Path, core: Core) -> None:
    """Write the library of a core. Raises DamagedError unless it comes out as it should."""
    result = bytearray(official.read_bytes())
    changes, at = memoryview(delta.read_bytes()), RUN.size
    del result[core.size :]
    result.extend(bytes(core.size - len(result)))
    while at + RUN.size <= len(changes):
        start, length = RUN.unpack_from(changes, at)
        at += RUN.size
        result[start : start + length] = changes[at : at + length]
        at += length
    if len(result) != core.size or hashlib.sha256(result).hexdigest() != core.sha256:
        raise DamagedError(f"{target.name} does not come out as it should; copy the bundle again")
    target.write_bytes(result)
