"""Logs of what runs on devices, each with a limit."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

LOG_BYTES = 64 * 2**20
"""Of one log; with the one before it, twice as much."""
OLDER = ".1"


class Log:
    """A log that is appended to; a full one makes place for a new one, and is kept as NAME.1."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._stream = path.open("a", encoding="utf-8", buffering=1)
        self._size = path.stat().st_size

    def write(self, text: str) -> None:
        """Append a text."""
        size = len(text.encode("utf-8", "replace"))
        if self._size and self._size + size > LOG_BYTES:
            self._stream.close()
            self._path.replace(self._path.with_name(self._path.name + OLDER))
            self._stream = self._path.open("a", encoding="utf-8", buffering=1)
            self._size = 0
        self._stream.write(text)
        self._size += size

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


@contextlib.contextmanager
def log(path: Path) -> Iterator[Log]:
    """Open a log, and close it after."""
    result = Log(path)
    try:
        yield result
    finally:
        result.close()
