"""Changed files: their differences, and writing all of them or none."""

from __future__ import annotations

import difflib
import os
import stat
import tempfile
from dataclasses import dataclass
from pathlib import Path

from mediapipe_jetson import exit_codes


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


def write(changes: list[Change]) -> None:
    """Write all files: each is prepared beside the old one, then they are renamed.

    Raises OSError, and MigrateError for a file that has changed meanwhile.
    """
    prepared: list[tuple[Path, Change]] = []
    try:
        for change in changes:
            prepared.append((_prepared(change), change))
        for _, change in prepared:
            if change.path.read_bytes() != change.before:
                raise MigrateError(f"{change.name} has changed meanwhile; run it again")
        while prepared:
            part, change = prepared[0]
            part.replace(change.path)
            prepared.pop(0)
    finally:
        for part, _ in prepared:
            part.unlink(missing_ok=True)


def _prepared(change: Change) -> Path:
    number, name = tempfile.mkstemp(prefix=".migrate-", dir=change.path.parent)
    part = Path(name)
    try:
        with os.fdopen(number, "wb") as stream:
            stream.write(change.after)
            stream.flush()
            os.fsync(stream.fileno())
        part.chmod(stat.S_IMODE(change.path.stat().st_mode))
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    return part
