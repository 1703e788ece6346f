"""What a script installs and replaces further down, so that it is not what stays installed."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable

from mediapipe_jetson.doctor import versions
from mediapipe_jetson.doctor.files import invocation, pip_steps
from mediapipe_jetson.doctor.files.branches import Step
from mediapipe_jetson.doctor.files.facts import REPLACED, STOPS, Requirement
from mediapipe_jetson.doctor.files.pip_steps import TARGETS, Done, Lists

MOST = 300
EXACT = re.compile(r"===?\s*(?P<version>[^*,\s]+)")
EDITORS = {"sed", "gsed", "perl", "grep", "egrep", "awk"}


@dataclasses.dataclass(frozen=True)
class Used:
    """The requirements files of which a script changes what they install, and of which it not.

    `changed` has the line for each; `edited` are those of them that are written anew.
    """

    changed: dict[str, int] = dataclasses.field(default_factory=dict)
    edited: set[str] = dataclasses.field(default_factory=set)
    plain: set[str] = dataclasses.field(default_factory=set)


def marked(
    items: Iterable[Requirement],
    text: str,
    steps: list[Step],
    lists: Lists,
    doubtful: frozenset[int] = frozenset(),
    *,
    docker: bool,
    makefile: bool,
) -> tuple[list[Requirement], Used]:
    """Return what a script installs, with a note at what it replaces, or has from further up.

    `steps` are its commands as a board may run them, `lists` gives what a requirements file asks
    for; `docker`: it is a Dockerfile; `makefile`: it is a Makefile or a justfile; `doubtful` are
    lines that may not be run. The second value is how it uses such files.
    """
    done = [
        dataclasses.replace(item, sure=False)
        if doubtful and text.count("\n", 0, item.step.start) + 1 in doubtful
        else item
        for item in pip_steps.done(text, steps, lists, docker=docker, makefile=makefile)
    ]
    result = list(items)
    edited = _edited(steps, lists)
    used = Used({file: text.count("\n", 0, at) + 1 for file, at in edited.items()}, {*edited})
    if len(done) > MOST:
        return result, used
    for number, early in enumerate(done):
        for entry in early.installed:
            first = text.count("\n", 0, early.step.start) + 1
            lates = [late for late in done[number + 1 :] if _replaces(late, early, entry)]
            gone = bool(lates)
            there = _is_there(done[:number], early, entry)
            if entry.file and edited.get(entry.file, early.step.start) < early.step.start:
                continue
            if entry.file and (gone or there):
                used.changed.setdefault(entry.file, first)
            elif entry.file:
                used.plain.add(entry.file)
            elif gone or there:
                last = text.count("\n", 0, early.step.end) + 1
                # The rest of the same chain of && is not run if it fails.
                stuck = early.stops or all(late.chain == early.chain for late in lates)
                note = STOPS if stuck and not there else REPLACED
                result = [
                    dataclasses.replace(item, replaced=note)
                    if item.name == entry.name
                    and item.text == entry.text
                    and first <= item.line <= last
                    else item
                    for item in result
                ]
    return result, used


def _edited(steps: list[Step], lists: Lists) -> dict[str, int]:
    """Return the requirements files whose MediaPipe a script changes, each with where it does."""
    result: dict[str, int] = {}
    for step in steps:
        command = invocation.started(step.tokens)
        if command and command[0] in EDITORS and "mediapipe" in " ".join(command).lower():
            for word in command[1:]:
                for entry in lists(word) if word.endswith((".txt", ".in")) else ():
                    result.setdefault(entry.file, step.start)
    return result


def _replaces(late: Done, early: Done, entry: Requirement) -> bool:
    """Return whether what a command installs is gone after another one, wherever both are run."""
    if not late.sure or not _same_place(late, early) or not _within(early, late):
        return False
    if entry.name in late.removed:
        return True
    for other in late.installed:
        if other.name == entry.name and not other.marker:
            exact = bool(other.source) or EXACT.fullmatch(other.specifier.strip())
            folder = not TARGETS.isdisjoint(late.place)  # pip leaves what is in a folder
            differs = exact and other.specifier != entry.specifier
            if late.forced or (not folder and (differs or _refuses(other, entry))):
                return True
    return False


def _is_there(before: list[Done], late: Done, entry: Requirement) -> bool:
    """Return whether pip keeps what an earlier command has installed for a later one."""
    if late.forced or entry.source or not TARGETS.isdisjoint(late.place):
        return False
    for early in reversed(before):
        if not _same_place(late, early):
            continue
        others = [other for other in early.installed if other.name == entry.name]
        sure = early.sure and not early.tried and _within(late, early)
        if entry.name in early.removed or (others and not sure):
            return False
        for other in others:
            pin = EXACT.fullmatch(other.specifier.strip())
            if other.marker or not (not entry.specifier or (pin and not _refuses(entry, other))):
                return False
        if others:
            return True
    return False


def _same_place(late: Done, early: Done) -> bool:
    """Return whether two commands work in the same environment; a variable may be another one."""
    same = late.scope == early.scope and late.place == early.place
    return same and not any("$" in word for word in late.place)


def _within(inner: Done, outer: Done) -> bool:
    """Return whether one command is run only where another one is, and in their order."""
    depth = len(outer.step.path)
    own = inner.step.path[depth:]
    return inner.step.path[:depth] == outer.step.path and all(arm >= 0 for _, arm in own)


def _refuses(entry: Requirement, other: Requirement) -> bool:
    """Return whether a requirement does not allow the one version that another one pins."""
    pin = EXACT.fullmatch(other.specifier.strip())
    try:
        return pin is not None and not versions.allowed(entry.specifier, [pin["version"]])
    except ValueError:
        return False
