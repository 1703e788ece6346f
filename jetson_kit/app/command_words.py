"""What the words of a command start: a file, and whether Python or a shell runs it."""

from __future__ import annotations

import json
import posixpath
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

PYTHON = re.compile(r"python(?:\d(?:\.\d+)?)?")
SHELLS = frozenset({"sh", "dash", "bash", "ash", "ksh", "zsh"})
ASSIGNMENT = re.compile(r"\w+=")
SPLIT = re.compile(r"--split-string(?:=|$)|-[iv0]*S")
OWN_PATH = re.compile(r"(?:^|[\s'\"])PATH=|^(?:-i|-|--ignore-environment|--unset=PATH)$")
# What only a shell understands, in a text of several words.
OF_SHELL = re.compile(r"[&|;<>$`]|^\s*(?:(?:cd|exec|export|source|set|ulimit|\.)\s|\w+=)")
VALUED_BY_ENV = ("-u", "--unset", "-C", "--chdir")


@dataclass(frozen=True)
class Options:
    """The options of a program that runs files, by their letters."""

    valued: str
    """Those that have a word behind them."""
    long_valued: tuple[str, ...]
    without_file: str
    """Those with which it runs no file."""


OF_PYTHON = Options("WX", ("--check-hash-based-pycs",), "cm")
OF_SHELLS = Options("oO", ("--rcfile", "--init-file"), "cs")


@dataclass(frozen=True)
class Started:
    """What a command starts."""

    by: str = ""
    """"python", "shell", or "" for a program of its own."""
    word: str = ""
    """The file, as the command names it; "" where it runs a module or a line of text."""
    flags: frozenset[str] = frozenset()
    """The options of one letter that Python is given."""
    module: str = ""
    """What Python runs by -m."""
    program: str = ""
    """The program that is started itself, as the command names it: python3, /bin/sh, ./run."""


def of(command: Sequence[str]) -> Started:
    """Return what a command starts, by its words alone."""
    arguments = _without_env(list(command))
    if not arguments:
        return Started()
    folder, name = posixpath.split(arguments[0])
    if not folder or folder.startswith("/"):
        if PYTHON.fullmatch(name):
            word, flags = _file(arguments[1:], OF_PYTHON)
            module = "" if word else _module(arguments[1:])
            return Started("python", word, flags, module, arguments[0])
        if name in SHELLS:
            return Started("shell", _file(arguments[1:], OF_SHELLS)[0], program=arguments[0])
    return Started("", arguments[0], program=arguments[0])


def several(word: str, folder: Path) -> str:
    """Return what to write for a program that is several words in one; "" where it may be one.

    `folder` is the application's, whose files may have blanks in their names.
    """
    try:
        tokens = shlex.split(word)
    except ValueError:
        tokens = word.split()
    if len(tokens) < 2 or "\\" in word:
        return ""
    if OF_SHELL.search(word):
        return 'only a shell takes it for more than a name: write ["sh", "-c", "..."]'
    name = posixpath.basename(tokens[0])
    known = PYTHON.fullmatch(name) or name in SHELLS or name == "env"
    own = not tokens[0].startswith("/") and (folder / tokens[0]).is_file()
    if not (known or own or any(text.startswith("-") for text in tokens[1:])):
        return ""
    return f"write its words one by one: {json.dumps(tokens, ensure_ascii=False)[1:-1]}"


def is_split(word: str) -> bool:
    """Return whether it is the option by which env splits a text into words."""
    return SPLIT.match(word) is not None


def sets_path(command: Sequence[str]) -> bool:
    """Return whether env, before what a command starts, sets PATH or takes it away."""
    if not command or posixpath.basename(command[0]) != "env":
        return False
    before = ""
    for word in command[1:]:
        option = word.startswith("-") or before in VALUED_BY_ENV or is_split(before)
        if not option and not ASSIGNMENT.match(word):
            return False
        if OWN_PATH.search(word) or (word == "PATH" and before in ("-u", "--unset")):
            return True
        before = word
    return False


def changes_folder(command: Sequence[str]) -> bool:
    """Return whether env, before what a command starts, goes to another folder."""
    if not command or posixpath.basename(command[0]) != "env":
        return False
    return any(word.startswith(("-C", "--chdir")) for word in command[1:])


def _without_env(arguments: list[str]) -> list[str]:
    """Return a command without the env before it."""
    if not arguments or posixpath.basename(arguments[0]) != "env":
        return arguments
    arguments = arguments[1:]
    while arguments:
        word = arguments[0]
        if is_split(word):
            text = SPLIT.sub("", word, count=1)
            rest = arguments[1:] if text else arguments[2:]
            return _without_env(["env", *_split(text or "".join(arguments[1:2])), *rest])
        if word in VALUED_BY_ENV:
            arguments = arguments[2:]
        elif word.startswith("-") or ASSIGNMENT.match(word):
            arguments = arguments[1:]
        else:
            break
    return arguments


def _split(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return []


def _module(arguments: Sequence[str]) -> str:
    """Return what Python runs by -m, given the arguments after its name; "" for nothing."""
    rest = iter(arguments)
    for word in rest:
        if word[:1] != "-" or word in {"-", "--"}:
            return ""
        if word in OF_PYTHON.long_valued:
            next(rest, "")
        if word.startswith("--"):
            continue
        for position, letter in enumerate(word[1:], 2):
            if letter in "cm":
                return (word[position:] or next(rest, "")) if letter == "m" else ""
            if letter in OF_PYTHON.valued:
                if position == len(word):
                    next(rest, "")
                break
    return ""


def _file(arguments: Sequence[str], options: Options) -> tuple[str, frozenset[str]]:
    """Return the first word that is no option, "" where there is none, and the short options."""
    flags: set[str] = set()
    rest = iter(arguments)
    for word in rest:
        if word == "--":
            return next(rest, ""), frozenset(flags)
        if word == "-":
            return "", frozenset(flags)
        if word.startswith("--"):
            if word in options.long_valued:
                next(rest, "")
        elif word[0:1] in {"-", "+"}:
            for position, letter in enumerate(word[1:], 2):
                if letter in options.without_file:
                    return "", frozenset(flags)
                if letter in options.valued:
                    if position == len(word):
                        next(rest, "")
                    break
                flags.add(letter)
        else:
            return word, frozenset(flags)
    return "", frozenset(flags)
