"""What was seen in the old code: what its expressions may be, and what can't be rewritten."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Optional

from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Constant,
    Heap,
    Object,
    Path,
    Unknown,
    Value,
    Values,
)
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.table import OldValue

Span = tuple[int, int, int, int]
"""First line and column, last line and column; lines count from 1, columns from 0, in letters."""
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
        given_values = [item for item in result if item is not None]
        if not given_values:
            return None
        default: Values = frozenset({Unknown("its default")}) if None in result else NOTHING
        return NOTHING.union(*given_values, default)

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
    by_text: set[tuple[str, Span]] = field(default_factory=set)
    """Places that get a part of the legacy API by a text."""
    heap: dict[Object, Heap] = field(default_factory=dict)
    """What objects hold."""
    exact: frozenset[OldValue] = frozenset()
    """Fields that have to stay None where nothing was found."""
    read: dict[tuple[str, str], str] = field(default_factory=dict)
    """Files of modules of which others read a name by attribute, with the name: where."""
    imports: dict[str, list[int]] = field(default_factory=dict)
    """Lines that import something of the legacy API."""
    mentions: dict[str, list[tuple[int, str, bool]]] = field(default_factory=dict)
    """Lines that name the legacy API for a tool, as which text, and whether it may come back."""

    def count(self) -> int:
        """Return how much of the legacy API was seen."""
        return sum(1 for values in self.values.values() for _ in things(values))

    def at(self, file: str, span: Span) -> Values:
        """Return what the expression at a place may be; nothing where it was never reached."""
        return self.values.get((file, span), NOTHING)

    def things(self, file: str, span: Span) -> tuple[OldValue, ...]:
        """Return what of the legacy API the expression at a place may be."""
        return tuple(sorted(set(things(self.at(file, span)))))

    def legacy_files(self) -> set[str]:
        """Return the files that have, or may have, anything of the legacy API."""
        old = {file for (file, _), values in self.values.items() if any(things(values))}
        other = self.guards.keys() | self.mentions.keys() | self.imports.keys()
        return old | {file for file, _ in self.by_text} | other


def things(values: Iterable[Value]) -> Iterable[OldValue]:
    """Yield what of the legacy API there is among values."""
    for value in values:
        result = table.thing(value.text) if isinstance(value, Path) else None
        if result is not None:
            yield result
