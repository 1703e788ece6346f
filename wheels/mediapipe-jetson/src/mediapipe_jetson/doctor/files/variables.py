"""Substitute the variables of shell scripts, Makefiles and justfiles, if they are known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Optional

from mediapipe_jetson.doctor.files import dockerfiles

MAKE = re.compile(r"(GNU)?[Mm]akefile$|.*\.mk$|[Jj]ustfile$")
VALUE = r"(?P<value>\"[^\"]*\"|'[^']*'|[^\s;&|()`]*)"
SHELL = re.compile(
    r"\s*(?:(?:export|readonly|local|declare(?:\s+-\w+)*)\s+)?(?P<key>[A-Za-z_]\w*)="
    rf"{VALUE}\s*(?:#.*|;.*)?$"
)
MAKE_VARIABLE = re.compile(
    r"(?:(?:export|override)\s+)*(?P<key>[A-Za-z_][\w-]*)\s*(?:::?:?|\?)?="
    r"\s*(?P<value>[^#]*?)\s*(?:#.*)?$"
)
# $(NAME) of make and {{ NAME }} of just; $(...) of a shell is a command.
REFERENCE = re.compile(r"\$\((\w+)\)|\{\{\s*(\w+)\s*\}\}")
RECIPE = re.compile(r"^(\s+)([@+-]+)\s*")
GOES_ON = " || true"
# What sets a variable in another way: an assignment anywhere in a line, += and [0]=, ${NAME:=...},
# a loop, and commands that are given names.
SETS = re.compile(
    r"(?<![\w$.-])([A-Za-z_]\w*)(?:\[[^\]]{0,64}\])?\+?=(?![=~])"
    r"|\$\{([A-Za-z_]\w*):?="
    r"|\b(?:for|select)\s+([A-Za-z_]\w*)\b"
)
NAMING = re.compile(
    r"(?:^|[;&|({\s])(?:read|mapfile|readarray|unset|getopts|printf\s+-v|local|declare|typeset"
    r"|let|wait\s+-p)\s+([^;&|<>()]*)"
)
# NAME += ... and NAME != ... of make, also for one target; define; a recipe's parameter of just.
MAKES = re.compile(
    r"(?<![\w$.({-])([A-Za-z_][\w-]*)\s*(?:::?:?|[?+!])?=(?!=)"
    r"|^\s*(?:define|undefine)\s+([A-Za-z_][\w-]*)"
)
# Of another program's environment.
GIVEN = re.compile(r"\s--(?:build-arg|env)[\s=]+[A-Za-z_]\w*=")
WORD = re.compile(r"[A-Za-z_]\w*")
LONGEST, GROWTH_MOST = 4096, 1 << 20


def filled(name: str, text: str) -> str:
    """Return a script with its variables substituted; those with several values stay."""
    make = MAKE.match(PurePosixPath(name).name) is not None
    lines = text.splitlines(keepends=True)
    if make:
        lines = _recipes([REFERENCE.sub(_braced, line) for line in lines])
    pattern = MAKE_VARIABLE if make else SHELL
    values: dict[str, set[str]] = {}
    plain: set[int] = set()
    doubtful: set[str] = set()
    for number, line in enumerate(lines):
        match = pattern.match(line.rstrip("\r\n"))
        rest = line
        if match:
            plain.add(number)
            values.setdefault(match["key"], set()).add(match["value"].strip().strip("\"'"))
            rest = f"{line[: match.start('key')]} {line[match.end('value') :]}"
        doubtful |= _otherwise(rest, make)
    known = _resolved(
        {
            key: next(iter(texts))
            for key, texts in values.items()
            if len(texts) == 1 and key not in doubtful
        }
    )
    result, spare = [], GROWTH_MOST
    for number, line in enumerate(lines):
        done = None if number in plain else _in_place(line, known, len(line) + spare)
        spare -= max(0, len(done or "") - len(line))
        result.append(line if done is None else done)
    return "".join(result)


def _recipes(lines: list[str]) -> list[str]:
    """Return lines without the marks of make before commands; - is what || true is to a shell."""
    result, ignored, goes_on = [], False, False
    for line in lines:
        match = None if goes_on else RECIPE.match(line)
        goes_on = line.rstrip("\r\n").endswith("\\")
        ignored = ignored or (match is not None and "-" in match[2])
        row = RECIPE.sub(r"\1", line) if match else line
        text = row.rstrip("\r\n")
        if ignored and not text.endswith("\\"):
            row, ignored = f"{text}{GOES_ON}{row[len(text) :]}", False
        result.append(row)
    return result


def _otherwise(line: str, make: bool) -> set[str]:
    """Return the variables that a line may set in another way than by a plain assignment."""
    if line.lstrip().startswith("#"):
        return set()
    pairs = (MAKES if make else SETS).findall(GIVEN.sub(" ", line))
    result = {name for names in pairs for name in names if name}
    for given in () if make else NAMING.findall(line):
        result.update(WORD.findall(given))
    return result


def _named(text: str) -> list[str]:
    """Return the variables that a text names."""
    return [match[1] or match[3] for match in dockerfiles.VARIABLE.finditer(text)]


def _in_place(text: str, known: Mapping[str, Optional[str]], most: int) -> Optional[str]:
    """Return a text with variables in it; None where it gets too long, or one has no value."""
    if "$" not in text:
        return text if len(text) <= most else None
    names = [name for name in _named(text) if name in known]
    values = {name: value for name in names if (value := known[name]) is not None}
    if len(values) < len(set(names)) or len(text) + sum(len(values[name]) for name in names) > most:
        return None
    return dockerfiles.substituted(text, values)


def _resolved(single: dict[str, str]) -> dict[str, str]:
    """Return each value with others in it, found once; what is in a circle or long is left out.

    Of VERSION=${VERSION:-1.0} it is the default.
    """
    known: dict[str, Optional[str]] = {}
    waiting = [(key, False) for key in reversed(single)]
    begun: set[str] = set()
    while waiting:
        key, ready = waiting.pop()
        if key in known:
            continue
        value = single[key]
        names = [name for name in _named(value) if name in single and name != key]
        if ready or not names:
            known[key] = _in_place(value, {name: known.get(name) for name in names}, LONGEST)
        elif key in begun:
            known[key] = None
        else:
            begun.add(key)
            waiting.append((key, True))
            waiting += [(name, False) for name in names if name not in known]
    return {key: value for key, value in known.items() if value is not None}


def _braced(match: re.Match[str]) -> str:
    return f"${{{match[1] or match[2]}}}"
