"""Which entries the cache has, their sizes and last uses; removal of those not used for long."""

from __future__ import annotations

import contextlib
import fnmatch
import os
import shutil
import stat
import time
import tomllib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

from jetson_kit.cache import open_files
from jetson_kit.core.errors import BadInputError
from jetson_kit.core.paths import CACHE, cache_dir

DAY_S = 86400.0


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
    beside: tuple[Path, ...] = ()
    """Its record and its listing, where it has them."""


@cache
def _table() -> dict[str, Any]:
    return tomllib.loads(Path(__file__).with_name("kinds.toml").read_text(encoding="utf-8"))


@cache
def kinds() -> dict[str, Kind]:
    """Return the kinds of kinds.toml by name."""
    return {row["name"]: Kind(**row) for row in _table()["kind"]}


def folder() -> Path:
    """Return the cache's folder, as processes name files there."""
    return cache_dir().resolve()


def entries() -> tuple[Entry, ...]:
    """Return all entries of the cache. Raises BadInputError where its folder holds other things.

    An entry was used when a file of it was last read or written, as far as its file system notes
    reading (Linux notes it once a day; with `noatime` never).
    """
    home = folder()
    passed = (*kinds(), *_table()["of_the_system"])
    foreign = sorted(
        item.name
        for item in home.iterdir()
        if not any(fnmatch.fnmatchcase(item.name, name) for name in passed)
    )
    if foreign:
        raise BadInputError(
            f"{home} holds more than the kit's cache: {', '.join(foreign[:3])}",
            f"move that elsewhere, or set {CACHE} to a folder of its own",
        )
    result = (
        entry
        for kind in kinds().values()
        if (home / kind.name).is_dir() and not (home / kind.name).is_symlink()
        for entry in _below(home / kind.name, kind, kind.depth - 1)
    )
    return tuple(result)


def _below(place: Path, kind: Kind, depth: int) -> Iterator[Entry]:
    together: dict[str, list[Path]] = {}
    for item in sorted(place.iterdir()):
        if item.is_symlink() or not item.is_dir():
            together.setdefault(_stem(item.name), []).append(item)
        elif depth > 1:
            yield from _below(item, kind, depth - 1)
        else:
            yield _entry((item,), kind)
    for files in together.values():
        yield _entry(files, kind)


def _stem(name: str) -> str:
    """Return the name that a file has in common with its record and its listing."""
    for suffix in _table()["beside"]:
        name = name.removesuffix(suffix)
    return name


def _entry(paths: Sequence[Path], kind: Kind) -> Entry:
    counted: set[int] = set()
    size, used_at = 0, 0.0
    for file in (file for path in paths for file in (path, *_files(path))):
        with contextlib.suppress(FileNotFoundError):
            facts = file.lstat()
            # Reading a folder's names, as is done here, is no use of it.
            read = 0.0 if stat.S_ISDIR(facts.st_mode) else facts.st_atime
            used_at = max(used_at, facts.st_mtime, read)
            if facts.st_ino not in counted:
                counted.add(facts.st_ino)
                size += facts.st_blocks * 512
    first, *beside = sorted(paths, key=lambda path: path.suffix in {".json", ".sum", ".sha256"})
    return Entry(first, kind, size, used_at, tuple(beside))


def _files(path: Path) -> Iterator[Path]:
    if path.is_symlink() or not path.is_dir():
        return
    for place, folders, files in os.walk(path):
        for name in (*folders, *files):
            yield Path(place, name)


def unused(
    candidates: Sequence[Entry], days: float, keep: Collection[str] = ()
) -> tuple[Entry, ...]:
    """Return what was not used for `days` and no process holds open.

    Kinds that are kept or named in `keep` are left out.
    """
    latest = time.time() - days * DAY_S
    held = open_files.below(folder())
    return tuple(
        entry
        for entry in candidates
        if entry.used_at <= latest
        and not entry.kind.kept
        and entry.kind.name not in keep
        and not any(file.is_relative_to(entry.path) for file in held)
    )


def remove(entry: Entry) -> None:
    """Remove an entry, a folder by renaming it first: it is whole, or it is not there.

    Raises OSError.
    """
    for path in (entry.path, *entry.beside):
        if path.is_symlink() or not path.is_dir():
            path.unlink(missing_ok=True)
            continue
        aside = cache_dir("tmp") / f"pruned-{os.getpid()}-{path.name}"
        with contextlib.suppress(FileNotFoundError):
            path.replace(aside)
            shutil.rmtree(aside)


def remove_all(chosen: Sequence[Entry]) -> dict[Entry, OSError]:
    """Remove entries; return those that could not be, each with the reason."""
    left = {}
    for entry in chosen:
        try:
            remove(entry)
        except OSError as error:
            left[entry] = error
    return left
