"""A bundle's payload: one stream of files as their publishers compressed them, cut into parts.

Nothing is compressed here, so no compressor changes a byte; a file that several Pythons share is
there once.
"""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from jetson_kit.core import rawzip
from jetson_kit.core.errors import IntegrityError

DEFLATED = "deflated"
STORED = "stored"


@dataclass(frozen=True)
class Member:
    """One file: `data` is as it is packed; `sha256` and `size` (bytes) are of it unpacked."""

    path: str
    sha256: str
    size: int
    packing: str
    data: bytes
    executable: bool = False


def of_bytes(path: str, data: bytes, *, executable: bool = False) -> Member:
    """Return a file that is stored as it is."""
    return Member(path, hashlib.sha256(data).hexdigest(), len(data), STORED, data, executable)


def of_wheel(wheel: Path, prefix: str) -> Iterator[Member]:
    """Yield a wheel's files below `prefix`, compressed as they are in it.

    Raises IntegrityError for what is no wheel, or one whose files do not lie in site-packages.
    """
    with rawzip.opened(wheel) as archive:
        for info in sorted(archive.infolist(), key=lambda member: member.filename):
            if info.is_dir() or ".data/scripts/" in info.filename:
                continue
            if ".data/" in info.filename or info.filename.startswith(("/", "../")):
                raise IntegrityError(f"{wheel.name} puts {info.filename} elsewhere")
            yield _packed(archive, info, f"{prefix}{info.filename}")


def _packed(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str) -> Member:
    plain = archive.read(info)
    packing = {zipfile.ZIP_STORED: STORED, zipfile.ZIP_DEFLATED: DEFLATED}.get(info.compress_type)
    if packing is None:
        raise IntegrityError(f"{archive.filename}: {info.filename} is packed in an unknown way")
    raw = plain if packing == STORED else rawzip.raw(archive, info)
    digest = hashlib.sha256(plain).hexdigest()
    return Member(path, digest, len(plain), packing, raw, rawzip.executable(info, path))


@dataclass
class Parts:
    """Writes the stream into files of at most `limit` bytes, named `stem`-1.bin and so on."""

    folder: Path
    stem: str
    limit: int
    files: list[Path] = field(default_factory=list)
    _open: BinaryIO | None = None
    _room: int = 0

    def write(self, data: bytes) -> None:
        """Append to the stream."""
        view = memoryview(data)
        while view:
            if self._open is None or not self._room:
                self._open = self._next()
            taken = view[: self._room]
            self._open.write(taken)
            self._room -= len(taken)
            view = view[len(taken) :]

    def _next(self) -> BinaryIO:
        self.close()
        self.files.append(self.folder / f"{self.stem}-{len(self.files) + 1}.bin")
        self._room = self.limit
        return self.files[-1].open("wb")

    def close(self) -> None:
        """Close the last part."""
        if self._open is not None:
            self._open.close()


@dataclass
class Stream:
    """Files by their contents: each is in the stream once, whatever paths it has."""

    parts: Parts
    blobs: list[list[object]] = field(default_factory=list)
    """[sha256, size, packing, offset, packed size] of each, in the stream's order."""
    _known: dict[str, int] = field(default_factory=dict)
    _offset: int = 0

    def add(self, members: Iterable[Member]) -> list[list[object]]:
        """Add files; return [path, number of the blob, executable] of each."""
        rows: list[list[object]] = []
        for member in members:
            number = self._known.get(member.sha256)
            if number is None:
                number = self._known[member.sha256] = len(self.blobs)
                self.parts.write(member.data)
                packed = len(member.data)
                self.blobs.append(
                    [member.sha256, member.size, member.packing, self._offset, packed]
                )
                self._offset += packed
            rows.append([member.path, number, member.executable])
        return rows
