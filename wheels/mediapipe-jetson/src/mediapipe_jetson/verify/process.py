"""What is mapped into a process and which devices it has open, from /proc."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import below, read_text

# Python's own extension modules drive no GPU; MediaPipe's library is kept.
PYTHONS = re.compile(r"/(?:lib-dynload|site-packages|dist-packages)/")
# A wheel may bring a rasterizer too: whatever may draw is kept wherever it lies.
KEPT = re.compile(
    r"/libmediapipe\.so|/_framework_bindings|nvidia|libmpjshim|/lib(?:EGL|GL|OSMesa|gallium|vulkan|"
    r"vk_|swiftshader|mali|LLVM)|_dri\.so|swrast|swiftshader|llvmpipe|lavapipe",
    re.IGNORECASE,
)
DULL = re.compile(r"/dev/(?:null|zero|full|u?random|tty|pts/|ptmx|shm/|mqueue)")
MOST = 4000
NO_DEVICE = "no device"


def mapped(root: Path = Path("/"), pid: str = "self") -> Optional[list[str]]:
    """Return the shared libraries mapped into a process, sorted; None if that can't be read.

    Only what may be executed counts: a file that is merely read into memory drives nothing.
    """
    try:
        text = below(root, f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The sixth field is the path, which may hold blanks.
    fields = [line.split(maxsplit=5) for line in text.splitlines()]
    paths = {one[5] for one in fields if len(one) == 6 and "x" in one[1] and "/" in one[5]}
    found = sorted(
        path for path in paths if ".so" in path and (KEPT.search(path) or not PYTHONS.search(path))
    )
    return found[:MOST]


def devices(root: Path = Path("/"), pid: str = "self") -> Optional[list[dict[str, Any]]]:
    """Return the device nodes that a process has open.

    Of each its path, the driver of DRM nodes, and what the kernel itself calls it.
    """
    names: dict[str, Optional[str]] = {}
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
            names.setdefault(target, kernel_name(root, entry))
    return [
        {"path": name, "driver": drm_driver(root, name), "kernel": names[name]}
        for name in sorted(names)
    ][:MOST]


def kernel_name(root: Path, opened: Path) -> Optional[str]:
    """Return the kernel's name of an open device, whatever its file is named.

    NO_DEVICE for another kind of file, None where neither sysfs nor /proc/devices tells it.
    """
    try:
        status = opened.stat()
    except OSError:
        return None
    if not stat.S_ISCHR(status.st_mode):
        return NO_DEVICE
    major, minor = os.major(status.st_rdev), os.minor(status.st_rdev)
    event = read_text(below(root, f"/sys/dev/char/{major}:{minor}/uevent")) or ""
    found = re.search(r"^DEVNAME=(\S+)$", event, re.MULTILINE)
    if found:
        return found.group(1)
    # NVIDIA's driver for discrete GPUs and Thor has no entry in sysfs.
    characters = (read_text(below(root, "/proc/devices")) or "").partition("Block devices")[0]
    found = re.search(rf"^\s*{major} (\S+)$", characters, re.MULTILINE)
    return found.group(1) if found else None


def drm_driver(root: Path, node: str) -> Optional[str]:
    """Return the kernel driver behind /dev/dri/..., None for others or where sysfs hides it."""
    if not node.startswith("/dev/dri/"):
        return None
    try:
        return below(root, f"/sys/class/drm/{Path(node).name}/device/driver").readlink().name
    except OSError:
        return None


def observe() -> dict[str, Any]:
    """Return what this very process has mapped and open now."""
    return {"libraries": mapped(), "devices": devices()}


def memory_kb() -> Optional[int]:
    """Return this process's resident memory in KiB."""
    try:
        text = Path("/proc/self/status").read_text(encoding="utf-8")
    except OSError:
        return None
    found = re.search(r"^VmRSS:\s*(\d+) kB", text, re.MULTILINE)
    return int(found.group(1)) if found else None
