"""Leave out the stages of a Dockerfile that no build of the project's makes."""

from __future__ import annotations

import bisect
import re
from collections.abc import Iterable, Iterator
from typing import Optional

from mediapipe_jetson.doctor.files import documents
from mediapipe_jetson.doctor.files.instructions import instructions

# What a build asks for: "" is the last stage, ALL any of them.
ALL = "*"
FROM = re.compile(r"\bfrom=[\"']?([^\s,\"']+)", re.IGNORECASE)
# A line goes on after this mark in place of a backslash.
ESCAPE = re.compile(r"^#\s*escape\s*=\s*`", re.IGNORECASE | re.MULTILINE)
NAMED = re.compile(rb"target[\"']?(?:\s*[:=,]\s*|\s+)[\"']?([A-Za-z_][\w.-]*)")
OPTION = re.compile(rb"--target[^\n]{1,80}|\bbuild\([^()]{0,300}\btarget\s*=[^\n]{1,80}")
# An option with a variable: of a shell, a workflow, a program's text or list.
VARIED = re.compile(rb"--target(?:(?:=|\s+)[\"']?[${]|[\"'],\s*[A-Za-z_])|target:\s*[\"']?\$\{\{")
BLANK = re.compile(r"[^\r\n]")
_Stage = tuple[int, int, str, list[str]]


def named(content: bytes, *, code: bool = False) -> set[str]:
    """Return what any file names after "target", such as a workflow's docker build.

    In `code` and text only an option --target is read. ALL is among them if a variable names one.
    """
    if b"target" not in content:
        return set()
    varied = {ALL} if VARIED.search(content) else set()
    if code:
        content = b"\n".join(OPTION.findall(content))
    return varied | {name.decode(errors="replace") for name in NAMED.findall(content)}


def target(tokens: list[str]) -> str:
    """Return the stage that a build's arguments ask for, "" if they name none."""
    stage = ""
    for at, word in enumerate(tokens):
        if word.partition("=")[0] == "--target":
            following = tokens[at + 1] if at + 1 < len(tokens) else ""
            stage = word.partition("=")[2] or ("" if "=" in word else following)
    return stage


def without(content: bytes, gone: frozenset[int]) -> bytes:
    """Return a Dockerfile without these rows; lines stay in place."""
    if not gone:
        return content
    rows = documents.decoded(content).splitlines(keepends=True)
    return "".join(
        BLANK.sub("", row) if at in gone else row for at, row in enumerate(rows)
    ).encode()


def unbuilt(
    text: str,
    targets: set[str],
    filled: Iterable[str] = (),
    others: frozenset[str] = frozenset(),
) -> frozenset[int]:
    """Return the rows, from 0, of stages that lead to none of these; none if that is not known.

    `filled` are the texts with the arguments of each build substituted, `others` names that may be
    stages which are requested elsewhere.
    """
    if not targets or ALL in targets or ESCAPE.search(text):
        return frozenset()
    needed: set[int] = set()
    for variant in dict.fromkeys(filled) or [text]:
        stages = list(_stages(variant))
        numbers = _needed(stages, targets, others) if len(stages) > 1 else None
        if numbers is None:
            return frozenset()
        needed |= {row for at in numbers for row in range(*stages[at][:2])}
    first = next(iter(_stages(text)))[0]
    return frozenset(range(first, len(text.splitlines()))) - needed


def _needed(stages: list[_Stage], targets: set[str], others: frozenset[str]) -> Optional[set[int]]:
    """Return the stages that lead to these; None where that is not known."""
    count = len(stages)
    names: dict[str, list[int]] = {}
    for at, (_, _, name, _) in enumerate(stages):
        names.setdefault(name, []).append(at)
    roots = [_number(item, names, count) if item else count - 1 for item in targets]
    if None in roots:
        return None
    roots += [at for name in others for at in names.get(name.lower(), ())]
    needed: set[int] = set()
    waiting = [item for item in roots if item is not None]
    while waiting:
        at = waiting.pop()
        if at in needed:
            continue
        needed.add(at)
        if any("$" in item for item in stages[at][3]):
            return None
        sources = (_number(item, names, at) for item in stages[at][3])
        waiting += [item for item in sources if item is not None]
    return needed


def _number(name: str, names: dict[str, list[int]], before: int) -> Optional[int]:
    """Return the place of the last stage before one that has this name or number."""
    if name.isdecimal():
        return int(name) if len(name) < 9 and int(name) < before else None
    places = names.get(name.lower(), [])
    at = bisect.bisect_left(places, before)
    return places[at - 1] if at else None


def _stages(text: str) -> Iterator[_Stage]:
    """Return where each stage begins and ends, its name, and the stages that it names."""
    begin, name = -1, ""
    used: list[str] = []
    for line, word, rest in instructions(text):
        if word == "FROM":
            if begin >= 0:
                yield begin, line.number - 1, name, used
            arguments = [item for item in rest.split() if not item.startswith("--")]
            begin, used = line.number - 1, arguments[:1]
            name = arguments[2].lower() if len(arguments) > 2 else ""
        elif word in ("COPY", "ADD", "RUN", "ONBUILD"):
            used = [*used, *FROM.findall(rest)]
    if begin >= 0:
        yield begin, len(text.splitlines()), name, used
