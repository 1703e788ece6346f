"""Scripts without what a board does not run of them, by what is known of boards and wheels."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import pins, versions
from mediapipe_jetson.doctor.files import (
    board,
    branches,
    dockerfiles,
    installers,
    notebooks,
    pip_steps,
    replaced,
    variables,
)
from mediapipe_jetson.doctor.files.facts import Requirement

PLAIN = {"\n", ";", "(", ")"}
# A notebook's line that Python's own if or def has.
INDENTED = re.compile(r"\s+[!%]")
LIST = re.compile(r"\binstall\b[^\n]*\s(?:-r|--requirement)|\bmediapipe\b")


def alive(name: str, text: str) -> str:
    """Return a script's text without what a board does not run; its lines keep their numbers."""
    if variables.MAKE.match(PurePosixPath(name).name):
        return branches.makefile_text(text, board.board())
    return branches.alive(text, board.board(), _installs)


def marked(
    name: str,
    text: str,
    items: list[Requirement],
    kind: str,
    lists: pip_steps.Lists,
    doubtful: frozenset[int] = frozenset(),
) -> tuple[list[Requirement], replaced.Used]:
    """Return what a script of a kind installs, with a note at what it replaces further down.

    With it comes how it uses requirements files. `doubtful` are lines that may not be run.
    """
    if not items and not LIST.search(text):
        return items, replaced.Used()
    makefile = variables.MAKE.match(PurePosixPath(name).name) is not None
    steps = list(_with_inner(branches.steps(text, board.board(), _installs)))
    docker = kind == "dockerfile"
    return replaced.marked(items, text, steps, lists, doubtful, docker=docker, makefile=makefile)


def _with_inner(steps: list[branches.Step]) -> Iterator[branches.Step]:
    """Yield commands, and in place of bash -c "..." what it is given, in a shell of its own."""
    closing = False
    for number, step in enumerate(steps):
        following = steps[number + 1].before if number + 1 < len(steps) else "\n"
        alone = step.before in PLAIN and following in PLAIN
        inner = dockerfiles.inner(step.tokens) if alone else ""
        own = branches.steps(inner, board.board(), _installs) if inner else []
        before = ")" if closing and step.before in PLAIN else step.before
        for at, inner_step in enumerate(own):
            yield dataclasses.replace(
                inner_step,
                start=step.start,
                end=step.end,
                path=(*step.path, *inner_step.path),
                before=inner_step.before if at else "(",
            )
        if not own:
            yield dataclasses.replace(step, before=before)
        closing = bool(own)


def in_cells(
    name: str, cells: list[notebooks.Cell], items: list[Requirement], lists: pip_steps.Lists
) -> list[Requirement]:
    """Return what a notebook installs, with a note at what a later cell replaces."""
    lines: list[str] = []
    first: dict[int, int] = {}
    doubtful: set[int] = set()
    for cell in cells:
        first[cell.number] = len(lines)
        rows = cell.text.splitlines()
        chosen = set(cell.shell)
        doubtful |= {
            first[cell.number] + at + 1
            for at, row in enumerate(rows)
            if at in chosen and INDENTED.match(row)
        }
        lines += [
            dockerfiles.MAGIC.sub("", row) if at in chosen else "" for at, row in enumerate(rows)
        ]
    moved = [dataclasses.replace(item, line=item.line + first[item.cell]) for item in items]
    noted, _ = marked(name, "\n".join(lines), moved, "notebook", lists, frozenset(doubtful))
    return [dataclasses.replace(item, line=item.line - first[item.cell]) for item in noted]


def _installs(arguments: list[str]) -> bool:
    """Return whether a command installs a MediaPipe that there is for aarch64."""
    known = pins.table()
    wheels = [*known["cpu_only"], *known["gpu"]]
    for item in installers.command(arguments, "", 0):
        if item.name != "mediapipe" or item.source:
            continue
        try:
            if versions.allowed(item.specifier, wheels):
                return True
        except ValueError:
            continue
    return False
