"""What a folder's migration begins with and comes to."""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from pathlib import Path

from mediapipe_jetson.migrate import leftover
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.writing import Change

MENTIONED = b"mediapipe"


@dataclass
class Outcome:
    """What came of a folder."""

    gpu: bool = False
    """Whether the new code asks for the GPU."""
    changes: list[Change] = field(default_factory=list)
    refused: list[Note] = field(default_factory=list)
    unread: list[Note] = field(default_factory=list)
    """Files that may have to do with MediaPipe, of which nothing old was seen: the reasons."""
    others: dict[str, bytes] = field(default_factory=dict)
    """Notebooks and their like, in which nothing old was seen."""
    differs: list[Note] = field(default_factory=list)
    models: dict[str, None] = field(default_factory=dict)


@dataclass(frozen=True)
class Program:
    """A file that could be read."""

    path: Path
    name: str
    content: bytes
    read: bytes
    """The same, with blanks where LibCST wants some."""
    text: str
    """Of what is read, as is the tree."""
    tree: ast.Module
    chosen: bool
    """Whether all its functions count, not only those that others call."""

    @property
    def odd(self) -> bool:
        """Return whether it has to be looked through, whatever was seen in it."""
        return self.chosen and MENTIONED in self.content and leftover.looks_old(self.tree)
