"""Unpacks a bundle where there is room, whole or not at all."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import shutil
import tempfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from jetson_kit.bundle.program.archive import CHUNK, Archive, Blob, Group
from jetson_kit.bundle.program.errors import BundleError, DamagedError, NoRoomError

# Beyond the files themselves: folders, and what the programs write while they run.
SPARE = 64 << 20
NAME = "mediapipe-jetson-verify"
DONE = "complete"
LOCK = "lock"


def places(named: str) -> list[Path]:
    """Return the folders in which it may be unpacked, the first that fits is taken."""
    if named:
        return [Path(named).absolute()]
    home = os.environ.get("HOME", "")
    cache = os.environ.get("XDG_CACHE_HOME") or (f"{home}/.cache" if home else "")
    paths = [Path(cache)] if cache.startswith("/") else []
    paths += [Path(tempfile.gettempdir()), Path("/var/tmp"), Path("/dev/shm")]  # noqa: S108
    return list(dict.fromkeys(paths))


def usable(folder: Path, needed: int) -> str:
    """Return "" if a folder can be written, can hold programs and has room, else why not."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
        state = os.statvfs(folder)
    except OSError as error:
        return (error.strerror or str(error)).lower()
    if state.f_flag & os.ST_NOEXEC:
        return "mounted without the right to run programs"
    free = state.f_bavail * state.f_frsize
    if free < needed:
        return f"{free >> 20} MiB free, {needed >> 20} are needed"
    return ""


def choose(named: str, needed: int) -> Path:
    """Return the first folder that can be used. Raises NoRoomError that says why none can."""
    reasons = []
    for folder in places(named):
        why = usable(folder, needed)
        if not why:
            return folder
        reasons.append(f"{folder}: {why}")
    raise NoRoomError(
        f"no place to unpack {needed >> 20} MiB ({'; '.join(reasons)}); name one by --unpack-to"
    )


@contextmanager
def unpacked(
    archive: Archive, python: str, named: str, keep: bool, more: int = 0
) -> Iterator[Path]:
    """Give the folder of a Python's unpacked files; it is removed at the end unless kept.

    `more` bytes are to have room there, too. A folder that was kept is used again if it is whole.
    Raises BundleError.
    """
    groups = archive.groups(python)
    rows = [row for group in groups.values() for row in group.rows(python)]
    key = hashlib.sha256(
        "\n".join(f"{path} {blob.sha256}" for path, blob, _ in rows).encode()
    ).hexdigest()[:16]
    for folder in places(named):
        cached = folder / f"{NAME}-{key}"
        if (
            (cached / DONE).is_file()
            and _whole(cached, rows)
            and cached.stat().st_uid == os.geteuid()
        ):
            with _held(cached):
                yield cached
            return
    needed = sum(blob.size for _, blob, _ in rows) + more + SPARE
    before = {folder for folder in places(named) if folder.exists()}
    try:
        folder = choose(named, needed)
        _sweep(folder)
        for group in groups.values():
            archive.check_parts(group)
        with _filled(archive, python, folder) as aside:
            yield _keep(aside, folder / f"{NAME}-{key}") if keep else aside
    finally:
        _remove_empty(place for place in places(named) if place not in before)


@contextmanager
def _filled(archive: Archive, python: str, folder: Path) -> Iterator[Path]:
    """Give a new folder with the files, which is removed at the end unless it was renamed."""
    aside = Path(tempfile.mkdtemp(dir=folder, prefix=f"{NAME}-part-"))
    try:
        with _held(aside):
            for group in archive.groups(python).values():
                _write(archive, group, group.rows(python), aside)
            yield aside
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def _remove_empty(folders: Iterable[Path]) -> None:
    for folder in folders:
        with suppress(OSError):
            folder.rmdir()


def _keep(aside: Path, target: Path) -> Path:
    (aside / DONE).touch()
    if target.exists():
        shutil.rmtree(target)
    return aside.rename(target)


@contextmanager
def _held(folder: Path) -> Iterator[None]:
    """Mark a folder as in use for as long as this process lives."""
    with (folder / LOCK).open("a") as stream:
        fcntl.flock(stream, fcntl.LOCK_SH)
        yield


def _sweep(folder: Path) -> None:
    """Remove what killed runs of this user left."""
    for left in folder.glob(f"{NAME}-part-*"):
        try:
            if left.is_symlink() or left.stat().st_uid != os.geteuid():
                continue
            with (left / LOCK).open("a") as stream:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            continue
        shutil.rmtree(left, ignore_errors=True)


def _whole(folder: Path, rows: Sequence[tuple[str, Blob, bool]]) -> bool:
    try:
        return all((folder / path).stat().st_size == blob.size for path, blob, _ in rows)
    except OSError:
        return False


def _write(
    archive: Archive, group: Group, rows: Sequence[tuple[str, Blob, bool]], folder: Path
) -> None:
    """Write a group's files in the stream's order; the second of the same contents is a copy."""
    first: dict[int, Path] = {}
    place = 0
    with archive.stream(group) as stream:
        for path, blob, executable in sorted(rows, key=lambda row: row[1].offset):
            target = folder / path
            if not target.resolve().is_relative_to(folder.resolve()):
                raise DamagedError(f"the bundle has a file outside of its folder: {path}")
            try:
                target.parent.mkdir(parents=True, exist_ok=True)
                if blob.packed and blob.offset in first:
                    shutil.copy2(first[blob.offset], target)
                    continue
                place = _skip(stream, place, blob.offset)
                _extract(stream, blob, target)
                place += blob.packed
                target.chmod(0o755 if executable else 0o644)
            except OSError as error:
                if error.errno in (errno.ENOSPC, errno.EDQUOT):
                    raise NoRoomError(f"no space is left for {target}") from error
                raise BundleError(f"{target} can't be written: {error.strerror}") from error
            first[blob.offset] = target


def _skip(stream: object, place: int, offset: int) -> int:
    """Read on to an offset; what lies between is of other Pythons."""
    while place < offset:
        data = stream.read(min(CHUNK, offset - place))  # type: ignore[attr-defined]
        if not data:
            raise DamagedError("the bundle ends too early; copy it again")
        place += len(data)
    return place


def _extract(stream: object, blob: Blob, target: Path) -> None:
    digest = hashlib.sha256()
    inflate = zlib.decompressobj(-15) if blob.packing == "deflated" else None
    left = blob.packed
    with target.open("wb") as out:
        while left:
            data = stream.read(min(CHUNK, left))  # type: ignore[attr-defined]
            if not data:
                raise DamagedError("the bundle ends too early; copy it again")
            left -= len(data)
            plain = inflate.decompress(data) if inflate else data
            digest.update(plain)
            out.write(plain)
        if inflate:
            plain = inflate.flush()
            digest.update(plain)
            out.write(plain)
    if digest.hexdigest() != blob.sha256:
        raise DamagedError(f"{target.name} is damaged in the bundle; copy it again")
