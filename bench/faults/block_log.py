"""The writes that a drive was sent, in their order, and the drive as it was after any part of that.

The file is of QEMU's blklogwrites, in the format of Linux's dm-log-writes: a header in the first
sector, then an entry in a sector of its own for each request, followed by its data, if any
(Documentation/admin-guide/device-mapper/log-writes.rst; drivers/md/dm-log-writes.c).
"""

from __future__ import annotations

import os
import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from jetson_kit.core.errors import IntegrityError

MAGIC, VERSION = 0x6A736677736872, 1
# magic, version, entries, bytes of a sector
HEADER = struct.Struct("<QQQI")
# first sector, sectors, flags, bytes of data that are no sectors (a mark's)
ENTRY = struct.Struct("<QQQQ")
FLUSH, FUA, DISCARD, MARK = 1, 2, 4, 8
CHUNK = 1 << 20
# A drive writes a sector whole or not at all.
SECTOR = 512


@dataclass(frozen=True)
class Entry:
    """A request to the drive."""

    start: int
    """First byte on the drive."""
    size: int
    """Bytes; 0 for a flush alone."""
    flags: int
    place: int
    """First byte of its data in the log."""

    @property
    def flushes(self) -> bool:
        """Tell whether all that came before it is on the drive for good once it is answered."""
        return bool(self.flags & FLUSH)

    @property
    def durable(self) -> bool:
        """Tell whether it is itself on the drive for good once it is answered."""
        return bool(self.flags & FUA)


def count(path: Path) -> int:
    """Return how many entries there are by now; the log may still grow."""
    return _header(path)[0]


def _header(path: Path) -> tuple[int, int]:
    with path.open("rb") as stream:
        raw = stream.read(HEADER.size)
    if len(raw) < HEADER.size:
        raise IntegrityError(f"{path} is no log of writes: it is too short")
    magic, version, entries, sector = HEADER.unpack(raw)
    if (magic, version) != (MAGIC, VERSION) or sector < SECTOR or sector & (sector - 1):
        raise IntegrityError(f"{path} is no log of writes that is known")
    return entries, sector


def read(path: Path) -> tuple[Entry, ...]:
    """Return all entries in their order. Raises IntegrityError for what is no whole log."""
    entries, sector = _header(path)
    size = path.stat().st_size
    result = []
    place = sector
    with path.open("rb") as stream:
        for number in range(entries):
            stream.seek(place)
            raw = stream.read(ENTRY.size)
            if len(raw) < ENTRY.size:
                raise IntegrityError(f"{path} ends before its entry {number}")
            first, sectors, flags, more = ENTRY.unpack(raw)
            place += sector
            result.append(Entry(first * sector, sectors * sector, flags, place))
            if not flags & DISCARD:
                place += sectors * sector
            place += -(-more // sector) * sector
            if place > size:
                raise IntegrityError(f"{path} ends within its entry {number}")
    return tuple(result)


def last_flush(entries: Sequence[Entry], end: int) -> int:
    """Return the number of entries, of the first `end`, up to and with the last flush; else 0.

    What comes after it may be on the drive or not, in any order.
    """
    return next((at + 1 for at in range(end - 1, -1, -1) if entries[at].flushes), 0)


def apply(
    log: Path, entries: Iterable[Entry], target: Path, torn: Collection[Entry] = frozenset()
) -> None:
    """Write what the entries say to `target`, which is as long as the drive.

    Of those that are `torn` only the first half of their sectors arrives.
    """
    with log.open("rb") as source:
        out = os.open(target, os.O_WRONLY)
        try:
            for entry in entries:
                size = entry.size
                if entry in torn:
                    size = size // SECTOR // 2 * SECTOR
                _copy(source.fileno(), entry, out, size)
        finally:
            os.close(out)


def _copy(source: int, entry: Entry, out: int, size: int) -> None:
    done = 0
    while done < size:
        length = min(CHUNK, size - done)
        if entry.flags & DISCARD:
            raw = bytes(length)
        else:
            raw = os.pread(source, length, entry.place + done)
        done += os.pwrite(out, raw, entry.start + done)
