"""What each expression of the old code may stand for, by the doctor's reader."""

from __future__ import annotations

import ast
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Optional

from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import Listener, Source
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Constant,
    Path,
    Place,
    Sequence,
    Unknown,
    Value,
    Values,
    path,
    text_of,
)
from mediapipe_jetson.migrate import table, texts, unseen
from mediapipe_jetson.migrate.table import OldValue

Span = tuple[int, int, int, int]
"""First line and column, last line and column; lines count from 1, columns from 0, in letters."""
EACH = {"builtins.max", "builtins.min", "builtins.sorted", "builtins.filter"}
NOTHING: Values = frozenset()


@dataclass
class Site:
    """A call of a legacy class, and all that it is called with."""

    solution: table.Solution
    file: str
    line: int
    given: list[Arguments] = field(default_factory=list)

    def values(self, name: str) -> Optional[Values]:
        """Return what an argument may be; None where it is never given."""
        index = list(self.solution.arguments).index(name)
        result = [arguments.get(index, name) for arguments in self.given]
        some = [item for item in result if item is not None]
        if not some:
            return None
        default: Values = frozenset({Unknown("its default")}) if None in result else NOTHING
        return NOTHING.union(*some, default)

    def literal(self, name: str, default: object) -> object:
        """Return an argument's one value; None where there are several, or it is not known."""
        values = self.values(name)
        if values is None:
            return default
        known = {value.value for value in values if isinstance(value, Constant)}
        return known.pop() if len(known) == 1 == len(values) else None

    @property
    def open(self) -> bool:
        """Return whether there may be more arguments than are known."""
        return any(arguments.open for arguments in self.given)


@dataclass
class Facts:
    """What was seen: values by file and place, and the sites of constructors."""

    values: dict[tuple[str, Span], Values] = field(default_factory=dict)
    sites: list[Site] = field(default_factory=list)
    guards: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    links: set[frozenset[str]] = field(default_factory=set)
    """Pairs of files of which one imports the other."""

    def at(self, file: str, span: Span) -> Values:
        """Return what the expression at a place may be; nothing where it was never reached."""
        return self.values.get((file, span), NOTHING)

    def things(self, file: str, span: Span) -> tuple[OldValue, ...]:
        """Return what of the legacy API the expression at a place may be."""
        return tuple(sorted(set(things(self.at(file, span)))))

    def legacy_files(self) -> set[str]:
        """Return the files that have anything of the legacy API."""
        return {file for (file, _), values in self.values.items() if any(things(values))}


def things(values: Iterable[Value]) -> Iterable[OldValue]:
    """Yield what of the legacy API there is among values."""
    for value in values:
        result = table.thing(value.text) if isinstance(value, Path) else None
        if result is not None:
            yield result


class Guards(Listener):
    """Notes what the reader tells of: hasattr and star imports of the legacy API."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts

    def named(self, place: Place, path: str, guard: bool) -> None:
        """Note a guard such as hasattr(mp, "solutions")."""
        if guard and table.thing(path) is not None:
            why = "hasattr() of the legacy API decides which way the program takes"
            self.facts.guards.setdefault(place.file, []).append((place.line, why))

    def imported(self, place: Place, path: str, star: bool) -> list[str]:
        """Note a star import."""
        if star and table.thing(path) is not None:
            why = "a star import of the legacy API"
            self.facts.guards.setdefault(place.file, []).append((place.line, why))
        return []


class Follower(Flow):
    """Follows a project and keeps what every expression was."""

    def __init__(
        self,
        sources: dict[str, Source],
        contents: dict[str, str],
        places: dict[str, texts.Texts],
    ) -> None:
        self.facts = Facts()
        super().__init__(sources, (Guards(self.facts),))
        self._lines = {file: list(io.StringIO(text, newline="")) for file, text in contents.items()}
        self._sites: dict[tuple[str, Span, str], int] = {}
        self._texts = places
        self._shifts: dict[ast.AST, tuple[ast.expr, texts.Start, str]] = {}
        self._within = self._hidden = 0
        """How many texts are around, and the line of one whose expressions have no places."""

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
        """Evaluate a formatted text, whose expressions may stand elsewhere than Python tells."""
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
        """Return where a node stands, in letters: the tree counts bytes."""
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
        """Return where a node in a formatted text stands: as far from its expression's start."""
        value, (line, start), text = self._shifts[node]
        written = text.encode()
        first, last = (
            start + len(written[: offset - value.col_offset].decode(errors="ignore"))
            for offset in (node.col_offset, node.end_col_offset or 0)
        )
        return (line, first, line, last)

    def item(self, owner: Value, key: Values, node: ast.AST) -> Values:
        """Return an item; a slice of an external list is as the list."""
        if isinstance(owner, Path) and isinstance(getattr(node, "slice", None), ast.Slice):
            return frozenset({owner})
        return super().item(owner, key, node)

    def part(self, item: object, index: int, count: int) -> Values:
        """Return what one of several targets gets of a list of results."""
        if isinstance(item, Path) and any(things([item])):
            return path(f"{item.text}[]")
        return super().part(item, index, count)

    def builtin(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Follow the functions that max, sorted and their like call for each item."""
        if unseen.run(name, self.texts(given.get(0, "") or NOTHING)):
            self.refuse_at(node, unseen.AS_PROGRAM)
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

    def refuse_at(self, node: ast.AST, why: str) -> None:
        """Note a place where the legacy API may come in unseen."""
        notes = self.facts.guards.setdefault(self.frame.file, [])
        place = (self.place(node).line, why)
        if place not in notes:
            notes.append(place)

    def reflected(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Note what gets a part of MediaPipe by a name that is decided at run time."""
        owners = given.positional[0] if given.positional else NOTHING
        hidden = name != "builtins.setattr" and text_of(given.get(1, "")) is None
        if hidden and unseen.package(owners):
            self.refuse_at(node, unseen.AT_RUN_TIME)
        return super().reflected(name, given, node)

    def handed_over(self, given: Arguments, node: ast.AST) -> None:
        """Note texts that name the legacy API where it can't be followed what becomes of them."""
        super().handed_over(given, node)
        for why in unseen.handed(given.values(), self.texts(NOTHING.union(*given.values()))):
            self.refuse_at(node, why)

    def external(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Give calls of legacy classes numbers, so that what comes of each is told apart."""
        solution = table.class_of(name)
        if solution is None or not isinstance(node, ast.expr):
            return super().external(name, given, node)
        key = (self.frame.file, self.span(node), name)
        number = self._sites.setdefault(key, len(self.facts.sites))
        if number == len(self.facts.sites):
            self.facts.sites.append(Site(solution, self.frame.file, node.lineno))
        self.facts.sites[number].given.append(given)
        return path(f"{name}{table.SITE}{number}()")

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
    return follower.facts, why
