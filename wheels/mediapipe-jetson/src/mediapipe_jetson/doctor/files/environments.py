"""The Python that a command makes an environment with, or chooses for a folder."""

from __future__ import annotations

import re
from typing import Optional

from mediapipe_jetson.doctor.files import invocation

PYTHON = re.compile(r"python(3(?:\.\d+)?)?(?:\.\d+)?$")
# 3.8, 3.8.10, python3.8, /usr/bin/python3.8, cpython-3.8.10 and cpython@3.8.
VERSION = re.compile(r"(?:c?python[@-]?|py)?(3\.\d+)(?![\d])")
VENV = {"venv", "virtualenv"}
GIVEN = {"virtualenv", "mkvirtualenv", "pipenv", "uv"}
CHOOSING = (
    ("pyenv", "local"),
    ("pyenv", "global"),
    ("pyenv", "shell"),
    ("uv", "python", "pin"),
    ("poetry", "env", "use"),
)
# Python's options, with the first one that takes a value.
OPTION = re.compile(r"-(?!-)[^-cmWX]*([cmWX]?)(.*)$")
# Environments for a while: no program of the project runs in them.
SHORT = re.compile(r"/(var/)?tmp(/|$)|\$\{?TMPDIR\b")


def python(tokens: list[str]) -> str:
    """Return its version such as "3.8", "" for a command that makes or names none."""
    command = invocation.started(tokens)
    own = ""
    named = PYTHON.match(command[0]) if command else None
    if named:
        own = named.group(1) or ""
        command = _module(command[1:])
    if not command or any(SHORT.match(word) for word in command):
        return ""
    tool, rest = command[0], command[1:]
    plain = (tool, *(word for word in rest if not word.startswith("-")))
    for choice in CHOOSING:
        if plain[: len(choice)] == choice:
            return _version(plain[len(choice)] if len(plain) > len(choice) else "") or ""
    if tool in GIVEN and (tool != "uv" or plain[1:2] == ("venv",)):
        given = _given(rest)
        if given is not None or tool not in VENV:
            return _version(given or "")
    return own if tool in VENV and "." in own else ""


def _module(arguments: list[str]) -> list[str]:
    """Return the module that Python runs and its arguments; nothing without one."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        # Short options may be joined, also with the value of the last one: -Imvenv.
        option = OPTION.match(rest[0])
        if option is None or not option.group(1):
            rest = rest[1:]
            continue
        value = [option.group(2)] if option.group(2) else rest[1:2]
        rest = rest[1 if option.group(2) else 2 :]
        if option.group(1) in "cm":
            return [*value, *rest] if option.group(1) == "m" else []
    return []


def _given(arguments: list[str]) -> Optional[str]:
    """Return the value of -p or --python, however it is written; None without one."""
    for at, word in enumerate(arguments):
        if word in ("-p", "--python"):
            return arguments[at + 1] if at + 1 < len(arguments) else ""
        if word.startswith("--python="):
            return word.partition("=")[2]
        if word.startswith("-p") and len(word) > 2:
            return word[2:].lstrip("=")
    return None


def _version(word: str) -> str:
    match = VERSION.match(word.rsplit("/", 1)[-1])
    return match.group(1) if match else ""
