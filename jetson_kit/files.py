"""Files that are whole or absent: hashing, atomic writes, checked downloads."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import shutil
import tempfile
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.errors import DiskFullError, IntegrityError, NetworkError

CHUNK = 1 << 20


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


@contextlib.contextmanager
def disk_guard(what: Path) -> Iterator[None]:
    """Turn "no space left" into a DiskFullError error that names the place."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            free = shutil.disk_usage(what if what.exists() else what.parent).free // 2**20
            raise DiskFullError(
                f"no space left for {what} ({free} MiB free)",
                "free some space, or set KIT_CACHE to a larger disk, and run it again",
            ) from error
        raise


@contextlib.contextmanager
def written_aside(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` only if the block succeeds."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    os.close(handle)
    aside = Path(name)
    try:
        with disk_guard(path.parent):
            yield aside
            aside.chmod(0o644)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with written_aside(path) as aside:
        aside.write_text(text, encoding="utf-8")


def download(url: str, path: Path, sha256: str, timeout_s: float = 60.0) -> Path:
    """Fetch `url` to `path`, checked by hash before it gets its name.

    Raises NetworkError if it cannot be had, IntegrityError if the bytes are others.
    """
    digest = hashlib.sha256()
    with written_aside(path) as aside:
        try:
            with urllib.request.urlopen(url, timeout=timeout_s) as reply, aside.open("wb") as out:  # noqa: S310
                while block := reply.read(CHUNK):
                    digest.update(block)
                    out.write(block)
        except (urllib.error.URLError, TimeoutError, ConnectionError) as error:
            reason = getattr(error, "reason", error)
            raise NetworkError(f"cannot fetch {url}: {reason}", "check the network") from error
        if digest.hexdigest() != sha256:
            raise IntegrityError(
                f"{url} has sha256 {digest.hexdigest()}, expected {sha256}",
                "it was changed or damaged on the way; nothing of it was kept",
            )
    return path
