"""The archive of a build, as a release reads it: its blobs, each checked by its hash."""

from __future__ import annotations

import hashlib
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import zstandard

from jetson_kit.containers.oci import digest
from jetson_kit.core.errors import IntegrityError
from jetson_kit.core.files import CHUNK, check_regular, write_text
from jetson_kit.core.paths import cache_dir
from jetson_kit.core.reasons import why


def opened(archive: Path) -> tarfile.TarFile:
    """Open a build's archive. Raises IntegrityError, BadInputError for no regular file."""
    check_regular(archive, "move it away, and build it again: ./inv build")
    try:
        return tarfile.open(archive)
    except (OSError, tarfile.TarError) as error:
        raise IntegrityError(f"cannot read {archive}: {why(error)}", "build it again") from error


def member(tar: tarfile.TarFile, of: str) -> IO[bytes]:
    """Return a blob as a stream. Raises IntegrityError."""
    try:
        stream = tar.extractfile("blobs/sha256/" + of.partition(":")[2])
    except (KeyError, tarfile.TarError):
        stream = None
    if stream is None:
        raise _damaged(of, ": it is not there")
    return stream


def blob(tar: tarfile.TarFile, of: str) -> bytes:
    """Return a blob's bytes, checked. Raises IntegrityError."""
    raw = member(tar, of).read()
    if digest(raw) != of:
        raise _damaged(of)
    return raw


def unpacked(tar: tarfile.TarFile, of: str, diff_id: str) -> int:
    """Return how many bytes a layer has when unpacked; its hash is checked on the way.

    Raises IntegrityError.
    """
    known = cache_dir("unpacked") / of.partition(":")[2]
    if known.is_file() and (text := known.read_text(encoding="utf-8").split())[:1] == [diff_id]:
        packed, stream = hashlib.sha256(), member(tar, of)
        while block := stream.read(CHUNK):
            packed.update(block)
        if packed.hexdigest() != of.partition(":")[2]:
            raise _damaged(of)
        return int(text[1])
    result, size = hashlib.sha256(), 0
    try:
        for block in _blocks(member(tar, of)):
            result.update(block)
            size += len(block)
    except zstandard.ZstdError as error:
        raise _damaged(of, f": {error}") from error
    if result.hexdigest() != diff_id.partition(":")[2]:
        raise _damaged(of, f": it does not unpack to {diff_id}")
    write_text(known, f"{diff_id} {size}\n")
    return size


def _damaged(of: str, why: object = "") -> IntegrityError:
    return IntegrityError(f"{of} in the archive is damaged{why}", "build it again")


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    tool = zstandard.ZstdDecompressor(max_window_size=1 << 27)
    yield from tool.read_to_iter(stream, read_size=CHUNK, write_size=CHUNK)
