"""Changed files: their differences, and writing all of them or none."""

from __future__ import annotations

import contextlib
import difflib
import errno
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mediapipe_jetson import exit_codes

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class MigrateError(RuntimeError):
    """The folder can't be migrated."""

    exit_code = exit_codes.BAD_INPUT


@dataclass(frozen=True)
class Change:
    """A file's old and new bytes."""

    path: Path
    name: str
    before: bytes
    after: bytes
    encoding: str

    def diff(self) -> str:
        """Return a unified diff."""
        old, new = (
            content.decode(self.encoding).splitlines(keepends=True)
            for content in (self.before, self.after)
        )
        lines = difflib.unified_diff(old, new, f"a/{self.name}", f"b/{self.name}")
        marked = (
            line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"
            for line in lines
        )
        return "".join(marked)


class WriteError(MigrateError):
    """A file can't be written; all files are as they were."""

    def __init__(self, name: str, error: OSError, code: int) -> None:
        full = error.errno in FULL
        super().__init__(f"{name} can't be written: {_reason(error)}; no file was changed")
        self.exit_code = exit_codes.DISK_FULL if full else code


def write(changes: list[Change]) -> None:
    """Write all files or none, each whole.

    New files are prepared beside the old ones, with the old ones' owner and mode, once all are
    known to be writable; then they are renamed. Where that fails, those already renamed are put
    back, which needs no room: their old content was prepared as well.

    Raises WriteError, and MigrateError for a file that has changed meanwhile.
    """
    for change in changes:
        _check(change)
    with contextlib.ExitStack() as left:
        parts = [
            (change, _prepared(change, change.after, left), _prepared(change, change.before, left))
            for change in changes
        ]
        done: list[tuple[Change, Path]] = []
        try:
            for change, new, old in parts:
                _check(change)
                done.append((change, old))
                _replace(change, new)
        except BaseException:
            for change, old in done:
                # The last one may be what could not be renamed: it is as it was then.
                with contextlib.suppress(OSError):
                    old.replace(change.path)
            raise


def _check(change: Change) -> None:
    """Raise WriteError for a file that can't be written, MigrateError for one that has changed."""
    try:
        with change.path.open("r+b") as stream:
            content = stream.read()
        mode = change.path.stat().st_mode
    except OSError as error:
        raise WriteError(change.name, error, exit_codes.BAD_INPUT) from error
    if not mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH):
        # Root may write it all the same; its owner does not want it.
        protected = PermissionError(errno.EACCES, "it is read-only")
        raise WriteError(change.name, protected, exit_codes.BAD_INPUT)
    if content != change.before:
        raise MigrateError(f"{change.name} has changed meanwhile; run it again")


def _replace(change: Change, new: Path) -> None:
    try:
        new.replace(change.path)
    except OSError as error:
        raise WriteError(change.name, error, exit_codes.FAILED) from error


def _prepared(change: Change, content: bytes, left: contextlib.ExitStack) -> Path:
    """Write content beside a file. What is left of it in the end is removed."""
    try:
        number, name = tempfile.mkstemp(prefix=".migrate-", dir=change.path.parent)
        part = Path(name)
        left.callback(part.unlink, missing_ok=True)
        with os.fdopen(number, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        status = change.path.stat()
        with contextlib.suppress(PermissionError):
            os.chown(part, status.st_uid, status.st_gid)
        part.chmod(stat.S_IMODE(status.st_mode))
    except OSError as error:
        raise WriteError(change.name, error, exit_codes.BAD_INPUT) from error
    return part


def _reason(error: OSError) -> str:
    """Return why, in plain words."""
    if error.errno in FULL:
        return "no space is left on its disk"
    if error.errno == errno.EROFS:
        return "its disk is mounted read-only"
    if error.errno == errno.EPERM:
        return "it or its folder is protected against changes (lsattr shows it)"
    return (error.strerror or "no reason is given").lower()
