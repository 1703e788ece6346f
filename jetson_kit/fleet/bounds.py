"""The limits of the controller's own records: how many runs stay, and how long a log grows."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterable, Iterator
from pathlib import Path

from jetson_kit.errors import KitError
from jetson_kit.fleet import controller
from jetson_kit.fleet import journal as journals

MOST_RUNS = 200
"""Rollouts and rollbacks that stay; one that is open, or says last of a host, stays besides."""
MOST_PROVISIONS = 50
LOG_BYTES = 64 * 2**20
"""Of one log; with the one before it, twice as much."""
LOGS_BYTES = 2**30
"""Of all rollouts' logs together: the oldest go first, journals and results stay."""
OLDER = ".1"
LOGS = ("log", "ansible.jsonl")


class Log:
    """A log that is appended to; a full one makes place for a new one, and is kept as NAME.1."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._stream = path.open("a", encoding="utf-8", buffering=1)
        self._size = path.stat().st_size

    def write(self, text: str) -> None:
        """Append a text."""
        size = len(text.encode("utf-8", "replace"))
        if self._size and self._size + size > LOG_BYTES:
            self._stream.close()
            self._path.replace(self._path.with_name(self._path.name + OLDER))
            self._stream = self._path.open("a", encoding="utf-8", buffering=1)
            self._size = 0
        self._stream.write(text)
        self._size += size

    def close(self) -> None:
        """Close the file."""
        self._stream.close()


@contextlib.contextmanager
def log(path: Path) -> Iterator[Log]:
    """Open a log, and close it after."""
    made = Log(path)
    try:
        yield made
    finally:
        made.close()


def trim(folder: Path) -> None:
    """Remove the oldest of the records in a state folder; whoever calls holds the lock."""
    paths = sorted(controller.rollouts(folder).glob("*.jsonl"))
    spare = paths[:-MOST_RUNS]
    needed = _needed(paths) if spare else set()
    for path in spare:
        if path not in needed:
            shutil.rmtree(path.with_suffix(""), ignore_errors=True)
            path.unlink(missing_ok=True)
    for path in sorted((folder / "provision").glob("*.jsonl"))[:-MOST_PROVISIONS]:
        path.unlink(missing_ok=True)
        path.with_name(path.name + OLDER).unlink(missing_ok=True)
    _trim_logs(paths)


def _trim_logs(paths: Iterable[Path]) -> None:
    total = 0
    for path in sorted(paths, reverse=True):
        place = path.with_suffix("")
        for one in (place / f"{name}{older}" for name in LOGS for older in ("", OLDER)):
            total += one.stat().st_size if one.exists() else 0
            if total > LOGS_BYTES:
                one.unlink(missing_ok=True)


def _needed(paths: Iterable[Path]) -> set[Path]:
    """Return the journals that are open, or that say last of a host; a damaged one is neither."""
    found: dict[tuple[str, str], Path] = {}
    open_ = set()
    for path in paths:
        try:
            record = journals.read(path)
        except KitError:
            continue
        if not record.ended or record.open:
            open_.add(path)
        for host in record.hosts.values():
            if host.image_id:
                found[str(record.header["inventory"]), host.name] = path
    return {*found.values(), *open_}
