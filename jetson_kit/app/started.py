"""The file of an application that its command starts: scripts are run by what they name."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from jetson_kit.app import command_words
from jetson_kit.app.command_words import Started
from jetson_kit.app.settings import HOME, App
from jetson_kit.app.tree import Entry

# Linux reads no more of a file for its first line.
LINE = 256


def of(app: App, files: Mapping[str, Entry]) -> Started:
    """Return what the command starts; a script of the folder is run by what its first line names.

    `files` are those of the folder, by their names.
    """
    started = command_words.of(app.command)
    entry = files.get(name_of(started.word))
    if started.by or entry is None or "/" not in started.word:
        return started
    inner = command_words.of([*interpreter(entry), started.word])
    return inner if inner.word == started.word else started


def interpreter(entry: Entry) -> list[str]:
    """Return what a script's first line starts, with its argument; nothing of other files."""
    line = first_line(entry)
    return line[2:].strip().split(maxsplit=1) if line.startswith("#!") else []


def name_of(word: str) -> str:
    """Return the path, in the application's folder, of a file that a command names; "" outside."""
    path = posixpath.normpath(posixpath.join("/", HOME, word)) if word else ""
    return path[len(HOME) + 2 :] if path.startswith(f"/{HOME}/") else ""


def first_line(entry: Entry) -> str:
    """Return a file's first line as the kernel reads it; a carriage return stays."""
    with entry.source.open("rb") as stream:
        return stream.read(LINE).partition(b"\n")[0].decode(errors="replace")


def takes_carriage_return(line: str) -> bool:
    """Return whether a script's first line has env split its words, at any white space."""
    arguments = line.removeprefix("#!").split()
    return (
        len(arguments) > 1
        and posixpath.basename(arguments[0]) == "env"
        and command_words.is_split(arguments[1])
    )
