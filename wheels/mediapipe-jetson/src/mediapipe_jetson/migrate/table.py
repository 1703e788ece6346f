"""What each legacy name becomes (data/migrate.json), and what kind of thing a followed path is."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Optional

from mediapipe_jetson.doctor import migration
from mediapipe_jetson.landmarks import DATA

ROOT = migration.ROOT
STEP = re.compile(r"\.[A-Za-z_]\w*|\[\]|\(\)|@\d+")
# The messages that programs make themselves.
MESSAGES = "mediapipe.framework.formats.landmark_pb2"
DRAWING = ("drawing_utils", "drawing_styles")
# What a legacy field or a part of it may be, where nothing was found.
NULLABLE = frozenset({"lists", "sides", "detections", "list", "first"})
# Where hasattr() asks for a field or a part of a result: what it may be.
TESTED = frozenset(
    {"lists", "sides", "detections", "list", "first", "items", "categories", "plain", "visibility"}
    | {"first_mask", "holistic_mask", "selfie_mask", "unknown"}
)
# Python's own lists, whose methods stay.
LISTS = frozenset({"lists", "sides", "detections"})
# What has methods of Python's own: lists, and a side's text.
PYTHONS = LISTS | {"label"}
SITE = "@"
# Methods of a task that are the same in Tasks.
SAME_METHODS = frozenset({"close", "__enter__", "__exit__"})
# What leads to the legacy API, and how it is refused where no name of the program does.
ROOTS = frozenset({"package", "module", "class", "formats", "gone"})
GIVES = "gives the legacy API; name it by import or attribute"


@dataclass(frozen=True, order=True)
class OldValue:
    """What a value of the old program is.

    `kind` is package, formats, module, class, task, method, result, name (of a module), gone, or
    one of the kinds of results; `name` the field, method or name; `site` the number of the
    constructor call that it comes from.
    """

    kind: str
    solution: str = ""
    name: str = ""
    site: int = -1


@dataclass(frozen=True)
class Solution:
    """One legacy class; `models` are chosen among by the argument `chosen_by`."""

    module: str
    legacy: str
    task: str
    models: tuple[str, ...]
    arguments: dict[str, Optional[str]]
    defaults: dict[str, str]
    results: dict[str, tuple[str, str]]
    differs: tuple[str, ...]
    chosen_by: str
    chosen: int
    member: str
    still: bool
    detect: str


@functools.lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """Return the table as it is written."""
    return dict(json.loads((DATA / "migrate.json").read_text(encoding="utf-8")))


@functools.lru_cache(maxsize=1)
def solutions() -> dict[str, Solution]:
    """Return the solutions by their modules."""
    result = {}
    for module, row in document()["solutions"].items():
        chosen_by, chosen = row.get("chosen_by", ("", 0))
        result[module] = Solution(
            module,
            row["class"],
            row["task"],
            tuple(row["models"]),
            row["arguments"],
            row.get("defaults", {}),
            {field: (name, kind) for field, (name, kind) in row["results"].items()},
            tuple(row["differs"]),
            chosen_by,
            chosen,
            row.get("member", ""),
            row.get("still", False),
            row.get("detect", "detect"),
        )
    return result


def class_of(path: str) -> Optional[Solution]:
    """Return the solution whose class a path names."""
    for module, solution in solutions().items():
        if path == f"{ROOT}.{module}.{solution.legacy}":
            return solution
    return None


@functools.lru_cache(maxsize=4096)
def thing(path: str) -> Optional[OldValue]:
    """Return what a followed path is in the legacy API; None for anything else."""
    if not migration.load().legacy(path):
        return None
    if (path + ".").startswith(f"{MESSAGES}."):
        top, value = MESSAGES, OldValue("formats", "landmark_pb2")
    elif (path + ".").startswith((f"{ROOT}.", f"{ROOT}()")):
        top, value = ROOT, OldValue("package")
    else:
        return OldValue("gone", "", path)
    steps = STEP.findall(path[len(top) :])
    for step in steps:
        further = after(value, step)
        if further is None:
            return None
        value = further
    return value


def after(before: OldValue, step: str) -> Optional[OldValue]:  # one for each kind
    """Return what one more step of a path leads to; None for what is not looked into further."""
    kind, solution, name = before.kind, before.solution, step[1:]
    if kind in ("plain", "gone", "name"):
        return before if kind != "name" else OldValue("name", solution, f"{before.name}{step}")
    if step.startswith(SITE):
        return OldValue(kind, solution, before.name, int(name))
    if kind == "package":
        return OldValue("module", name) if step[0] == "." else None
    if kind == "module":
        known = solutions().get(solution)
        if known is not None and name == known.legacy:
            return OldValue("class", solution, name)
        return OldValue("name", solution, name)
    if kind == "class":
        return OldValue("task", solution, "", before.site) if step == "()" else None
    if kind == "task":
        return OldValue("method", solution, name, before.site)
    if kind == "method":
        return OldValue("result", solution, "", before.site) if before.name == "process" else None
    if kind == "result":
        field = solutions()[solution].results.get(name)
        return OldValue(field[1] if field else "unknown", solution, name, before.site)
    return _within(before, step)


def _within(before: OldValue, step: str) -> Optional[OldValue]:
    """Return a part of a result."""
    key = f"{before.kind}{step}"
    known = document()["kinds"].get(key)
    if known is not None:
        return OldValue(known, before.solution, step.lstrip("."), before.site)
    if before.kind.endswith("mask") or before.kind in PYTHONS or step == "()":
        return OldValue("plain", before.solution, "", before.site)
    return OldValue("unknown", before.solution, step.lstrip("."), before.site)


def same_method(value: OldValue) -> bool:
    """Return whether a value is a method of a task that is the same in Tasks."""
    return value.kind == "method" and value.name in SAME_METHODS


def kinds(things: Iterable[OldValue]) -> set[str]:
    """Return the kinds among these."""
    return {value.kind for value in things}
