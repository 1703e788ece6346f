"""Files in the cache that are checked before they are used again: size always, hash where asked."""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path

from jetson_kit.core.files import sha256_file, write_text, written_aside

# Seconds: two weeks, longer than anything is left standing that was made from such a file.
UNUSED_S = 14 * 86400.0
# What this process made itself need not be read again: path to (size, time of change).
_own: dict[Path, tuple[int, int]] = {}


@contextlib.contextmanager
def create(path: Path) -> Iterator[Path]:
    """Yield a path aside that becomes `path`, with its size and hash recorded beside it."""
    with written_aside(path) as aside:
        yield aside
        facts = {"sha256": sha256_file(aside), "size": aside.stat().st_size}
        # First the record: one that does not fit its file means "make it again", never "use it".
        write_text(_record(path), json.dumps(facts))
    _own[path] = _state(path)


def intact(path: Path, *, thorough: bool = False) -> bool:
    """Tell whether a file is what was made; `thorough` reads all of it (about 1 s per GB)."""
    try:
        facts = json.loads(_record(path).read_text(encoding="utf-8"))
        if path.stat().st_size != facts["size"]:
            return False
        used(path)
        if not thorough or _own.get(path) == _state(path):
            return True
        return bool(sha256_file(path) == facts["sha256"])
    except (OSError, ValueError, KeyError, TypeError):
        return False


def made_now(path: Path) -> bool:
    """Tell whether this process made a file."""
    return path in _own


def sha256(path: Path) -> str:
    """Return the recorded sha256 of a file that is intact."""
    return str(json.loads(_record(path).read_text(encoding="utf-8"))["sha256"])


def sha256_now(path: Path) -> str:
    """Return the sha256 of a file as it is; what this process made is not read again."""
    return sha256(path) if path in _own and _own[path] == _state(path) else sha256_file(path)


def forget(path: Path) -> None:
    """Remove a file, its record, and its listing where it has one."""
    for each in (path, _record(path), path.with_suffix(".json")):
        each.unlink(missing_ok=True)


def used(path: Path) -> None:
    """Note that a file was used now, for forget_unused: as if it was read, not as if it changed."""
    with contextlib.suppress(OSError):
        os.utime(path, ns=(time.time_ns(), path.stat().st_mtime_ns))


def forget_unused(folder: Path, pattern: str) -> None:
    """Remove what matches and was neither made nor marked as used for UNUSED_S."""
    for path in folder.glob(pattern):
        with contextlib.suppress(OSError):
            facts = path.stat()
            if time.time() - max(facts.st_atime, facts.st_mtime) > UNUSED_S:
                forget(path)


def _state(path: Path) -> tuple[int, int]:
    facts = path.stat()
    return facts.st_size, facts.st_mtime_ns


def _record(path: Path) -> Path:
    return path.with_name(f"{path.name}.sum")
