"""Folders that the container writes to stay below a limit: their oldest files go."""

import os
import stat
import sys
from typing import Iterator, List, Mapping, NamedTuple, Tuple

# As many names of files as a folder may have.
MOST_FILES = 20_000
BLOCK = 512


class File(NamedTuple):
    """A file below a folder: when it was changed, and the bytes that it takes."""

    changed: int
    size: int


def trim(limits: Mapping[str, int]) -> None:
    """Remove the oldest files of each folder that has more bytes than its limit."""
    for folder, limit in limits.items():
        try:
            removed = _trim(folder, limit)
        except (OSError, RecursionError) as error:
            sys.stderr.write(f"warning: {folder} can't be kept small: {error}\n")
            continue
        if removed:
            sys.stderr.write(f"warning: {folder} had more than {limit} bytes; removed {removed}\n")


def _trim(folder: str, limit: int) -> int:
    """Return how many files were removed; no link is followed, whatever changes meanwhile."""
    files: List[File] = sorted(File(facts.st_mtime_ns, facts.st_blocks * BLOCK)
                               for _, _, facts in _files(folder))  # fmt: skip
    total, count, last = sum(one.size for one in files), len(files), None
    for one in files:
        if total <= limit and count <= MOST_FILES:
            break
        total, count, last = total - one.size, count - 1, one
    if last is None:
        return 0
    removed = 0
    for handle, name, facts in _files(folder):
        if File(facts.st_mtime_ns, facts.st_blocks * BLOCK) <= last:
            os.unlink(name, dir_fd=handle)
            removed += 1
    return removed


def _files(folder: str) -> Iterator[Tuple[int, str, os.stat_result]]:
    """Yield the folder's handle, name and facts of all that is no folder."""
    for _, _, names, handle in os.fwalk(folder, follow_symlinks=False):
        for name in names:
            try:
                facts = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISDIR(facts.st_mode):
                yield handle, name, facts
