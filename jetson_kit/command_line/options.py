"""Readers of options: each takes one word of the command line and returns a value, or refuses it.

`kit_task` (jetson_kit/tasks/edge.py) wants a reader for every option that has a value. A reader
raises RefusedError with what is wrong as the end of a sentence that begins with the word.
"""

from __future__ import annotations

import math
import os
import re
import stat
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Reader = Callable[[str], Any]
MEBIBYTE = 1 << 20
CORRECT = "correct the path"


class RefusedError(ValueError):
    """A word can't be this option's value: `problem` ends a sentence, `hint` is what to do."""

    def __init__(self, problem: str, hint: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.hint = hint


@dataclass(frozen=True)
class Integer:
    """A whole number in decimal digits, from `least` to `most`."""

    least: int
    most: int

    def __call__(self, word: str) -> int:
        """Return the number."""
        if re.fullmatch(r"[+-]?[0-9]{1,18}", word) and self.least <= int(word) <= self.most:
            return int(word)
        raise RefusedError(f"is no whole number from {self.least} to {self.most}")


@dataclass(frozen=True)
class Number:
    """A finite number from `least` to `most`."""

    least: float
    most: float

    def __call__(self, word: str) -> float:
        """Return the number."""
        try:
            value = float(word) if word.isascii() and "_" not in word else math.nan
        except ValueError:
            value = math.nan
        if self.least <= value <= self.most:
            return value
        raise RefusedError(f"is no number from {self.least:.10g} to {self.most:.10g}")


@dataclass(frozen=True)
class Text:
    """Printable text of at most `most` characters, of a `pattern` where one is given.

    `what` names what the pattern describes; `example` shows it.
    """

    most: int = 200
    pattern: str = ""
    what: str = "text"
    example: str = ""

    def __call__(self, word: str) -> str:
        """Return the word itself."""
        if not word.strip():
            raise RefusedError("is empty", "leave the option out, or give it a value")
        if len(word) > self.most:
            raise RefusedError(f"is longer than {self.most} characters")
        if not word.isprintable():
            raise RefusedError("has characters that can't be printed")
        if self.pattern and not re.fullmatch(self.pattern, word):
            raise RefusedError(
                f"is no {self.what}", f"write it like {self.example}" if self.example else ""
            )
        return word


class Choice:
    """One of a few words."""

    def __init__(self, *choices: str) -> None:
        self.words = choices

    def __call__(self, word: str) -> str:
        """Return the word itself."""
        if word in self.words:
            return word
        *first, last = self.words
        raise RefusedError(f"is not {' or '.join(filter(None, (', '.join(first), last)))}")


@dataclass(frozen=True)
class Commas:
    """Values separated by commas, at least one and at most `most`."""

    reader: Reader
    most: int = 1000

    def __call__(self, word: str) -> tuple[Any, ...]:
        """Return the values."""
        parts = [part.strip() for part in word.split(",") if part.strip()]
        if not parts:
            raise RefusedError("is empty", "leave the option out, or give it a value")
        if len(parts) > self.most:
            raise RefusedError(f"has more than {self.most} parts")
        return tuple(self.reader(part) for part in parts)


@dataclass(frozen=True)
class InputFile:
    """A regular file that can be read, of at most `most` bytes."""

    most: int = 16 * MEBIBYTE

    def __call__(self, word: str) -> Path:
        """Return its path."""
        path = _path(word)
        status = _status(path)
        if status is None:
            raise RefusedError("is not there", CORRECT)
        _readable_file(path, status, self.most)
        return path


@dataclass(frozen=True)
class Folder:
    """A folder that can be read."""

    def __call__(self, word: str) -> Path:
        """Return its path."""
        path = _path(word)
        status = _status(path)
        if status is None or not stat.S_ISDIR(status.st_mode):
            raise RefusedError("is no folder" if status else "is not there", CORRECT)
        _listable(path)
        return path


@dataclass(frozen=True)
class FileOrFolder:
    """A regular file of at most `most` bytes, or a folder."""

    most: int = 16 * MEBIBYTE

    def __call__(self, word: str) -> Path:
        """Return its path."""
        path = _path(word)
        status = _status(path)
        if status is None:
            raise RefusedError("is not there", CORRECT)
        if stat.S_ISDIR(status.st_mode):
            _listable(path)
        else:
            _readable_file(path, status, self.most)
        return path


@dataclass(frozen=True)
class OutputFile:
    """A file that can be written: in a folder that is there, in place of a regular file or none."""

    def __call__(self, word: str) -> Path:
        """Return its path."""
        if word == "-":
            raise RefusedError("is no file here", "leave the name out, or name a file")
        path = _path(word)
        status = _status(path)
        if status and stat.S_ISDIR(status.st_mode):
            raise RefusedError("is a folder", "name a file")
        if status and not stat.S_ISREG(status.st_mode):
            raise RefusedError("is no regular file", "name another")
        if word.endswith("/"):
            raise RefusedError("is the name of a folder", "name a file")
        _writable(path.parent)
        return path


@dataclass(frozen=True)
class OutputFolder:
    """A folder that can be written into, or made in one that is there."""

    def __call__(self, word: str) -> Path:
        """Return its path; nothing is made yet."""
        path = _path(word)
        status = _status(path)
        if status and not stat.S_ISDIR(status.st_mode):
            raise RefusedError("is no folder", "name another")
        _writable(path if status else path.absolute().parent)
        return path


def _path(word: str) -> Path:
    if not word.strip():
        raise RefusedError("is empty", "leave the option out, or name a path")
    return Path(word)


def _status(path: Path) -> os.stat_result | None:
    """Return what a path leads to, None where there is nothing."""
    try:
        return path.stat()
    except FileNotFoundError:
        if path.is_symlink():
            raise RefusedError("is a link to nothing") from None
        return None
    except OSError as error:
        raise RefusedError(f"can't be looked at: {error.strerror}") from error


def _readable_file(path: Path, status: os.stat_result, most: int) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise RefusedError("is no regular file", "name another")
    if not os.access(path, os.R_OK):
        raise RefusedError("can't be read: Permission denied")
    if status.st_size > most:
        raise RefusedError(f"is larger than {most / MEBIBYTE:g} MiB")


def _listable(path: Path) -> None:
    if not os.access(path, os.R_OK | os.X_OK):
        raise RefusedError("can't be read: Permission denied")


def _writable(folder: Path) -> None:
    """Refuse a folder in which no file can be made, by trying; nothing is left of it."""
    if not folder.is_dir():
        raise RefusedError("can't be written: its folder is not there", "make that folder first")
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        # A file system that is made of the kernel's own files says "not there".
        reason = "no file can be made there" if isinstance(error, FileNotFoundError) else ""
        raise RefusedError(f"can't be written: {reason or error.strerror}") from error
