"""Folders that the container writes to stay below a limit: their oldest files go."""

import os
import stat
import sys
from pathlib import Path
from typing import Any, Dict, Iterator, List, Mapping, NamedTuple, Optional, Tuple

# As many names of files as a folder may have.
MOST_FILES = 20_000
BLOCK = 512


class File(NamedTuple):
    """A file below a folder: when it was changed, and the bytes that it takes."""

    changed: int
    size: int


def trim(limits: Mapping[str, int]) -> Dict[str, Any]:
    """Remove the oldest files of each folder that has more bytes than its limit.

    It is done by a child that has become the folder's owner: root removes nothing there.
    """
    failed = [folder for folder, limit in limits.items() if not _by_its_owner(folder, limit)]
    return {"changed": False, "failed": failed}


def _by_its_owner(folder: str, limit: int) -> bool:
    """Trim a folder; tell whether that went well. One that is not there needs nothing."""
    if not Path(folder).is_dir():
        return True
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1] == 0
    code = 1
    try:
        _become(Path(folder).stat())
        removed = _trim(folder, limit)
        if removed:
            sys.stderr.write(f"warning: {folder} had more than {limit} bytes; removed {removed}\n")
        code = 0
    except (OSError, RecursionError) as error:
        sys.stderr.write(f"warning: {folder} can't be kept small: {error}\n")
    finally:
        sys.stderr.flush()
        os._exit(code)


def _become(facts: os.stat_result) -> None:
    if os.geteuid() == 0 and facts.st_uid != 0:
        os.setgroups([])
        os.setgid(facts.st_gid)
        os.setuid(facts.st_uid)


def _trim(folder: str, limit: int) -> int:
    """Return how many files were removed; no link is followed, whatever changes meanwhile."""
    files: List[File] = sorted(File(facts.st_mtime_ns, facts.st_blocks * BLOCK)
                               for _folder, _name, facts in _files(folder))  # fmt: skip
    total, count, last = sum(file.size for file in files), len(files), None
    for item in files:
        if total <= limit and count <= MOST_FILES:
            break
        total, count, last = total - item.size, count - 1, item
    if last is None:
        return 0
    removed = 0
    refused: Optional[OSError] = None
    for handle, name, facts in _files(folder):
        if File(facts.st_mtime_ns, facts.st_blocks * BLOCK) <= last:
            try:
                os.unlink(name, dir_fd=handle)
                removed += 1
            except OSError as error:
                refused = error
    if refused is not None:
        raise refused
    return removed


def _files(folder: str) -> Iterator[Tuple[int, str, os.stat_result]]:
    """Yield the folder's handle, name and facts of all that is no folder."""
    for _folder, _folders, names, handle in os.fwalk(folder, follow_symlinks=False):
        for name in names:
            try:
                facts = os.stat(name, dir_fd=handle, follow_symlinks=False)
            except FileNotFoundError:
                continue
            if not stat.S_ISDIR(facts.st_mode):
                yield handle, name, facts
