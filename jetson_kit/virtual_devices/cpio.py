"""A writer of cpio archives in the "newc" form, which the kernel unpacks as its first root.

Source of the form: the kernel's Documentation/driver-api/early-userspace/buffer-format.rst.
"""

from __future__ import annotations

import stat
from types import TracebackType
from typing import BinaryIO, Self

from jetson_kit.containers.layers import EPOCH

MAGIC = "070701"
END = "TRAILER!!!"


class CpioWriter:
    """Root-owned entries at one fixed time, in the order in which the caller adds them."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._count = 0

    def __enter__(self) -> Self:
        """Return the open archive."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write the end mark; the stream stays open."""
        if kind is None:
            self._entry(END, 0, b"")

    def folder(self, name: str, mode: int = 0o755) -> None:
        """Add a folder; its parents must have been added before."""
        self._entry(name, stat.S_IFDIR | mode, b"")

    def data(self, name: str, content: bytes, mode: int = 0o644) -> None:
        """Add a file."""
        self._entry(name, stat.S_IFREG | mode, content)

    def link(self, name: str, to: str) -> None:
        """Add a symbolic link."""
        self._entry(name, stat.S_IFLNK | 0o777, to.encode())

    def device(self, name: str, major: int, minor: int, mode: int = 0o600) -> None:
        """Add a character device."""
        self._entry(name, stat.S_IFCHR | mode, b"", major, minor)

    def _entry(self, name: str, mode: int, body: bytes, major: int = 0, minor: int = 0) -> None:
        self._count += 1
        links = 2 if stat.S_ISDIR(mode) else 1
        path = name.encode() + b"\0"
        # inode, mode, owner, group, links, time, size, device (2), its own number (2), name, sum
        numbers = (
            *(self._count, mode, 0, 0, links, EPOCH, len(body)),
            *(0, 0, major, minor, len(path), 0),
        )
        head = (MAGIC + "".join(f"{number:08x}" for number in numbers)).encode()
        self._out.write(_padded(head + path) + _padded(body))


def _padded(raw: bytes) -> bytes:
    """Fill up to a multiple of four bytes."""
    return raw + bytes(-len(raw) % 4)
