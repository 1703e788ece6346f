"""Open a project's files so that nothing waits, and nothing that a kernel answers is read."""

from __future__ import annotations

import functools
import os
import stat
from pathlib import Path
from typing import BinaryIO, Optional

from mediapipe_jetson.doctor.files.unreadable import FormError, plain_text, why

NONE = "no project is there"
KERNELS = ("/proc", "/sys", "/dev")
# Memory in which people keep files as on a disk.
SHARED = "/dev/shm"  # noqa: S108 # nothing is written there
HEAD_BYTES = 4096


def kernels(path: Path) -> str:
    """Return which of the kernel's own folders a path leads into, "" for none of them."""
    real = os.path.realpath(path)
    if not _below(real, SHARED):
        for place in KERNELS:
            if _below(real, place):
                return place
    try:
        return _mounted(path.stat().st_dev)
    except OSError:
        return ""


def opened(path: Path) -> BinaryIO:
    """Open a regular file. Raises OSError, and FormError for what is none or is the kernel's."""
    status = path.stat()
    place = kernels(path) if path.is_symlink() else _mounted(status.st_dev)
    if place:
        raise FormError(f"it leads into {place}: {NONE}")
    # A device may act on being opened, so that it is looked at before.
    _regular(status)
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        _regular(os.fstat(handle))
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def content(path: Path, most: Optional[int] = None, *, text: bool = False) -> bytes:
    """Return a regular file's bytes, of at most `most`; with `text` nothing of what is no text.

    Raises OSError, FormError.
    """
    with opened(path) as stream:
        if most is not None and os.fstat(stream.fileno()).st_size > most:
            raise FormError(f"larger than {most} bytes")
        head = stream.read(HEAD_BYTES)
        if text and b"\0" in head and plain_text(head) is None:
            return b""
        return head + stream.read()


def within(folder: Path, name: str) -> bytes:
    """Return a file of a project that another one names. Raises FormError."""
    path = folder / name
    if folder.resolve() not in path.resolve().parents:
        raise FormError(f"{name} lies outside the project")
    try:
        return content(path)
    except OSError as error:
        raise FormError(f"{name}, which it names: {why(error)}") from error


def _regular(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise FormError("it is no regular file")


def _below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(f"{folder}/")


def _mounted(device: int) -> str:
    """Return the kernel's folder that a file system is, wherever else it is mounted."""
    return _devices().get(device, "")


@functools.lru_cache(maxsize=1)
def _devices() -> dict[int, str]:
    mounted = (place for place in KERNELS[:2] if os.path.ismount(place))
    return {Path(place).stat().st_dev: place for place in mounted}
