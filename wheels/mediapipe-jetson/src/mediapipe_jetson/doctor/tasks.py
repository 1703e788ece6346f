"""Find the tasks that a program creates, and what each is given as its delegate."""

from __future__ import annotations

import ast
import dataclasses
import re
from typing import Optional

from mediapipe_jetson.doctor.flow.modules import Rounds
from mediapipe_jetson.doctor.flow.state import TESTS, State
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Constant,
    Heap,
    Object,
    Path,
    Place,
    Unknown,
    Value,
    Values,
    source,
    unknown,
)

# The vision tasks take a delegate; what text and audio tasks do with one is not known.
TASK = re.compile(
    r"mediapipe\.tasks\.(?:[\w.]*\.)?(?P<task>[A-Z]\w+)(?:\(\))?\.(?P<how>create_from_\w+)$"
)
OTHERS = re.compile(r"mediapipe\.tasks\.(python\.)?(text|audio|genai|retrieval|decision)\.")
OPTIONS, MODEL = "create_from_options", "create_from_model_path"
DELEGATE = re.compile(r"\.Delegate\.(?P<name>[A-Z]+)$|\.Delegate\((?P<number>\d+)\)$")
# What a program that sets it changes: of the task that is named, of all tasks where none is. A
# field that a class is given changes nothing: each object sets its own.
OWN = re.compile(
    r"mediapipe\.tasks\.(?:[\w.]*\.)?(?:Delegate|(?:BaseOptions|(?P<options>\w+)Options"
    r"|(?P<task>\w+)\.create_from_\w+)(?:\.(?:__\w+__|to_\w+))*)$"
)
GPU, CPU, DEFAULT, ABSENT = "GPU", "CPU", "DEFAULT", "absent"


@dataclasses.dataclass(frozen=True)
class Task:
    """One place that creates a task.

    `delegates` are what it may be given: GPU, CPU, DEFAULT, absent (which None is too) or a number;
    `unknown` are the reasons why some could not be followed. `fallback`: it is created where
    creating the same task failed.
    """

    place: Place
    name: str
    how: str
    delegates: frozenset[str]
    unknown: tuple[str, ...]
    fallback: bool = False
    vision: bool = True
    calls: tuple[Place, ...] = ()
    """Where the calls stand that lead to it, the outermost first."""
    called: bool = False
    """Whether `place` is a call of the helper that creates it, which gives the delegate."""
    falls: bool = False
    """Whether its helper is called once more, for another delegate, where this one failed."""


class Created(Rounds):
    """Collects the tasks that are created; the same place may be reached on several ways."""

    def __init__(self) -> None:
        self.heard: list[Task] = []
        self.places: set[tuple[str, int, int]] = set()
        self.replaced: dict[str, dict[str, None]] = {}
        """What replaces MediaPipe's own of a task, by its name, "" for every task's."""
        self.marked = 0

    def mark(self) -> None:
        """Set the mark at what was reported so far."""
        self.marked = len(self.heard)

    def back(self) -> None:
        """Drop what was reported since the mark."""
        del self.heard[self.marked :]

    @property
    def by_place(self) -> list[Task]:
        """Return each place once, in order, with all that leads to it.

        Where calls of a helper give it different delegates, these calls are the places.
        """
        places: dict[tuple[Place, str], list[Task]] = {}
        for task in self.heard:
            places.setdefault((task.place, task.name), []).append(task)
        joined = []
        for every in places.values():
            # A helper that is called once more after it failed is no other task.
            first = [item for item in every if not item.fallback]
            fallbacks = [item for item in every if item.fallback] if first else []
            falls = any(item.delegates != {GPU} for item in fallbacks)
            for item in _by_call(first or every):
                why = (*self.replaced.get("", ()), *self.replaced.get(item.name, ()))
                reasons = (*item.unknown, *why)
                joined.append(dataclasses.replace(item, falls=falls, unknown=reasons))
        return sorted(joined, key=lambda item: dataclasses.astuple(item.place))

    def called(self, place: Place, path: str, given: Arguments, state: State) -> None:
        """Note a call that creates a task."""
        match = TASK.match(path)
        if not match:
            return
        self.places.add((place.file, place.cell, place.line))
        if state.dead:
            return
        vision = not OTHERS.match(path)
        if match.group("how") == MODEL:
            result: tuple[frozenset[str], tuple[str, ...]] = frozenset({ABSENT}), ()
        elif match.group("how") == OPTIONS:
            result = delegates(
                given.get(0, "options") or unknown(given.open or "its options"), state
            )
        else:
            result = frozenset(), (path.rsplit(".", 1)[-1],)
        how, calls = match.group("how"), tuple(state.calls[:-1])
        task = Task(
            place, match.group("task"), how, *result, bool(state.fallback), vision, calls=calls
        )
        self.heard.append(task)

    def changed(self, place: Place, path: str) -> None:
        """Note what of MediaPipe's own the program replaces; what tests do stays theirs."""
        match = OWN.match(path)
        if match and not TESTS.search(place.file):
            cell = f"cell {place.cell}, line " if place.cell else ""
            shown = path.replace("mediapipe.", "mp.", 1)
            what = f"{place.file}:{cell}{place.line} replaces {shown}"
            self.replaced.setdefault(match["options"] or match["task"] or "", {})[what] = None

    def add_unfollowed(self, tree: ast.Module, file: str, cell: int) -> None:
        """Note calls that create a task by their names, where the way to them is not known."""
        for node in ast.walk(tree):
            name = (
                node.func.attr
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)
                else ""
            )
            if name not in (OPTIONS, MODEL):
                continue
            line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
            if (file, cell, line) not in self.places:
                place = Place(file, cell, line, column)
                self.heard.append(Task(place, "a task", name, frozenset(), (source(node),)))


def _by_call(heard: list[Task]) -> list[Task]:
    """Return one task of a place, or one for each call of its helper that gives another one."""
    ways: dict[tuple[Place, ...], list[Task]] = {}
    for item in heard:
        ways.setdefault(item.calls, []).append(item)
    every = [_joined(items) for items in ways.values()]
    if len({(item.delegates, item.unknown) for item in every}) == 1:
        return every[:1]
    same = 0  # calls that all ways end with
    while all(len(way) > same + 1 for way in ways) and (len({way[-same - 1] for way in ways}) == 1):
        same += 1
    if any(len(way) <= same for way in ways):
        return [_joined(heard)]
    calls: dict[Place, list[Task]] = {}
    for item in every:
        calls.setdefault(item.calls[-same - 1], []).append(item)
    return [
        dataclasses.replace(_joined(items), place=place, called=True)
        for place, items in calls.items()
    ]


def _joined(same: list[Task]) -> Task:
    """Return one task with all that these may be given."""
    given = frozenset().union(*(item.delegates for item in same))
    reasons = tuple(dict.fromkeys(why for item in same for why in item.unknown))
    return dataclasses.replace(same[0], delegates=given, unknown=reasons)


def delegates(options: Values, state: State) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the delegates that a task's options may hold, and what could not be followed."""
    result: set[str] = set()
    reasons: list[str] = []
    for item in options or unknown("its options"):
        heap = _options(item, state)
        if heap is None:
            reasons.append(_describe(item))
            continue
        base = heap.fields.get("base_options")
        for inner in base if base else unknown(heap.open or "its base_options"):
            held = _options(inner, state)
            if held is None:
                reasons.append(_describe(inner))
                continue
            given = held.fields.get("delegate")
            if given is None:
                reasons += [held.open] if held.open else []
                result |= set() if held.open else {ABSENT}
            for value in given or ():
                name = _delegate(value)
                result |= {name} if name else set()
                reasons += [] if name else [_describe(value)]
    return frozenset(result), tuple(dict.fromkeys(reasons))


def _options(item: Value, state: State) -> Optional[Heap]:
    heap = state.heap.get(item) if isinstance(item, Object) else None
    return heap if heap is not None and heap.base.endswith("Options") else None


def _delegate(value: Value) -> str:
    """Return a delegate's name, "" for what is none."""
    if isinstance(value, Constant) and value.value is None:
        return ABSENT
    match = DELEGATE.search(value.text) if isinstance(value, Path) else None
    return (match.group("name") or match.group("number")) if match else ""


def _describe(value: Value) -> str:
    """Return what people call a value that is not known."""
    if isinstance(value, Unknown):
        return value.why
    if isinstance(value, Path):
        return value.text.replace("mediapipe.", "mp.", 1).replace("builtins.", "")
    if isinstance(value, Constant):
        return repr(value.value)
    return "what the program makes itself"
