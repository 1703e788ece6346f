"""Debian packages as files, deb(5): an ar archive of .tar.xz, .zst, .gz or plain members."""

from __future__ import annotations

import gzip
import lzma
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import zstandard

from jetson_kit.core.errors import StepFailedError
from jetson_kit.core.files import sha256_file

AR_MAGIC = b"!<arch>\n"
AR_HEAD = 60
UNPACKERS: Mapping[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.decompress,
    ".xz": lzma.decompress,
    ".zst": lambda body: zstandard.ZstdDecompressor().decompressobj().decompress(body),
}
DAMAGE = (ValueError, KeyError, EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError)


@dataclass(frozen=True)
class Deb:
    """One downloaded package."""

    name: str
    version: str
    architecture: str
    path: Path
    sha256: str


def intact(deb: Deb) -> bool:
    """Tell whether a package is there, with the hash that the index or a lock has of it."""
    return deb.path.is_file() and sha256_file(deb.path) == deb.sha256


def control_tar(deb: Deb) -> bytes:
    """Return the package's control tar (control, md5sums, conffiles, scripts)."""
    return _member(deb, "control.tar")


def files_tar(deb: Deb) -> bytes:
    """Return the package's files as a tar."""
    return _member(deb, "data.tar")


def _member(deb: Deb, stem: str) -> bytes:
    """Return a member, decompressed.

    Here, as two processes for each package would take longer than the work itself.
    """
    try:
        raw = deb.path.read_bytes()
        place = raw.index(AR_MAGIC) + len(AR_MAGIC)
        while place < len(raw):
            head = raw[place : place + AR_HEAD]
            name, size = head[:16].decode().strip().rstrip("/"), int(head[48:58])
            body = raw[place + AR_HEAD : place + AR_HEAD + size]
            if name.startswith(stem) and len(body) == size:
                return UNPACKERS[name.removeprefix(stem)](body)
            place += AR_HEAD + size + size % 2
        raise ValueError(f"it has no whole {stem}")
    except DAMAGE as error:
        why = error
    deb.path.unlink(missing_ok=True)
    raise StepFailedError(
        f"{deb.path.name} is damaged: {why}", "it was removed from the cache; run it again"
    )
