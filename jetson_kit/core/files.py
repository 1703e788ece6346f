"""Files that are whole or absent: hashing, atomic writes, checked downloads."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import http.client
import os
import resource
import shutil
import stat
import tarfile
import tempfile
import time
import urllib.request
import weakref
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO

from jetson_kit.core import stopping
from jetson_kit.core.errors import BadInputError, DiskFullError, IntegrityError, NetworkError
from jetson_kit.core.paths import FULL, cache_dir, full_place, room_hint

CHUNK = 1 << 20
# What a killed run leaves; younger ones may belong to a run that goes on.
STALE_S = 86400.0


def sha256_file(path: Path) -> str:
    """Return the sha256 of a file as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def open_regular(path: Path, cure: str) -> IO[bytes]:
    """Open a file to read it; opening a named pipe would wait for who writes into it.

    Raises BadInputError with this cure for what is no regular file, OSError.
    """
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise BadInputError(f"{path} is no regular file", cure)
    return os.fdopen(handle, "rb")


def check_regular(path: Path, cure: str) -> None:
    """Raise BadInputError with this cure for what is there and no regular file."""
    try:
        mode = path.stat().st_mode
    except OSError:
        return
    if not stat.S_ISREG(mode):
        raise BadInputError(f"{path} is no regular file", cure)


@contextlib.contextmanager
def disk_guard(what: Path | None = None, file: Path | None = None) -> Iterator[None]:
    """Turn "no space left" into a DiskFullError that names the place, where it is known.

    `what` is the folder, `file` what is written there.
    """
    try:
        yield
    except OSError as error:
        place = written_to(error)
        if error.errno in FULL:
            raise disk_full(what or place) from error
        if error.errno == errno.EFBIG:
            raise too_large(file or place) from error
        raise


def written_to(error: OSError) -> Path | None:
    """Return the file that an error is about: of a copy where it was to be, not where it is."""
    for name in (error.filename2, error.filename):
        if isinstance(name, str | bytes) and name:
            return Path(os.fsdecode(name))
    return None


def too_large(file: Path | None = None, doing: str = "") -> DiskFullError:
    """Return the error for a file that may not grow: a limit of this process, or of its disk."""
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
    name = f"{doing}: a file" if doing else file or "a file that this writes"
    if limit == resource.RLIM_INFINITY:
        return DiskFullError(f"{name} is larger than its disk takes", "write it to another one")
    return DiskFullError(
        f"{name} would be larger than the {limit} bytes that a file may have here",
        "raise that limit (ulimit -f), and run it again",
    )


def disk_full(place: Path | None = None, doing: str = "") -> DiskFullError:
    """Return the error for a full disk; where no place is known, the folder that looks full."""
    named = place or full_place()
    before = f"{doing}: " if doing else ""
    return DiskFullError(f"{before}no space left{_room(named)}", room_hint(named))


def free_bytes(place: Path) -> int:
    """Return what is free on the disk where a place is or will be."""
    there = next((path for path in (place, *place.parents) if path.exists()), Path("/"))
    return shutil.disk_usage(there).free


def _room(what: Path | None) -> str:
    if what is None:
        return " on a disk that this writes to"
    return f" for {what} ({free_bytes(what) >> 20} MiB free)"


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[None]:
    """Hold the lock file `path`; it is free again when its holder ends, however it ends.

    `waiting` is called once if another process holds it now.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            waiting()
            fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def lock_of(place: Path) -> Path:
    """Return the lock file, in the cache, of what several runs may write at once."""
    key = hashlib.sha256(os.fsencode(place.absolute())).hexdigest()[:16]
    return cache_dir("locks") / f"place-{key}.lock"


def sweep(folder: Path, pattern: str) -> None:
    """Remove what killed runs left in `folder`: whatever matches and is older than STALE_S."""
    for left in folder.glob(pattern):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime < STALE_S:
                continue
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()


def scratch(prefix: str) -> tempfile.TemporaryDirectory[str]:
    """Return a temporary folder of this process's; old ones whose process was killed go.

    A lock tells those that are in use: a rollout may wait for days.
    """
    for left in Path(tempfile.gettempdir()).glob(f"{prefix}*"):
        with contextlib.suppress(OSError):
            if time.time() - left.lstat().st_mtime >= STALE_S:
                handle = _locked_folder(left)
                shutil.rmtree(left, ignore_errors=True)
                os.close(handle)
    result = tempfile.TemporaryDirectory(prefix=prefix)
    with contextlib.suppress(OSError):
        weakref.finalize(result, os.close, _locked_folder(Path(result.name)))
    return result


def _locked_folder(folder: Path) -> int:
    """Return the handle of a folder that nobody else has locked. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(handle)
        raise
    return handle


@contextlib.contextmanager
@stopping.whole
def written_aside(path: Path, mode: int = 0o644) -> Iterator[Path]:
    """Yield a temporary path beside `path` that becomes `path` only if the block succeeds."""
    with disk_guard(path.parent):
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
    aside = Path(name)
    try:
        with disk_guard(path.parent, path):
            yield aside
            aside.chmod(mode)
            aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def write_text(path: Path, text: str, mode: int = 0o644) -> None:
    """Write a text file whole or not at all."""
    with written_aside(path, mode) as aside:
        aside.write_text(text, encoding="utf-8")


def download(url: str, path: Path, sha256: str, timeout_s: float = 60.0) -> Path:
    """Fetch `url` to `path`, checked by hash before it gets its name.

    Raises NetworkError if it cannot be downloaded, IntegrityError if the bytes are others.
    """
    with written_aside(path) as aside:
        try:
            value = _stream(url, aside, timeout_s)
        except (OSError, http.client.HTTPException) as error:
            if isinstance(error, OSError) and error.errno in FULL:
                raise
            reason = getattr(error, "reason", error)
            raise NetworkError(f"cannot fetch {url}: {reason}", "check the network") from error
        if value != sha256:
            raise IntegrityError(
                f"{url} has sha256 {value}, expected {sha256}",
                "it was changed or damaged on the way; nothing of it was kept",
            )
    return path


def _stream(url: str, path: Path, timeout_s: float) -> str:
    """Copy what `url` gives into a file; return its sha256."""
    digest = hashlib.sha256()
    with urllib.request.urlopen(url, timeout=timeout_s) as reply, path.open("wb") as out:  # noqa: S310
        size = 0
        while block := reply.read(CHUNK):
            stopping.check()
            size += len(block)
            digest.update(block)
            out.write(block)
        length = reply.headers.get("Content-Length")
    if length and size < int(length):
        raise ConnectionError(f"the connection ended after {size} of {length} bytes")
    return digest.hexdigest()


def extract_tar(
    archive: tarfile.TarFile, folder: Path, members: Sequence[tarfile.TarInfo] | None = None
) -> None:
    """Unpack a tar of our own making, links to absolute paths included, below `folder`.

    Of what has not been made by us, `members` are those that were looked at.
    """
    # Python 3.11.2, which Debian 12 has, knows neither the filters nor extractall's argument.
    archive.extraction_filter = getattr(tarfile, "tar_filter", None)
    archive.extractall(folder, members)  # noqa: S202


def roots(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """Return a member of an archive as root's, whoever's the file is here."""
    member.uid = member.gid = 0
    member.uname = member.gname = ""
    return member
