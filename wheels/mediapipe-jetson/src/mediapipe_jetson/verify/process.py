"""What is mapped into a process, which devices it has open, and what hides them, from /proc."""

from __future__ import annotations

import contextlib
import functools
import mmap
import os
import re
import stat
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson import elf
from mediapipe_jetson.observation import below, read_text
from mediapipe_jetson.verify.rules import book, pattern

# Python's own extension modules drive no GPU; MediaPipe's library is kept.
PYTHONS = re.compile(r"/(?:lib-dynload|site-packages|dist-packages)/")
# A wheel may bring a rasterizer too: whatever may draw is kept wherever it lies.
RELEVANT = re.compile(
    r"/libmediapipe\.so|/_framework_bindings|nvidia|libmpjshim|/lib(?:EGL|GL|OSMesa|gallium|vulkan|"
    r"vk_|swiftshader|mali|LLVM)|_dri\.so|swrast|swiftshader|llvmpipe|lavapipe",
    re.IGNORECASE,
)
DULL = re.compile(r"/dev/(?:null|zero|full|u?random|tty|pts/|ptmx|shm/|mqueue)")
MOST = 4000
OCTAL = re.compile(r"\\([0-7]{3})")
NO_DEVICE = "no device"
# Bytes at each end of a file: in Mesa's own, of 26 MB, all words lie at 20 MB.
SEARCHED = 64 << 20
# Patterns of names that say what a library is.
KNOWN = ("software_libraries", "software_compilers", "mesa_libraries")


def mapped(root: Path = Path("/"), pid: str = "self") -> Optional[list[str]]:
    """Return the shared libraries mapped into a process, sorted; None if that can't be read.

    Only what may be executed counts: a file that is merely read into memory drives nothing.
    """
    paths = _executable(root, pid)
    return None if paths is None else [path for path in paths if ".so" in path][:MOST]


def _executable(root: Path, pid: str) -> Optional[list[str]]:
    """Return the files of which code is mapped, whatever their names, but Python's own modules."""
    try:
        text = below(root, f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The sixth field is the path, which may hold blanks.
    fields = [line.split(maxsplit=5) for line in text.splitlines()]
    paths = {
        field[5] for field in fields if len(field) == 6 and "x" in field[1] and "/" in field[5]
    }
    return sorted(path for path in paths if RELEVANT.search(path) or not PYTHONS.search(path))


def devices(root: Path = Path("/"), pid: str = "self") -> Optional[list[dict[str, Any]]]:
    """Return the device nodes that a process has open.

    Of each its path, the driver of DRM nodes, what the kernel itself calls it, and its number:
    `table` is the name of its major in /proc/devices.
    """
    opened: dict[str, dict[str, Any]] = {}
    try:
        entries = sorted(below(root, f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
    for entry in entries:
        try:
            target = str(entry.readlink())
        except OSError:
            continue
        if target.startswith("/dev/") and not DULL.match(target):
            opened.setdefault(target, identity(root, entry))
    return [
        {"path": name, "driver": drm_driver(root, name), **opened[name]} for name in sorted(opened)
    ][:MOST]


def identity(root: Path, opened: Path) -> dict[str, Any]:
    """Return what the kernel knows an open device as, whatever its file is named.

    `kernel` is the name in sysfs, else in /proc/devices; NO_DEVICE for another kind of file; None
    where neither tells it.
    """
    result: dict[str, Any] = {"kernel": None, "major": None, "minor": None, "table": None}
    try:
        status = opened.stat()
    except OSError:
        return result
    if not stat.S_ISCHR(status.st_mode):
        return {**result, "kernel": NO_DEVICE}
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    event = read_text(below(root, f"/sys/dev/char/{major}:{minor}/uevent")) or ""
    named = re.search(r"^DEVNAME=(\S+)$", event, re.MULTILINE)
    # NVIDIA's driver for discrete GPUs and Thor has no entry in sysfs.
    characters = (read_text(below(root, "/proc/devices")) or "").partition("Block devices")[0]
    listed = re.search(rf"^\s*{major} (\S+)$", characters, re.MULTILINE)
    table = listed.group(1) if listed else None
    kernel = named.group(1) if named else table
    return {"kernel": kernel, "major": major, "minor": minor, "table": table}


def drm_driver(root: Path, node: str) -> Optional[str]:
    """Return the kernel driver behind /dev/dri/..., None for others or where sysfs hides it."""
    if not node.startswith("/dev/dri/"):
        return None
    try:
        return below(root, f"/sys/class/drm/{Path(node).name}/device/driver").readlink().name
    except OSError:
        return None


def mounts(root: Path = Path("/"), pid: str = "self") -> Optional[list[dict[str, str]]]:
    """Return the mounts over what a verdict rests on; None if they can't be read.

    Of each the place, the type of file system and the part of it that is mounted.
    """
    text = read_text(below(root, f"/proc/{pid}/mountinfo"))
    if not text:
        return None
    result = []
    for line in text.splitlines():
        # Fields 4 and 5, then optional ones, a dash, and the type: proc(5).
        fields, _, after = line.partition(" - ")
        parts, kind = fields.split(" "), after.split(" ")[0]
        if len(parts) < 5 or not kind:
            continue
        part, place = (OCTAL.sub(lambda match: chr(int(match[1], 8)), word) for word in parts[3:5])
        if pattern("watched_mounts").search(place):
            result.append({"at": place, "type": kind, "root": part})
    return result[:MOST]


def driver_files(paths: Optional[list[str]]) -> Optional[list[dict[str, Any]]]:
    """Return what the mapped files named as NVIDIA's need and hold.

    `needed` is None where a file can't be read, `holds` are the words of a software rasterizer's
    code in it. A file that has such words is reported too, unless its name says what it is.
    """
    if paths is None:
        return None
    result = []
    for path in paths[:MOST]:
        named = any(pattern(name).search(path) for name in ("nvidia_core", "nvidia_vendor"))
        if not named and any(pattern(name).search(path) for name in KNOWN):
            continue
        holds = _holds(path)
        if not named and not holds:
            continue
        needed: Optional[list[str]] = None
        with contextlib.suppress(OSError, elf.NotElfError):
            needed = list(elf.read(Path(path)).needed)
        result.append({"path": path, "needed": needed, "holds": holds})
    return result


def _holds(path: str) -> list[str]:
    """Return which words of a software rasterizer's code are in a file; none if unreadable."""
    try:
        status = Path(path).stat()
    except OSError:
        return []
    if not stat.S_ISREG(status.st_mode):
        return []
    return list(_searched(path, status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns))


@functools.lru_cache(maxsize=None)
def _searched(path: str, *_identity: int) -> tuple[str, ...]:
    """Return the words in a file; of a large one, as CUDA's are, only its ends are read."""
    words: list[str] = book()["rasterizer_words"]
    try:
        with (
            Path(path).open("rb") as stream,
            mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data,
        ):
            size = len(data)
            ends = [(0, SEARCHED), (size - SEARCHED, size)]
            parts = [(0, size)] if size <= 2 * SEARCHED else ends
            return tuple(
                word
                for word in words
                if any(data.find(word.encode(), *part) >= 0 for part in parts)
            )
    except (OSError, ValueError):
        return ()


def threads(root: Path = Path("/"), pid: str = "self") -> Optional[list[str]]:
    """Return the names of a process's threads, each once; None if they can't be read."""
    try:
        tasks = sorted(below(root, f"/proc/{pid}/task").iterdir())
    except OSError:
        return None
    names = {(read_text(task / "comm") or "").strip() for task in tasks[:MOST]}
    return sorted(names - {""})


def observe() -> dict[str, Any]:
    """Return what this very process has mapped and open now, and what is mounted over that."""
    libraries = mapped()
    return {
        "libraries": libraries,
        "devices": devices(),
        "mounts": mounts(),
        "files": driver_files(_executable(Path("/"), "self")),
        "threads": threads(),
    }


def memory_kb() -> Optional[int]:
    """Return this process's resident memory in KiB."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    match = re.search(r"^VmRSS:\s*(\d+) kB", text, re.MULTILINE)
    return int(match.group(1)) if match else None
