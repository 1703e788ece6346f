"""The values of each expression of the old code, by the doctor's reader."""

from __future__ import annotations

import ast
import io
import re
from typing import Optional

from mediapipe_jetson.doctor.flow.started import MAPS
from mediapipe_jetson.doctor.flow.state import QUEUE, Listener, Source
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Module,
    Path,
    Place,
    Sequence,
    Value,
    Values,
    join,
    path,
)
from mediapipe_jetson.migrate import table, texts
from mediapipe_jetson.migrate.by_text import ByText
from mediapipe_jetson.migrate.facts import NOTHING, Facts, Site, Span, things

# They call a function and give what it gives, some by a future.
LATER = re.compile(
    r"concurrent\.futures\..+\(\)\.submit|multiprocessing\..+\(\)\.apply_async"
    r"|(asyncio|anyio|starlette)\.(.+\.)?(to_thread|run_in_executor|run_sync)"
)
PASSES_MOST = 4
EACH = {"builtins.max", "builtins.min", "builtins.sorted", "builtins.filter"}


class Guards(Listener):
    """Notes what the reader reports: hasattr and star imports of the legacy API."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def named(self, place: Place, path: str, guard: bool) -> None:
        """Note a guard such as hasattr(mp, "solutions")."""
        thing = table.thing(path) if guard else None
        if thing is not None and thing.kind not in table.TESTED and not table.same_method(thing):
            why = "hasattr() of the legacy API decides which way the program takes"
            self.facts.guards.setdefault(place.file, []).append((place.line, why))

    def imported(self, place: Place, path: str, star: bool) -> list[str]:
        """Note an import; one with a star is refused."""
        if table.thing(path) is not None:
            lines = self.facts.imports.setdefault(place.file, [])
            lines += [place.line] if place.line not in lines else []
        if star and table.thing(path) is not None:
            why = "a star import of the legacy API"
            self.facts.guards.setdefault(place.file, []).append((place.line, why))
        return []


class Follower(ByText):
    """Follows a project and keeps what every expression was."""

    def __init__(
        self,
        sources: dict[str, Source],
        contents: dict[str, str],
        places: dict[str, texts.Texts],
    ) -> None:
        self.facts = Facts()
        self.memory = {}
        super().__init__(sources, (Guards(self.facts),))
        self._lines = {file: list(io.StringIO(text, newline="")) for file, text in contents.items()}
        self._sites: dict[tuple[str, Span, str], int] = {}
        self._texts = places
        self._shifts: dict[ast.AST, tuple[ast.expr, texts.Start, str]] = {}
        self._within = self._hidden = 0
        """How many texts are around, and the line of one whose expressions have no places."""

    def follow(self, names: list[str]) -> str:
        """Follow these modules until nothing new is seen; return why that failed."""
        before = -1
        for _ in range(PASSES_MOST):
            self.modules.clear()
            self.steps = 0
            why = super().follow(names)
            now = self.facts.count()
            if why or now == before or not (self.memory or self.queues):
                return why
            before = now
        return ""

    def eval(self, node: Optional[ast.AST]) -> Values:
        """Evaluate an expression and record what it is."""
        return self._record(node, super().eval(node))

    def eval_attribute(self, node: ast.Attribute, within: bool = False) -> Values:
        """Look an attribute up and record what it is."""
        return self._record(node, super().eval_attribute(node, within))

    def _record(self, node: Optional[ast.AST], values: Values) -> Values:
        if self._hidden:
            self._refuse_hidden(values)
        elif isinstance(node, ast.expr):
            key = (self.frame.file, self.span(node))
            self.facts.values[key] = self.facts.values.get(key, NOTHING) | values
        return values

    def eval_joinedstr(self, node: ast.JoinedStr) -> Values:
        """Evaluate a formatted text, whose expressions may be elsewhere than in Python's tree."""
        hidden, self._within = self._hidden, self._within + 1
        if not texts.RIGHT and self._within == 1:
            line, column, _, _ = self.span(node)
            try:
                known = self._texts.get(self.frame.file, {})
                self._shifts.update(texts.shifts(node, (line, column), known))
            except LookupError:
                self._hidden = line
        values = super().eval_joinedstr(node)
        for part in node.values:
            if isinstance(part, ast.FormattedValue) and part.format_spec is not None:
                self.eval(part.format_spec)
        self._hidden, self._within = hidden, self._within - 1
        return values

    def _refuse_hidden(self, values: Values) -> None:
        if any(things(values)):
            notes = self.facts.guards.setdefault(self.frame.file, [])
            why = "a formatted text that is too entangled; put what it shows into a variable"
            if (self._hidden, why) not in notes:
                notes.append((self._hidden, why))

    def span(self, node: ast.expr) -> Span:
        """Return the place of a node, in letters: the tree counts bytes."""
        lines = self._lines.get(self.frame.file, [])
        if node in self._shifts:
            return self._shifted(node)

        def column(line: int, offset: int) -> int:
            text = lines[line - 1] if 0 < line <= len(lines) else ""
            return offset if text.isascii() else len(text.encode()[:offset].decode())

        last = node.end_lineno or node.lineno
        return (
            node.lineno,
            column(node.lineno, node.col_offset),
            last,
            column(last, node.end_col_offset or 0),
        )

    def _shifted(self, node: ast.expr) -> Span:
        """Return the place of a node in a formatted text, from its expression's start."""
        value, (line, start), text = self._shifts[node]
        written = text.encode()
        first, last = (
            start + len(written[: offset - value.col_offset].decode(errors="ignore"))
            for offset in (node.col_offset, node.end_col_offset or 0)
        )
        return (line, first, line, last)

    def item(self, owner: Value, key: Values, node: ast.AST) -> Values:
        """Return an item; a slice of an external list is as the list."""
        if isinstance(getattr(node, "slice", None), ast.Slice):
            if isinstance(owner, Path):
                return frozenset({owner})
            if isinstance(owner, Sequence):
                return frozenset({Sequence((join(owner.items),), exact=False)})
        return super().item(owner, key, node)

    def part(self, item: object, index: int, count: int) -> Values:
        """Return what one of several targets gets of a list of results."""
        if isinstance(item, Path) and any(things([item])):
            return path(f"{item.text}[]")
        return super().part(item, index, count)

    def builtin(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Follow the functions that max, sorted and their like call for each item."""
        if name in EACH and given.positional:
            items = self.elements(given.positional[-1])
            by = given.positional[0] if name == "builtins.filter" else given.get(-1, "key")
            for function in by or ():
                self.apply(function, Arguments((items,)), node)
            if name == "builtins.filter":
                return frozenset({Sequence((items,), exact=False)})
            if name in ("builtins.max", "builtins.min") and len(given.positional) == 1:
                return items
        return super().builtin(name, given, node)

    def external(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Give calls of legacy classes numbers, which keep their results apart."""
        solution = table.class_of(name)
        if LATER.fullmatch(name) or MAPS.fullmatch(name):
            super().external(name, given, node)
            return self._later(name, given, node)
        if solution is None or not isinstance(node, ast.expr):
            return super().external(name, given, node)
        key = (self.frame.file, self.span(node), name)
        number = self._sites.setdefault(key, len(self.facts.sites))
        if number == len(self.facts.sites):
            self.facts.sites.append(Site(solution, self.frame.file, node.lineno))
        self.facts.sites[number].given.append(given)
        return path(f"{name}{table.SITE}{number}()")

    def _later(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Return what a function gives that a thread or an executor calls, or a future of it."""
        functions, own = self.handed_to(name, given, node)
        result = join(self.apply(item, own, node) for item in functions)
        if MAPS.fullmatch(name) and not name.endswith("_async"):
            return frozenset({Sequence((result,), exact=False)})
        if name.endswith((".to_thread", ".run_in_executor", ".run_sync")):
            return result
        held = frozenset({Sequence((result,), exact=False)}) if MAPS.fullmatch(name) else result
        return frozenset({self.make({"*": held}, base=QUEUE)})

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Values:
        """Note which names files read of others."""
        if isinstance(owner, Module) and self.sources[owner.name].file != self.frame.file:
            where = f"{self.frame.file}:{self.place(node).line}"
            self.facts.read.setdefault((self.sources[owner.name].file, name), where)
        return super().attribute(owner, name, node)

    def from_project(self, module: str, item: ast.alias) -> None:
        """Note which files belong together."""
        self._link(module)
        super().from_project(module, item)

    def module_scope(self, name: str) -> dict[str, Values]:
        """Note which files belong together."""
        self._link(name)
        return super().module_scope(name)

    def _link(self, module: str) -> None:
        if self.frames:
            self.facts.links.add(frozenset({self.frame.file, self.sources[module].file}))


def follow(
    sources: dict[str, Source],
    chosen: list[str],
    contents: dict[str, str],
    places: dict[str, texts.Texts],
) -> tuple[Facts, str]:
    """Follow chosen modules of a project, and what they call in others.

    Returns what was seen, and why it failed, "" if it did not. `contents` and `places` are the
    files' text and their formatted texts.
    """
    follower = Follower(sources, contents, places)
    why = follower.follow(chosen)
    follower.settle()
    follower.facts.heap = follower.heap
    return follower.facts, why
