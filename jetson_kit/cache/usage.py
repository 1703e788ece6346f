"""Which entries the cache has, their sizes and last uses; removal of those not used for long."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import stat
import time
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import CACHE, cache_dir

DAY_S = 86400.0
LOCKS = "locks"
# Others may put it into any cache: https://bford.info/cachedir/
TAG = "CACHEDIR.TAG"


@dataclass(frozen=True)
class Kind:
    """A folder of the cache; kinds.toml says what its fields mean."""

    name: str
    again: Literal["made", "fetched"]
    holds: str
    depth: int = 2
    kept: bool = False


@dataclass(frozen=True)
class Entry:
    """What is removed as a whole; `size` is bytes on the disk, `used_at` seconds since 1970."""

    path: Path
    kind: Kind
    size: int
    used_at: float


@cache
def kinds() -> dict[str, Kind]:
    """Return the kinds of kinds.toml by name."""
    raw = tomllib.loads(Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8"))
    return {row["name"]: Kind(**row) for row in raw["kind"]}


def entries() -> tuple[Entry, ...]:
    """Return all entries of the cache. Raises BadInputError where its folder holds other things.

    An entry was used when a file of it was last read or written, as far as its file system notes
    reading (Linux notes it once a day; with `noatime` never).
    """
    home = cache_dir()
    foreign = sorted(item.name for item in home.iterdir() if item.name not in {*kinds(), TAG})
    if foreign:
        raise BadInputError(
            f"{home} holds more than the kit's cache: {', '.join(foreign[:3])}",
            f"move that elsewhere, or set {CACHE} to a folder of its own",
        )
    found = (
        entry
        for kind in kinds().values()
        if (home / kind.name).is_dir() and not (home / kind.name).is_symlink()
        for entry in _below(home / kind.name, kind, kind.depth - 1)
    )
    return tuple(found)


def _below(folder: Path, kind: Kind, depth: int) -> Iterator[Entry]:
    for item in sorted(folder.iterdir()):
        if depth > 1 and item.is_dir() and not item.is_symlink():
            yield from _below(item, kind, depth - 1)
        else:
            yield _entry(item, kind)


def _entry(path: Path, kind: Kind) -> Entry:
    counted: set[int] = set()
    size, used_at = 0, 0.0
    for file in (path, *_files(path)):
        with contextlib.suppress(FileNotFoundError):
            facts = file.lstat()
            # Reading a folder's names, as is done here, is no use of it.
            read = 0.0 if stat.S_ISDIR(facts.st_mode) else facts.st_atime
            used_at = max(used_at, facts.st_mtime, read)
            if facts.st_ino not in counted:
                counted.add(facts.st_ino)
                size += facts.st_blocks * 512
    return Entry(path, kind, size, used_at)


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        return
    for folder, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(folder, name)


def unused(found: Sequence[Entry], days: float, keep: Collection[str] = ()) -> tuple[Entry, ...]:
    """Return what was not used for `days`, but for kinds that are kept or named in `keep`."""
    latest = time.time() - days * DAY_S
    return tuple(
        entry
        for entry in found
        if entry.used_at <= latest and not entry.kind.kept and entry.kind.name not in keep
    )


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Hold every lock of the cache, so that no command works on it now.

    Raises BadInputError where one does.
    """
    with contextlib.ExitStack() as held:
        for lock in sorted(cache_dir(LOCKS).glob("*.lock")):
            stream = held.enter_context(lock.open("a"))
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BadInputError(
                    f"another command uses the cache ({lock.stem})",
                    "run it again when that has ended",
                ) from error
        yield


def remove(entry: Entry) -> None:
    """Remove an entry, a folder by renaming it first: it is whole, or it is not there."""
    if entry.path.is_symlink() or not entry.path.is_dir():
        entry.path.unlink(missing_ok=True)
        return
    aside = cache_dir("tmp") / f"pruned-{os.getpid()}-{entry.path.name}"
    with contextlib.suppress(FileNotFoundError):
        entry.path.replace(aside)
        shutil.rmtree(aside)
