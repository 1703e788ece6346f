"""The shim's file: what OpenGL ES and Vulkan were asked to do in one process.

The layout is that of native/shim.h. A file that the shim never touched reads as absent.
"""

from __future__ import annotations

import mmap
import platform
import struct
from pathlib import Path
from typing import Any, Optional

SIZE = 4096
MAGIC = b"MPJSHIM\0"
VERSION = 1
NAMES = (
    "gl_link_program",
    "gl_dispatch",
    "gl_draw",
    "egl_create_context",
    "egl_make_current",
    "vk_submit",
    "vk_dispatch",
    "vk_device",
    "unresolved",
    "other_renderer",
    "vk_layer",
)
TEXTS = ("gl_vendor", "gl_renderer", "gl_version", "egl_vendor", "egl_version", "vk_name")
TEXT = 160
HEADER = struct.Struct("=8sII16Q")
DEVICE = struct.Struct("=II")
FILE_VARIABLE = "MEDIAPIPE_JETSON_SHIM"
LAYER = "VK_LAYER_MEDIAPIPE_JETSON_count"
FOLDER = Path(__file__).resolve().parent.parent / "native"


def library(folder: Path = FOLDER) -> Optional[Path]:
    """Return this architecture's shim; None in a wheel without one."""
    path = folder / f"libmpjshim_{platform.machine()}.so"
    return path if path.is_file() else None


def create(path: Path) -> None:
    """Make the empty file that a shim fills."""
    path.write_bytes(bytes(SIZE))


class Counters:
    """The file of the running process; reading costs no system call."""

    def __init__(self, path: Path) -> None:
        with path.open("rb") as stream:
            self.page = mmap.mmap(stream.fileno(), SIZE, access=mmap.ACCESS_READ)

    def pid(self) -> Optional[int]:
        """Return the process that the shim counts in; None where no shim is at work."""
        magic, version, pid, *_ = HEADER.unpack_from(self.page)
        return pid if magic == MAGIC and version == VERSION else None

    def counts(self) -> dict[str, int]:
        """Return every counter since the process began."""
        _, _, _, *values = HEADER.unpack_from(self.page)
        return {name: values[index] for index, name in enumerate(NAMES)}

    def context(self) -> dict[str, Any]:
        """Return the strings of the first contexts; what was not seen is missing."""
        result: dict[str, Any] = {}
        for index, name in enumerate(TEXTS):
            start = HEADER.size + index * TEXT
            text = self.page[start : start + TEXT].split(b"\0", 1)[0]
            if text:
                result[name] = text.decode("utf-8", "replace")
        if "vk_name" in result:
            where = HEADER.size + len(TEXTS) * TEXT
            result["vk_vendor_id"], result["vk_device_type"] = DEVICE.unpack_from(self.page, where)
        return result


def difference(after: dict[str, int], before: dict[str, int]) -> dict[str, int]:
    """Return what was counted in between."""
    return {name: after[name] - before[name] for name in after}
