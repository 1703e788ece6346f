"""Files of a test run: a scratch folder that containers read, what they leave, and the log."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from jetson_kit.core.files import disk_guard
from jetson_kit.core.paths import cache_dir

LARGEST = 64 << 20


def take(source: Path, target: Path) -> None:
    """Copy what the container left, if it is a regular file of a sensible size."""
    try:
        handle = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return
    with open(handle, "rb") as stream:  # noqa: PTH123 # of a descriptor
        if stat.S_ISREG(os.fstat(handle).st_mode):
            target.write_bytes(stream.read(LARGEST))


def open_to_all(folder: Path) -> None:
    """Let every user read a folder; a container's has no rights of ours."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that every user may enter; it is gone afterwards."""
    with tempfile.TemporaryDirectory(
        dir=cache_dir("tmp"), prefix="app-test-", ignore_cleanup_errors=True
    ) as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@contextlib.contextmanager
def renamed(stream: int, before: str, after: str) -> Iterator[int]:
    """Yield a descriptor whose lines go to `stream`, with one path in place of another."""
    reader, writer = os.pipe()

    def copy() -> None:
        with open(reader, "rb") as lines:  # noqa: PTH123 # of a descriptor
            for line in lines:
                os.write(stream, line.replace(before.encode(), after.encode()))

    thread = threading.Thread(target=copy, daemon=True)
    thread.start()
    try:
        yield writer
    finally:
        os.close(writer)
        thread.join(10)


class _Log:
    """A file that takes what comes; once it can't be written the rest is lost, and the fault kept.

    Who writes into the pipe before it must not wait, nor end, for that.
    """

    def __init__(self, path: Path) -> None:
        self.faults: list[OSError] = []
        self._stream: IO[bytes] | None = None
        try:
            self._stream = path.open("wb", buffering=0)
        except OSError as error:
            self.faults.append(error)

    def write(self, block: bytes) -> None:
        """Write all of it, or note why not."""
        while block and self._stream and not self.faults:
            try:
                block = block[self._stream.write(block) :]
            except OSError as error:
                self.faults.append(error)

    def close(self) -> None:
        """Close the file."""
        if self._stream:
            self._stream.close()


@contextlib.contextmanager
def logged(path: Path) -> Iterator[int]:
    """Yield a descriptor whose output is shown and written to a log.

    Raises DiskFullError and OSError at the end where the log could not be written whole.
    """
    reader, writer = os.pipe()
    faults: list[OSError] = []

    def copy() -> None:
        with open(reader, "rb", buffering=0) as stream, contextlib.closing(_Log(path)) as log:  # noqa: PTH123
            last = b""
            while block := stream.read(1 << 16):
                log.write(block)
                sys.stdout.buffer.write(block)
                sys.stdout.buffer.flush()
                last = block
            if last and not last.endswith(b"\n"):
                # What was ended in the midst of a line shall have none of ours behind it.
                sys.stdout.buffer.write(b"\n")
                sys.stdout.buffer.flush()
            faults.extend(log.faults)

    thread = threading.Thread(target=copy, daemon=True)
    sys.stdout.flush()
    thread.start()
    try:
        yield writer
    finally:
        os.close(writer)
        thread.join(10)
    if faults:
        with disk_guard(path.parent):
            raise faults[0]
