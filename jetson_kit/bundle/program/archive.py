"""The bundle's files: its list of contents, and the stream that its parts hold."""

from __future__ import annotations

import hashlib
import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from jetson_kit.bundle.program.errors import BundleError, DamagedError

SCHEMA = "mediapipe-jetson-kit/bundle/1"
MANIFEST = "manifest.json"
CHUNK = 1 << 20


@dataclass(frozen=True)
class Blob:
    """A file's contents: `sha256`, `size` unpacked, `offset` and `packed` size in the stream."""

    sha256: str
    size: int
    packing: str
    offset: int
    packed: int


BASE = "base"


class Group:
    """Files that come together: their contents, and the parts that hold these."""

    def __init__(self, row: dict[str, Any]) -> None:
        self.parts: list[dict[str, Any]] = row["parts"]
        self.blobs = [Blob(*blob) for blob in row["blobs"]]
        self._common: list[Any] = row["common"]
        self._pythons: dict[str, list[Any]] = row["pythons"]

    def rows(self, python: str) -> list[tuple[str, Blob, bool]]:
        """Return path, contents and executable bit of each file that a Python needs."""
        every = [*self._common, *self._pythons[python]] if python in self._pythons else []
        return [(path, self.blobs[number], executable) for path, number, executable in every]


class Archive:
    """A bundle, by the file that Python runs. Raises DamagedError where it is damaged."""

    def __init__(self, pyz: Path) -> None:
        self.pyz = pyz
        try:
            with zipfile.ZipFile(pyz) as archive:
                self.manifest: dict[str, Any] = json.loads(archive.read(MANIFEST))
        except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise DamagedError(
                f"{pyz} is damaged: {getattr(error, 'strerror', None) or error}; copy it again"
            ) from error
        if self.manifest.get("schema") != SCHEMA:
            raise DamagedError(f"{pyz} is not of the schema {SCHEMA}; copy it again")
        self._groups = {name: Group(row) for name, row in self.manifest["groups"].items()}

    def groups(self, python: str) -> dict[str, Group]:
        """Return what is here for a Python: the base, and others of which any part is here."""
        return {
            name: group
            for name, group in self._groups.items()
            if name == BASE
            or (group.rows(python) and any(self._there(part["name"]) for part in group.parts))
        }

    def _there(self, name: str) -> bool:
        if self.pyz.with_name(name).is_file():
            return True
        with zipfile.ZipFile(self.pyz) as archive:
            return name in archive.namelist()

    def check_parts(self, group: Group) -> None:
        """Raise DamagedError unless every part is there whole; all bytes are read."""
        for row in group.parts:
            digest, size = hashlib.sha256(), 0
            with self._part(row["name"]) as stream:
                while block := stream.read(CHUNK):
                    digest.update(block)
                    size += len(block)
            if size != row["size"]:
                raise DamagedError(
                    f"{row['name']} has {size} bytes instead of {row['size']}: it was cut short "
                    "or is of another bundle; copy it again"
                )
            if digest.hexdigest() != row["sha256"]:
                raise DamagedError(f"{row['name']} is damaged: its sha256 differs; copy it again")

    @contextmanager
    def _part(self, name: str) -> Iterator[IO[bytes]]:
        beside = self.pyz.with_name(name)
        try:
            if beside.is_file():
                with beside.open("rb") as stream:
                    yield stream
                return
            with zipfile.ZipFile(self.pyz) as archive, archive.open(name) as stream:
                yield stream
        except KeyError as error:
            raise DamagedError(
                f"{name} is not beside {self.pyz.name}; copy every file of the bundle"
            ) from error
        except (OSError, zipfile.BadZipFile) as error:
            raise BundleError(
                f"{name} can't be read: {getattr(error, 'strerror', None) or error}"
            ) from error

    @contextmanager
    def stream(self, group: Group) -> Iterator[IO[bytes]]:
        """Give a group's parts as one stream, in order."""
        parts = [(row["name"], row["size"]) for row in group.parts]
        reader = Joined(self, parts)
        try:
            yield cast("IO[bytes]", io.BufferedReader(reader, CHUNK))
        finally:
            reader.close_part()


class Joined(io.RawIOBase):
    """Parts read one after another."""

    def __init__(self, archive: Archive, parts: list[tuple[str, int]]) -> None:
        self._archive = archive
        self._left = list(parts)
        self._context: Any = None
        self._stream: Any = None

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 # a writable buffer
        """Fill a buffer as far as the part that is open goes; 0 at the end of all."""
        while True:
            if self._stream is None:
                if not self._left:
                    return 0
                self._context = self._archive._part(self._left.pop(0)[0])
                self._stream = self._context.__enter__()
            data = self._stream.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self.close_part()

    def close_part(self) -> None:
        """Close the part that is open."""
        if self._context is not None:
            self._context.__exit__(None, None, None)
        self._context = self._stream = None
