"""Which fields of results have to stay None where nothing was found: there Tasks give empty lists.

Most programs only ask whether there is anything. Where one looks at None itself (`None in history`,
`hands and len(hands)`, what is printed or written), `or None` is added to the field.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import libcst as cst
from libcst import metadata

from mediapipe_jetson.doctor.flow.calls import GROWING, TAKING
from mediapipe_jetson.doctor.flow.state import DICT
from mediapipe_jetson.doctor.flow.values import (
    Bound,
    Class,
    Constant,
    Function,
    Method,
    Module,
    Object,
    Path,
    Sequence,
    Unknown,
    Value,
)
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.context import Context
from mediapipe_jetson.migrate.facts import Facts, things
from mediapipe_jetson.migrate.forms import several
from mediapipe_jetson.migrate.table import NULLABLE, OldValue

# Functions that loop over a value or test its truth: an empty list does as well.
THROUGH = {f"builtins.{name}" for name in (
    *("len", "enumerate", "zip", "sorted", "list", "tuple", "set", "reversed", "iter", "next"),
    *("min", "max", "any", "all", "sum", "bool", "map", "filter", "getattr", "hasattr", "type"),
    *("isinstance", "setattr", "dir", "vars", "dict"),
)} | {"collections.deque"}  # fmt: skip
FOLLOWED = (Function, Bound, Class, Method)
HOLDERS = (Object, Class, Module, Sequence)
COUNTING = {"count", "index", "remove"}
DEEPEST = 4


class Missing(Context):
    """Finds the fields of one file that have to stay None; changes nothing."""

    def __init__(self, file: str, facts: Facts) -> None:
        super().__init__(file, facts, {}, gpu=False)
        self.exact: set[OldValue] = set()
        self.together: list[frozenset[OldValue]] = []
        """What is compared with None in one place."""

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Look at an expression and the code around it."""
        if isinstance(node, cst.BaseExpression) and self.values(node):
            own = frozenset(filter(nullable, self.things(node)))
            if own and self._needs_none(node):
                self.exact |= own
            inside = set(self._inside(self.values(node), DEEPEST))
            if inside and self._needs_exact_items(node):
                self.exact |= inside
        return True

    def on_leave(  # type: ignore[override] # nothing changes
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> cst.CSTNode:
        """Return the same node."""
        del updated_node
        return original_node

    def _needs_none(self, node: cst.BaseExpression) -> bool:
        """Return whether the code around an expression needs it to be None, not empty."""
        around = self.parent(node)
        if isinstance(around, cst.BooleanOperation):
            first = node is around.left and isinstance(around.operator, cst.And)
            return first and not self.tested(around)
        if isinstance(around, (cst.Comparison, cst.ComparisonTarget)):
            return self._compared_with(node, around)
        if isinstance(around, (cst.Element, cst.DictElement)):
            holder = self.parent(around)
            return isinstance(holder, cst.BaseExpression) and self._needs_exact_items(holder)
        return (
            _texts(around)
            or self._handed(node, around)
            or self._given_away(node, around)
            or self._fails(node, around)
        )

    def _compared_with(self, node: cst.BaseExpression, around: cst.CSTNode) -> bool:
        whole = self.parent(around) if isinstance(around, cst.ComparisonTarget) else around
        if not isinstance(whole, cst.Comparison) or self.compared(whole) is None:
            return True
        self.together.append(frozenset(filter(nullable, self.things(node))))
        return not all(map(_simple, self.values(node)))

    def _handed(self, node: cst.BaseExpression, around: object) -> bool:
        """Return whether it goes to code that is not followed and may look at it."""
        call = self.parent(around) if isinstance(around, cst.Arg) else None
        if not isinstance(call, cst.Call) or self.things(call.func):
            return False
        functions = self.values(call.func)
        if isinstance(call.func, cst.Attribute) and call.func.attr.value in (*GROWING, *TAKING):
            return False
        known = [
            isinstance(item, FOLLOWED) or getattr(item, "text", "") in THROUGH for item in functions
        ]
        return not (known and all(known))

    def _given_away(self, node: cst.BaseExpression, around: object) -> bool:
        """Return whether it is put into what is not of the program."""
        if not isinstance(around, cst.Assign):
            return False
        owners = [
            target.target.value
            for target in around.targets
            if isinstance(target.target, (cst.Attribute, cst.Subscript))
        ]
        return any(
            not any(isinstance(item, HOLDERS) for item in self.values(owner)) for owner in owners
        )

    def _fails(self, node: cst.BaseExpression, around: object) -> bool:
        """Return whether an error that its None raises is caught."""
        used = isinstance(around, (cst.For, cst.CompFor, cst.Subscript, cst.Attribute, cst.Arg))
        apart = isinstance(around, cst.Assign) and any(map(several, around.targets))
        raises = used or apart or isinstance(around, cst.StarredElement)
        return raises and self.caught(node) and not self.guarded(node)

    def _needs_exact_items(self, node: cst.BaseExpression) -> bool:
        """Return whether it matters what exactly a list or dictionary holds."""
        around = self.parent(node)
        if isinstance(around, (cst.Comparison, cst.ComparisonTarget)):
            whole = self.parent(around) if isinstance(around, cst.ComparisonTarget) else around
            return isinstance(whole, cst.Comparison) and self.compared(whole) is None
        if isinstance(around, cst.Attribute):
            return around.attr.value in COUNTING
        return _texts(around) or self._handed(node, around)

    def _inside(self, values: Iterable[Value], depth: int) -> Iterator[OldValue]:
        """Yield the fields that lists and dictionaries hold."""
        for item in values if depth else ():
            inner: list[Value] = []
            if isinstance(item, Sequence):
                inner = [value for part in item.items for value in part]
            elif isinstance(item, Object) and self.facts.heap[item].base == DICT:
                inner = [value for part in self.facts.heap[item].fields.values() for value in part]
            yield from filter(nullable, things(inner))
            yield from self._inside(inner, depth - 1)


def nullable(value: OldValue) -> bool:
    """Return whether a field was None where it is an empty list now."""
    holistic = value.kind == "list" and value.solution == "holistic" and bool(value.name)
    return value.kind in table.LISTS or holistic


def _texts(around: object) -> bool:
    """Return whether something is written into a text."""
    if isinstance(around, cst.BinaryOperation):
        return isinstance(around.operator, cst.Modulo)
    return isinstance(around, cst.FormattedStringExpression)


def _simple(value: Value) -> bool:
    """Return whether a value may be compared with None by its truth."""
    if isinstance(value, Constant):
        return value.value is None
    if isinstance(value, Path):
        old = table.thing(value.text)
        return old is not None and old.kind in NULLABLE
    return isinstance(value, Unknown)


def find(modules: dict[str, metadata.MetadataWrapper], facts: Facts) -> frozenset[OldValue]:
    """Return the fields that have to stay None."""
    exact: set[OldValue] = set()
    together: list[frozenset[OldValue]] = []
    for file, module in modules.items():
        finder = Missing(file, facts)
        module.visit(finder)
        exact |= finder.exact
        together += finder.together
    while True:
        more = {value for group in together if group & exact for value in group} - exact
        if not more:
            return frozenset(exact)
        exact |= more
