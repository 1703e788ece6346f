"""Put the variables of shell scripts, Makefiles and justfiles in place, where they are told."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from mediapipe_jetson.doctor.files import dockerfiles

MAKE = re.compile(r"(GNU)?[Mm]akefile$|.*\.mk$|[Jj]ustfile$")
VALUE = r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&|()`]*)"
SHELL = re.compile(
    r"\s*(?:(?:export|readonly|local|declare(?:\s+-\w+)*)\s+)?(?P<key>[A-Za-z_]\w*)="
    rf"{VALUE}\s*(?:#.*|;.*)?$"
)
MADE = re.compile(
    r"(?:export\s+)?(?P<key>[A-Za-z_][\w-]*)\s*(?:::?|\?)?=\s*(?P<value>[^#]*?)\s*(?:#.*)?$"
)
# $(NAME) of make and {{ NAME }} of just; $(...) of a shell is a command.
REFERENCE = re.compile(r"\$\((\w+)\)|\{\{\s*(\w+)\s*\}\}")
RECIPE = re.compile(r"^(\s+)[@+-]+\s*")


def filled(name: str, text: str) -> str:
    """Return a script with its variables in place; those with several values stay as they are."""
    make = MAKE.match(PurePosixPath(name).name) is not None
    lines = text.splitlines(keepends=True)
    if make:
        lines = [RECIPE.sub(r"\1", REFERENCE.sub(_braced, line)) for line in lines]
    pattern = MADE if make else SHELL
    values: dict[str, set[str]] = {}
    for line in lines:
        match = pattern.match(line.rstrip("\r\n"))
        if match:
            values.setdefault(match["key"], set()).add(match["value"].strip().strip("\"'"))
    known = {key: next(iter(texts)) for key, texts in values.items() if len(texts) == 1}
    for _ in known:  # a value may name others
        known = {key: _resolved(key, value, known) for key, value in known.items()}
    return "".join(
        line if pattern.match(line.rstrip("\r\n")) else dockerfiles.substituted(line, known)
        for line in lines
    )


def _resolved(key: str, value: str, known: dict[str, str]) -> str:
    """Return a value with others in it; of VERSION=${VERSION:-1.0} the default."""
    return dockerfiles.substituted(
        value, {name: text for name, text in known.items() if name != key}
    )


def _braced(match: re.Match[str]) -> str:
    return f"${{{match[1] or match[2]}}}"
