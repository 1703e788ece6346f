"""What a command that installs is given by options: lists, constraints and other indexes."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from mediapipe_jetson.doctor.files import installers
from mediapipe_jetson.doctor.files.facts import Requirement

KINDS = {
    "lists": ("-r", "--requirement", "--requirements"),
    "limits": ("-c", "--constraint", "--constraints", "--override", "--overrides"),
    "indexes": (
        *("-i", "--index-url", "--extra-index-url", "--index", "--default-index"),
        *("-f", "--find-links"),
    ),
}
SHORT = {name: kind for kind, names in KINDS.items() for name in names if len(name) == 2}
LONG = {name: kind for kind, names in KINDS.items() for name in names if len(name) > 2}
# The project itself, or a folder of it, with extras or without.
FOLDER = re.compile(r"(\.{1,2}|\.{0,2}/[^\[]*(?<!\.whl))(\[[^\]]*\])?$")


@dataclasses.dataclass(frozen=True)
class Options:
    """One command's options: files and addresses, as they are written."""

    file: str
    cell: int
    line: int
    lists: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    indexes: tuple[str, ...] = ()
    folder: bool = False
    """Whether it installs a folder."""
    offline: bool = False
    """Whether it looks at no index."""

    @property
    def place(self) -> str:
        """Return the place as editors take it."""
        return f"{self.file}:{f'cell {self.cell}, line ' if self.cell else ''}{self.line}"


def read(words: list[str], file: str, line: int, cell: int = 0) -> list[Options]:
    """Return what a command of pip's or uv's is given, nothing for another."""
    given = installers.arguments(words)
    found: dict[str, list[str]] = {kind: [] for kind in KINDS}
    for at, word in enumerate(given, 1):
        following = given[at] if at < len(given) else ""
        name, equals, value = word.partition("=")
        if name in LONG:
            found[LONG[name]].append(value if equals else following)
        elif word[:2] in SHORT:
            found[SHORT[word[:2]]].append(word[2:].lstrip("=") or following)
    options = Options(
        file,
        cell,
        line,
        tuple(found["lists"]),
        tuple(found["limits"]),
        tuple(found["indexes"]),
        folder=any(map(FOLDER.match, given)),
        offline="--no-index" in given,
    )
    return [options] if any(found.values()) or options.offline else []


def without_index(items: list[Requirement], options: Iterable[Options]) -> list[Requirement]:
    """Return requirements, those with their source whose list is installed without PyPI alone."""
    ways: dict[str, list[Options]] = {}
    for item in options:
        for path in item.lists:
            ways.setdefault(_name(path), []).append(item)
    sources = {
        name: next((way.indexes[0] for way in found if way.indexes), "--no-index")
        for name, found in ways.items()
        if all(way.offline for way in found)
    }
    return [
        dataclasses.replace(item, source=item.source or sources.get(_name(item.file), ""))
        for item in items
    ]


def _name(path: str) -> str:
    return PurePosixPath(path).name
