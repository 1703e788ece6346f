"""Types of options for argparse: each returns a value or says why a word can't be one."""

from __future__ import annotations

import argparse
import os
import stat
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Optional

MEBIBYTE = 1 << 20
SECONDS_MOST = 1e9


def whole(least: int, most: int) -> Callable[[str], int]:
    """Return the type of whole numbers from `least` to `most`."""

    def read(word: str) -> int:
        digits = word.isascii() and word.isdecimal() and len(word) < 19
        if not digits or not least <= int(word) <= most:
            raise argparse.ArgumentTypeError(f"{word!r} is no number from {least} to {most}")
        return int(word)

    return read


def positive(word: str) -> float:
    """Read a number above 0."""
    try:
        number = float(word) if word.isascii() and "_" not in word else 0.0
    except ValueError:
        number = 0.0
    if not 0 < number < SECONDS_MOST:
        raise argparse.ArgumentTypeError(f"{word!r} is no number above 0")
    return number


def input_file(most: int) -> Callable[[str], Path]:
    """Return the type of regular files of at most `most` bytes that can be read."""

    def read(word: str) -> Path:
        path, status = Path(word), _status(word)
        if status is None or not stat.S_ISREG(status.st_mode):
            raise _no(word, "is not there" if status is None else "is no regular file")
        if not os.access(path, os.R_OK):
            raise _no(word, "can't be read: Permission denied")
        if status.st_size > most:
            raise _no(word, f"is larger than {most / MEBIBYTE:g} MiB")
        return path

    return read


def folder(word: str) -> Path:
    """Read the name of a folder that is there."""
    status = _status(word)
    if status is None or not stat.S_ISDIR(status.st_mode):
        raise _no(word, "is not there" if status is None else "is no folder")
    return Path(word)


def file_or_folder(word: str) -> Path:
    """Read the name of a regular file or of a folder that is there."""
    path = Path(word).expanduser() if word.startswith("~/") else Path(word)
    status = _status(str(path)) if word else None
    if status is None:
        raise _no(word, "is not there")
    if not stat.S_ISREG(status.st_mode) and not stat.S_ISDIR(status.st_mode):
        raise _no(word, "is neither a file nor a folder")
    return path


def output_file(word: str) -> Path:
    """Read the name of a file that can be written: in place of a regular one, or of none."""
    path, status = Path(word), _status(word)
    if status is not None and not stat.S_ISREG(status.st_mode):
        raise _no(word, "is a folder" if stat.S_ISDIR(status.st_mode) else "is no regular file")
    if not word or word.endswith("/") or not path.parent.is_dir():
        raise _no(word, "can't be written: its folder is not there")
    try:
        with tempfile.TemporaryFile(dir=str(path.parent)):
            pass
    except OSError as error:
        raise _no(word, f"can't be written: {error.strerror}") from error
    return path


def _status(word: str) -> Optional[os.stat_result]:
    try:
        return Path(word).stat()
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise _no(word, getattr(error, "strerror", None) or "is no path") from error


def _no(word: str, problem: str) -> argparse.ArgumentTypeError:
    return argparse.ArgumentTypeError(f"{word!r} {problem}")
