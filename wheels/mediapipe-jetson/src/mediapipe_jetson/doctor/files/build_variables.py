"""Substitute a Dockerfile's arguments and variables, by Docker's rules of scope.

An ARG before the first FROM is visible in FROM lines alone, and in a stage that repeats its name.
A stage that is built from another one has its variables. ENV takes precedence over ARG.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Optional

from mediapipe_jetson.doctor.files.expansion import expanded
from mediapipe_jetson.doctor.files.instructions import WITHIN, Line, instructions

# A shell's own assignments within a RUN: there the name is no longer the build's.
SETS = re.compile(r"(?<![\w$.-])([A-Za-z_]\w*)\+?=(?![=~])|\b(?:for|read|unset)\s+([A-Za-z_]\w*)")
ARGUMENT = re.compile(r"^[ \t]*ARG\s", re.IGNORECASE | re.MULTILINE)
LONGEST, UNKNOWN = 4096, "$"
Variables = dict[str, Optional[str]]


class _Stages:
    """What variables are, from line to line; None is one that is not known."""

    def __init__(self, given: Mapping[str, str], platform: Mapping[str, str]) -> None:
        self.given, self.platform = given, platform
        self.first: Variables = dict(platform)
        self.now: Variables = self.first
        self.set: set[str] = set()
        self._named: dict[str, tuple[Variables, set[str]]] = {}

    def base(self, rest: str) -> None:
        """Begin a stage with the variables of what it is made from."""
        arguments = [
            word for word in expanded(rest, self.first).split() if not word.startswith("--")
        ]
        before = self._named.get(arguments[0].lower()) if arguments else None
        self.now, self.set = (dict(before[0]), set(before[1])) if before else ({}, set())
        if len(arguments) > 2:
            self._named[arguments[2].lower()] = self.now, self.set

    def argument(self, name: str, default: Optional[str]) -> None:
        """Note an ARG, by what the build gives, else its default, else the one before FROM."""
        if name in self.set:
            return
        within = self.now is not self.first
        if name in self.platform:
            self.now[name] = self.platform[name]
        elif name in self.given:
            self.now[name] = None if "$" in self.given[name] else self.given[name]
        elif default is not None:
            self.now[name] = None if default == UNKNOWN else default
        else:
            known = self.now.get(name)
            self.now[name] = self.first.get(name) if within and known is None else known

    def variable(self, name: str, value: str) -> None:
        """Note an ENV."""
        self.now[name] = None if "$" in value else value
        self.set.add(name)


def filled(text: str, given: Mapping[str, str], platform: Mapping[str, str]) -> str:
    """Return a Dockerfile's text with its variables substituted; its lines keep their numbers.

    `given` are arguments of the build, `platform` those that Docker itself sets.
    """
    if "$" not in text and not ARGUMENT.search(text):
        return text
    stages = _Stages(given, platform)
    rows = text.splitlines(keepends=True)
    own: set[str] = set()
    for line, word, rest in instructions(text):
        numbers = [number - 1 for number, _ in line.parts]
        if word == WITHIN:
            own |= _own(rest)
            _replace(rows, numbers, _within(stages, own))
            continue
        own = _own(rest) if word == "RUN" else set()
        if word == "FROM":
            stages.base(rest)
            _replace(rows, numbers, stages.first)
        elif word in ("ARG", "ENV"):
            _set(stages, word, line, rest, rows)
        elif word == "RUN":
            _replace(rows, numbers, _within(stages, own))
        else:
            _replace(rows, numbers, stages.now)
    return "".join(rows)


def _within(stages: _Stages, own: set[str]) -> Variables:
    """Return what a RUN sees; conditions on the platform are followed by their names."""
    return {
        name: value
        for name, value in stages.now.items()
        if name not in own and name not in stages.platform
    }


def _own(text: str) -> set[str]:
    return {name for names in SETS.findall(text) for name in names if name}


def _replace(rows: list[str], numbers: list[int], known: Variables) -> None:
    for number in numbers:
        rows[number] = expanded(rows[number], known) if "$" in rows[number] else rows[number]


def _set(stages: _Stages, word: str, line: Line, rest: str, rows: list[str]) -> None:
    """Apply an ARG or an ENV, and write the value that it sets into its line."""
    before = dict(stages.now)
    pairs = [
        (name, None if value is None else _short(expanded(value, before)))
        for name, value in _pairs(rest, plain=word == "ENV")
    ]
    for name, value in pairs:
        if word == "ARG":
            known = value is not None and ("$" not in value or value == UNKNOWN)
            stages.argument(name, value if known else None)
        elif value is not None:
            stages.variable(name, value)
    numbers = [number - 1 for number, _ in line.parts]
    value = stages.now.get(pairs[0][0]) if len(pairs) == 1 else None
    if word == "ARG" and value and len(numbers) == 1 and pairs[0][0] not in stages.set:
        end = "\n" if rows[numbers[0]].endswith("\n") else ""
        rows[numbers[0]] = f"ARG {pairs[0][0]}={shlex.quote(value)}{end}"
    else:
        _replace(rows, numbers, before)


def _short(value: str) -> str:
    """Return a value, or one that is not known for one that grows from line to line."""
    return value if len(value) <= LONGEST else UNKNOWN


def _pairs(rest: str, *, plain: bool) -> Iterator[tuple[str, Optional[str]]]:
    """Return what an ARG or an ENV names, with its value; `plain` allows ENV NAME VALUE."""
    first = rest.split(None, 1)
    if plain and len(first) == 2 and "=" not in first[0]:
        yield first[0], first[1].strip().strip("\"'")
        return
    try:
        tokens = shlex.split(rest)
    except ValueError:
        tokens = rest.split()
    for item in tokens:
        name, is_set, value = item.partition("=")
        if re.fullmatch(r"[A-Za-z_]\w*", name):
            yield name, value if is_set else None
