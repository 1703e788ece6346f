"""What the scanner of the user's code hands over: one place and what to write there instead."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import PurePosixPath

from mediapipe_jetson.doctor.files import unreadable

UNREAD_MOST = 200
# Editors' settings: a container's image and how it is started, and nothing of programs.
EDITORS = ("devcontainer.json", ".devcontainer.json")


@dataclasses.dataclass(frozen=True, order=True)
class Finding:
    """One use of something old; `line` and `column` count from 1, `cell` too (0: no notebook)."""

    file: str
    cell: int
    line: int
    column: int
    what: str
    instead: str

    def place(self) -> str:
        """Return the place as editors take it."""
        cell = f" cell {self.cell}," if self.cell else ""
        return f"{self.file}:{cell and f'{cell} line '}{self.line}"

    def text(self) -> str:
        """Return what a person reads."""
        return f"{self.place()}: {self.what} -> {self.instead}"


@dataclasses.dataclass(frozen=True)
class Unread:
    """A file that could not be judged, and why, in one line."""

    file: str
    why: str
    settings: bool = False
    """Whether it can say what is installed or started, and nothing of what programs do."""

    @classmethod
    def of(cls, file: str, error: Exception, cell: int = 0) -> Unread:
        """Return what an error means for a file."""
        return cls(file, f"cell {cell}, {unreadable.why(error)}" if cell else unreadable.why(error))

    @property
    def says_nothing(self) -> bool:
        """Return whether it can hold nothing of what programs do."""
        return self.editors or self.settings

    @property
    def editors(self) -> bool:
        """Return whether only an editor's settings are not known."""
        return PurePosixPath(self.file).name in EDITORS


def lines_of(unread: Iterable[Unread]) -> list[str]:
    """Return what could not be read, as lines."""
    lines = [f"not read: {item.file} ({item.why})" for item in unread]
    more = len(lines) - UNREAD_MOST
    return [*lines[:UNREAD_MOST], f"and {more} more not read"] if more > 0 else lines
