"""Whether a command runs a program of the project, or installs what Python imports."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from mediapipe_jetson.doctor.files import (
    dockerfiles,
    documents,
    installers,
    invocation,
    standard,
)

# What takes package.module:name, as uvicorn and gunicorn do.
MODULE = re.compile(r"[A-Za-z_][\w.]*")
PYTHON = re.compile(r"(python|pypy)[\d.]*$")
IMPORT = re.compile(r"\b(?:from|import)\s+([\w.]+)")


def scripts(files: Iterable[tuple[str, str, bytes]]) -> frozenset[str]:
    """Return the file names of scripts that install packages; files are kind, name and content."""
    return frozenset(
        PurePosixPath(name).name
        for kind, name, content in files
        if kind == "shell" and dockerfiles.PACKAGES.search(documents.decoded(content))
    )


def programs(files: Iterable[tuple[str, str, bytes]]) -> frozenset[str]:
    """Return the paths of Python's programs, with the scripts that install packages."""
    every = list(files)
    own = {name for kind, name, _ in every if kind in ("python", "notebook")}
    return scripts(every) | own


def is_own(lines: Iterable[str], own: frozenset[str], *, there: bool = False) -> bool:
    """Return whether one of these lines does; `own` are the paths of the project's programs.

    `there`: a program is counted only if the project has it.
    """
    files, modules = _names(own)
    return any(
        _is_own(tokens, files, modules, there)
        for line in lines
        for _, tokens, _ in dockerfiles.commands(line)
    )


@functools.lru_cache(maxsize=4)
def _names(own: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """Return the names of files, and those that they may be imported by."""
    files = frozenset(PurePosixPath(path).name for path in own)
    return files, frozenset(name for path in own for name in _modules(path))


def starts_file(lines: Iterable[str]) -> bool:
    """Return whether one of these lines starts a program by its relative path."""
    every = (tokens for line in lines for _, tokens, _ in dockerfiles.commands(line))
    return any(
        tokens[0].startswith((".", "/app/")) and "/" in tokens[0] for tokens in every if tokens
    )


def _is_own(tokens: list[str], files: frozenset[str], modules: frozenset[str], there: bool) -> bool:
    """Return whether a command does."""
    command = invocation.started(tokens)
    if not command or invocation.only_says(tokens):
        return False
    if installers.installs(tokens) or any(
        word.rsplit("/", 1)[-1] in files for word in command if " " not in word
    ):
        return True
    at = next((n for n, word in enumerate(command) if PYTHON.match(word)), None)
    if at is not None and _python(command[at + 1 :], modules, there):
        return True
    applications = [word.partition(":")[0] for word in command[1:] if ":" in word]
    return any(MODULE.fullmatch(name) and name in modules for name in applications)


def _python(arguments: list[str], modules: frozenset[str], there: bool) -> bool:
    """Return whether Python is given a file, or a module that is not its own.

    With `there`, only a module of the project is accepted.
    """
    for at, word in enumerate(arguments):
        following = arguments[at + 1] if at + 1 < len(arguments) else ""
        if word == "-c":
            return not modules.isdisjoint(IMPORT.findall(following))
        if word == "-m":
            if there:
                return following in modules
            return bool(following) and following.partition(".")[0] not in standard.names()
        if not word.startswith("-"):
            return not there
    return False


def _modules(path: str) -> list[str]:
    """Return the names that a program may be imported by, from each folder above it."""
    parts = list(PurePosixPath(path).with_suffix("").parts)
    if parts[-1] in ("__init__", "__main__"):
        parts.pop()
    return [".".join(parts[at:]) for at in range(len(parts))]
