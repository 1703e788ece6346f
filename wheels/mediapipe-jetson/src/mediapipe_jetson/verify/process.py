"""What is mapped into a process and which devices it has open, from /proc."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import below

# Python's own extension modules drive no GPU; MediaPipe's library is kept.
PYTHONS = re.compile(r"/(?:lib-dynload|site-packages|dist-packages)/")
KEPT = re.compile(r"/libmediapipe\.so|/_framework_bindings|nvidia|libmpjshim", re.IGNORECASE)
DULL = re.compile(r"/dev/(?:null|zero|full|u?random|tty|pts/|ptmx|shm/|mqueue)")
MOST = 400


def mapped(root: Path = Path("/"), pid: str = "self") -> Optional[list[str]]:
    """Return the shared libraries mapped into a process, sorted; None if that can't be read."""
    try:
        text = below(root, f"/proc/{pid}/maps").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    # The sixth field is the path, which may hold blanks.
    paths = {line.split(maxsplit=5)[5] for line in text.splitlines() if line.count("/")}
    found = sorted(
        path for path in paths if ".so" in path and (KEPT.search(path) or not PYTHONS.search(path))
    )
    return found[:MOST]


def devices(root: Path = Path("/"), pid: str = "self") -> Optional[list[dict[str, Any]]]:
    """Return the device nodes that a process has open, with the kernel driver of DRM nodes."""
    names: set[str] = set()
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
            names.add(target)
    return [{"path": name, "driver": drm_driver(root, name)} for name in sorted(names)][:MOST]


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
