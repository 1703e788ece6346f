"""What is known while code is followed: modules, scopes, objects, and who listens."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
import re
from collections.abc import Iterator, Mapping
from typing import Optional, TypeVar, Union

from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Class,
    Function,
    Heap,
    Object,
    Path,
    Place,
    Scope,
    Value,
    Values,
    constant,
    foreign,
    path,
    unknown,
)

STEPS_MOST = 400_000
DICT, QUEUE = "dict", "queue"
# Programs that set what they like and change nothing for others.
TESTS = re.compile(r"(^|/)(tests?/|test_[^/]*$|[^/]*_test\.py$|conftest\.py$)")
Item = TypeVar("Item")
Callable = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]


class ExhaustedError(Exception):
    """The code is too entangled to be followed."""


@dataclasses.dataclass(frozen=True)
class Source:
    """A module's code: one tree, or one for each cell of a notebook (cells count from 1)."""

    name: str
    file: str
    trees: tuple[tuple[int, ast.Module], ...]
    package: bool = False
    added: tuple[tuple[str, ...], ...] = ()
    """Further folders on sys.path, by their names' parts."""
    homes: Mapping[str, tuple[tuple[str, ...], ...]] = dataclasses.field(
        default_factory=dict, hash=False, compare=False
    )
    """Folders of the project's packages that have a module of a first name; looked in last."""

    @property
    def folder(self) -> list[str]:
        """Return the folder's name, part by part."""
        parts = self.name.split(".") if self.name else []
        return parts if self.package else parts[:-1]

    def near(self) -> list[list[str]]:
        """Return the folders that `import` may look in, by their names' parts, the likely first.

        Where the program is started is not known: any folder above may be on sys.path, or its src.
        """
        folder = self.folder
        above = [folder[:end] for end in range(len(folder) - 1, 0, -1)]
        inner = [[*item, "src"] for item in (folder, *above) if item]
        return [folder, [], ["src"], *above, *inner, *(list(item) for item in self.added)]

    def far(self, name: str) -> list[list[str]]:
        """Return the folders of the project's packages that may have what an import names."""
        return [list(item) for item in self.homes.get(name.partition(".")[0], ())]


class Listener:
    """Receives what the code does; every method may be overridden."""

    def imported(self, place: Place, path: str, star: bool) -> list[str]:
        """Handle an import; return the names that a star brings."""
        del place, path, star
        return []

    def named(self, place: Place, path: str, guard: bool) -> None:
        """Handle an attribute of something external; `guard`: hasattr asks for it."""

    def called(self, place: Place, path: str, given: Arguments, state: State) -> None:
        """Handle a call of something external; `state` holds the contents of its arguments."""

    def compared(self, place: Place, path: str, text: str) -> None:
        """Handle a comparison of something external with a text."""

    def changed(self, place: Place, path: str) -> None:
        """Handle an assignment to an attribute of something external."""


@dataclasses.dataclass
class Frame:
    """One function, class or module that is being followed."""

    scope: Scope
    outer: tuple[Scope, ...]
    module: str
    file: str
    cell: int
    owner: Optional[Union[Object, Class]] = None
    of: Optional[Class] = None
    body: bool = False
    shared: frozenset[str] = frozenset()
    returns: list[Values] = dataclasses.field(default_factory=list)
    yields: list[Values] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Code:
    """A function of the project and where it was defined; `times` counts how often it was run.

    `started` are the arguments with which threads and executors call it; `followed` those of them,
    and of others, with which it was followed. `handed`: code which is not known has it, and may
    call it.
    """

    node: Callable
    outer: tuple[Scope, ...]
    frame: Frame
    of: Optional[Class] = None
    defaults: tuple[Values, ...] = ()
    keyword_defaults: tuple[tuple[str, Values], ...] = ()
    decorators: frozenset[str] = frozenset()
    times: int = 0
    started: list[Arguments] = dataclasses.field(default_factory=list)
    followed: set[Arguments] = dataclasses.field(default_factory=set)
    handed: bool = False


@dataclasses.dataclass
class ClassCode:
    """A class of the project.

    `above` are the project's classes that it is derived from, the nearest first. `takes` are the
    fields that its generated constructor takes by place (True), by name only (False), or not at
    all (None); `ordered`: whether their order is known.
    """

    name: str
    scope: Scope
    bases: tuple[Values, ...]
    dataclass: bool
    fields: tuple[str, ...]
    frame: Frame
    node: Union[ast.ClassDef, ast.expr]
    objects: list[Object] = dataclasses.field(default_factory=list)
    above: tuple[Class, ...] = ()
    takes: Optional[dict[str, Optional[bool]]] = None
    ordered: bool = True


class State:
    """The state that every part of the walk shares."""

    def __init__(self, sources: dict[str, Source], listeners: tuple[Listener, ...]) -> None:
        self.sources, self.listeners = sources, listeners
        self.modules: dict[str, Scope] = {}
        self.heap: dict[Object, Heap] = {}
        self.functions: dict[Function, Code] = {}
        self.classes: dict[Class, ClassCode] = {}
        self.queues: dict[ast.AST, Object] = {}
        self.homes: dict[int, tuple[Scope, Union[str, Callable]]] = {}
        """Of which module or function a scope is, by its id."""
        self.frames: list[Frame] = []
        self.stack: list[Function] = []
        # The places of the calls that are being followed, the outermost first.
        self.calls: list[Place] = []
        # The modules whose every function counts; of others only what these call.
        self.chosen: frozenset[str] = frozenset()
        # The attributes that are read of objects which are not known.
        self.loose: set[str] = set()
        self.depth = self.dead = self.steps = 0
        self.fallback = 0

    @property
    def frame(self) -> Frame:
        """Return the innermost frame."""
        return self.frames[-1]

    def place(self, node: ast.AST) -> Place:
        """Return the place of a node."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        return Place(self.frame.file, self.frame.cell, line, column)

    def step(self) -> None:
        """Count the work. Raises ExhaustedError."""
        self.steps += 1
        if self.steps > STEPS_MOST:
            raise ExhaustedError("too entangled to be followed")

    def make(
        self, fields: Scope, of: Optional[Class] = None, base: str = "", open_: str = ""
    ) -> Object:
        """Return a new object."""
        result = Object(len(self.heap))
        self.heap[result] = Heap(fields, self.depth, of, base, open_)
        return result

    def store(self, owner: Value, name: str, values: Values) -> None:
        """Set a field: it replaces the old one where this runs for certain, else it joins it."""
        heap = self.heap.get(owner) if isinstance(owner, Object) else None
        if heap is not None:
            if self.depth > heap.created_at and name in heap.fields:
                values |= heap.fields[name]
            elif self.depth > heap.created_at and not heap.open:
                values |= self.absent(heap, name)
            heap.fields[name] = values
        elif isinstance(owner, Class):
            scope = self.classes[owner].scope
            scope[name] = values | scope.get(name, frozenset()) if self.depth else values

    def changed(self, owner: Value, name: str, values: Values, node: ast.AST) -> None:
        """Report an attribute of something external that is set to another value."""
        whole = f"{owner.text}.{name}" if isinstance(owner, Path) else ""
        if whole and not self.dead and values != path(whole):
            for listener in self.listeners:
                listener.changed(self.place(node), whole)

    def touched(self, heap: Heap, why: str, *, certain: bool = False) -> None:
        """Note that something which is not known may have set any field, or `certain`: does so."""
        for name in list(heap.fields):
            heap.fields[name] |= foreign(why) if certain else unknown(why)
        heap.open = heap.open or why

    def absent(self, heap: Heap, name: str) -> Values:
        """Return what a field is that was never set."""
        if name == "*" or (heap.base != DICT and not heap.base.endswith("Options")):
            return frozenset()
        return constant(None)

    @contextlib.contextmanager
    def below(self, dead: bool = False) -> Iterator[None]:
        """Follow what may not run, or (`dead`) never runs."""
        self.depth += 1
        self.dead += dead
        try:
            yield
        finally:
            self.depth -= 1
            self.dead -= dead

    @contextlib.contextmanager
    def within(self, items: list[Item], item: Item) -> Iterator[None]:
        """Hold an item in one of the state's lists for a while."""
        items.append(item)
        try:
            yield
        finally:
            items.pop()

    @contextlib.contextmanager
    def inside(self, frame: Frame) -> Iterator[Frame]:
        """Follow within a frame."""
        with self.within(self.frames, frame):
            yield frame
