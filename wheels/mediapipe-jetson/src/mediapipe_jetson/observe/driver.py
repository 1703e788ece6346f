"""NVIDIA's driver: version, user-space libraries, device nodes and who may open them."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from pathlib import Path
from typing import Optional, Union

from mediapipe_jetson.observation import Absent, below, counted, on_device, read_text

VERSION_FILES = ("/sys/module/nvidia/version", "/proc/driver/nvidia/version")
# Where JetPack 4 to 7 and the container runtime put the libraries.
DIRECTORIES = (
    "/usr/lib/aarch64-linux-gnu/tegra",
    "/usr/lib/aarch64-linux-gnu/tegra-egl",
    "/usr/lib/aarch64-linux-gnu/nvidia",
    "/opt/nvidia/l4t-gpu-libs/nvgpu",
    "/opt/nvidia/l4t-gpu-libs/openrm",
    "/usr/lib/aarch64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
)
# libnvme is for disks, libnvpair is ZFS's, the rest are NVIDIA's texture tools: no driver.
OTHERS = r"(?:me(?:-mi)?|pair|tt|image|math|core|thread)\.so"
LIBRARY = re.compile(rf"lib(nv(?!{OTHERS})|cuda\.|EGL_nvidia|GLES\w*_nvidia|GLX_nvidia)[^/]*\.so")
VERSIONED = re.compile(r"libnvidia-(?:eglcore|glsi|glcore)\.so\.(\d+\.[\d.]+)$")
NODES = (
    "nvmap",
    "nvhost-*",
    "nvgpu/*/*",
    "nvidia[0-9]*",
    "nvidiactl",
    "nvidia-modeset",
    "nvidia-uvm",
    "dri/card*",
    "dri/renderD*",
)


@dataclasses.dataclass(frozen=True)
class Directory:
    """A directory and NVIDIA's libraries in it."""

    path: str
    libraries: tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Node:
    """A device node; `accessible` tells whether this process may read and write it."""

    path: str
    mode: str
    uid: int
    gid: int
    accessible: bool


@dataclasses.dataclass(frozen=True)
class Driver:
    """The driver; `version` is None where neither kernel nor libraries tell it."""

    version: Optional[str]
    version_from: Optional[str]
    directories: tuple[Directory, ...]
    nodes: tuple[Node, ...]

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        source = f" (from {self.version_from})" if self.version_from else ""
        result = [f"version {self.version or 'unknown'}{source}"]
        result += [
            f"{len(entry.libraries)} libraries in {entry.path}" for entry in self.directories
        ]
        closed = [node for node in self.nodes if not node.accessible]
        result.append(
            f"{counted(len(self.nodes), 'device node')}, {len(closed)} of them closed to this user"
        )
        groups = sorted({node.gid for node in closed})
        if groups:
            flags = " ".join(f"--group-add {gid}" for gid in groups)
            result.append(f"to open them in a container: {flags}")
        return tuple(result)


def read(root: Path = Path("/")) -> Union[Absent, Driver]:
    """Read the driver of the tree below `root`."""
    directories = tuple(
        Directory(path, libraries)
        for path in DIRECTORIES
        if (libraries := libraries_in(below(root, path)))
    )
    nodes = device_nodes(root)
    version, source = kernel_version(root)
    if version is None:
        version, source = library_version(directories)
    nvidia_nodes = [node for node in nodes if not node.path.startswith("/dev/dri/")]
    if version is None and not directories and not nvidia_nodes:
        return Absent(
            "no NVIDIA kernel module, library or device node: no Jetson, or a container "
            "started without --runtime nvidia"
        )
    return Driver(version, source, directories, nodes)


def kernel_version(root: Path) -> tuple[Optional[str], Optional[str]]:
    """Return the kernel module's version and the file that tells it."""
    for name in VERSION_FILES:
        match = re.search(r"\b\d{2,}(?:\.\d+)+\b", read_text(below(root, name)) or "")
        if match:
            return match.group(), name
    return None, None


def library_version(directories: tuple[Directory, ...]) -> tuple[Optional[str], Optional[str]]:
    """Return the version in a library's name, as libnvidia-eglcore.so.540.4.0, and that name."""
    for directory in directories:
        for name in directory.libraries:
            match = VERSIONED.match(name)
            if match:
                return match.group(1), f"{directory.path}/{name}"
    return None, None


def libraries_in(folder: Path) -> tuple[str, ...]:
    """Return the names of NVIDIA's libraries in a folder itself, not in its subfolders."""
    try:
        return tuple(sorted(item.name for item in folder.iterdir() if LIBRARY.match(item.name)))
    except OSError:
        return ()


def device_nodes(root: Path) -> tuple[Node, ...]:
    """Return the nodes that inference on the GPU may open."""
    nodes = []
    dev = below(root, "/dev")
    for pattern in NODES:
        for path in sorted(dev.glob(pattern)):
            try:
                status = path.stat()
            except OSError:
                continue
            nodes.append(
                Node(
                    path=on_device(root, path),
                    mode=stat.filemode(status.st_mode),
                    uid=status.st_uid,
                    gid=status.st_gid,
                    accessible=os.access(path, os.R_OK | os.W_OK),
                )
            )
    return tuple(nodes)
