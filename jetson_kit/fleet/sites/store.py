"""What a site takes in pieces: each file by its sha256, from where the last piece ended."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError, IntegrityError
from jetson_kit.core.files import disk_guard, sha256_file, sweep

PART = ".part"
LARGEST = 64 << 30


def name(sha256: str) -> str:
    """Return the name of a file, which is its hash. Raises BadInputError."""
    if len(sha256) != 64 or set(sha256) - set("0123456789abcdef"):
        raise BadInputError(f"{sha256[:80]!r} is no sha256", "write 64 hex digits")
    return sha256


def held(folder: Path, sha256: str, size: int | None = None) -> int:
    """Return how many bytes of a file are here; `size` is that of the whole, where it is known.

    A kill or a power cut may have left all bytes, or as many others, that no piece will follow.
    """
    part, whole = folder / (name(sha256) + PART), folder / sha256
    if whole.is_file():
        return whole.stat().st_size
    have = part.stat().st_size if part.is_file() else 0
    if size is None or have < size or not part.is_file():
        return have
    if sha256_file(part) == sha256:
        part.replace(whole)
        return have
    part.unlink()
    return 0


def add_all(folder: Path, rows: Sequence[Mapping[str, Any]], payload: bytes) -> dict[str, int]:
    """Take pieces of files, one after the other in the payload; return what is here of each."""
    have = {}
    for row in rows:
        piece, payload = payload[: row["bytes"]], payload[row["bytes"] :]
        sha256 = str(row["sha256"])
        have[sha256] = add(folder, sha256, row["size"], row["offset"], piece)
    return have


def add(folder: Path, sha256: str, size: int, offset: int, piece: bytes) -> int:
    """Take a piece; return how many bytes are here now.

    A piece that does not begin where the last one ended is not taken: the sender goes on from what
    is returned. Raises IntegrityError where the whole file has another hash (it is dropped),
    BadInputError for what can't be one, DiskFullError.
    """
    name(sha256)
    if not 0 <= size <= LARGEST:
        raise BadInputError(f"a file of {size} bytes is not taken", f"{LARGEST} are the most")
    part, whole = folder / (sha256 + PART), folder / sha256
    if whole.is_file():
        return size
    with disk_guard(folder):
        folder.mkdir(parents=True, exist_ok=True)
        sweep(folder, "*")
        have = part.stat().st_size if part.is_file() else 0
        if have > size:
            part.unlink()
            have = 0
        if offset != have or have + len(piece) > size:
            return have
        with part.open("ab") as out:
            try:
                out.write(piece)
                out.flush()
                os.fsync(out.fileno())
            except OSError:
                os.ftruncate(out.fileno(), have)
                raise
    have += len(piece)
    if have == size:
        if sha256_file(part) != sha256:
            part.unlink()
            raise IntegrityError(f"a file came damaged: it is not {sha256[:16]}", "send it again")
        part.replace(whole)
    return have


def drop(folder: Path, sha256: str) -> None:
    """Forget what is here of a file."""
    for path in (folder / name(sha256), folder / (sha256 + PART)):
        path.unlink(missing_ok=True)


def take(folder: Path, sha256: str, to: Path) -> bool:
    """Move a whole file to its place; return whether it was here."""
    whole = folder / sha256
    if not whole.is_file():
        return False
    with disk_guard(to.parent):
        to.parent.mkdir(parents=True, exist_ok=True)
        whole.replace(to)
    return True
