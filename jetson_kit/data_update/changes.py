"""What an update writes: all of it is made first, then put in place file by file.

A run that is killed while it puts files in place leaves the rest, with a list, in STAGE; the next
one finishes that before anything else.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path

from jetson_kit.core.files import disk_guard, locked, write_text
from jetson_kit.core.paths import ROOT

STAGE = ROOT / ".kit" / "data-update"
LIST = "files.json"


@dataclass(frozen=True)
class Step:
    """One version that is taken: `package` goes from `old` to `new` in `where`."""

    package: str
    old: str
    new: str
    where: str


@dataclass(frozen=True)
class Decision:
    """What a person must decide, and what to do once it is decided."""

    package: str
    what: str
    remedy: str


@dataclass
class Changes:
    """Files to write, in the order in which they get in place, and what to tell."""

    files: dict[Path, str] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    held: list[Decision] = field(default_factory=list)
    """Newer versions that a table or an .in file keeps out on purpose."""

    def write(self, path: Path, text: str) -> None:
        """Note a file; one that is so already is left alone."""
        self.files.pop(path, None)
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            self.files[path] = text

    def text(self, path: Path) -> str:
        """Return a file as it will be."""
        return self.files[path] if path in self.files else path.read_text(encoding="utf-8")

    def take(self, package: str, old: str, new: str, where: str) -> None:
        """Note a version that is taken."""
        self.steps.append(Step(package, old, new, where))

    def decide(self, package: str, what: str, remedy: str) -> None:
        """Note what a person must decide."""
        self.decisions.append(Decision(package, what, remedy))

    def hold(self, package: str, what: str, remedy: str) -> None:
        """Note a newer version that is kept out on purpose."""
        self.held.append(Decision(package, what, remedy))

    def commit(self, stage: Path = STAGE) -> None:
        """Write all files. Raises OSError, DiskFullError; then none of them was changed."""
        if not self.files:
            return
        with disk_guard(stage):
            shutil.rmtree(stage, ignore_errors=True)
            stage.mkdir(parents=True)
            names = {}
            for number, (path, text) in enumerate(self.files.items()):
                names[str(number)] = str(path.relative_to(ROOT))
                _write_synced(stage / str(number), text)
            write_text(stage / LIST, json.dumps(names))
        resume(stage)


def _write_synced(path: Path, text: str) -> None:
    with path.open("w", encoding="utf-8") as stream:
        stream.write(text)
        stream.flush()
        os.fsync(stream.fileno())


def unfinished(stage: Path = STAGE) -> tuple[str, ...]:
    """Return the files that a killed run has made and not yet put in place."""
    return tuple(name for _, name in _left(stage))


def resume(stage: Path = STAGE) -> tuple[str, ...]:
    """Put in place what is staged whole, and return its names; what is not whole is dropped."""
    done = []
    for staged, name in _left(stage):
        target = ROOT / name
        target.parent.mkdir(parents=True, exist_ok=True)
        staged.replace(target)
        done.append(name)
    shutil.rmtree(stage, ignore_errors=True)
    return tuple(done)


def _left(stage: Path) -> Iterator[tuple[Path, str]]:
    if not (stage / LIST).exists():
        return
    names = json.loads((stage / LIST).read_text(encoding="utf-8"))
    yield from ((stage / key, name) for key, name in names.items() if (stage / key).exists())


def one_at_a_time() -> AbstractContextManager[None]:
    """Return a context in which no other update of this tree runs."""
    STAGE.parent.mkdir(parents=True, exist_ok=True)
    return locked(STAGE.with_suffix(".lock"), lambda: print("another update runs; waiting for it"))
