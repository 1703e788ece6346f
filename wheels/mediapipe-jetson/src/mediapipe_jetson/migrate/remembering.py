"""What the old code holds, whoever puts it there: threads, callbacks, the loop's last round.

A first pass remembers what is put into attributes, lists, dictionaries and shared names; the next
one reads it where nothing of it was seen before.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from typing import Optional, Union

from mediapipe_jetson.doctor.flow.expressions import Comprehension
from mediapipe_jetson.doctor.flow.holders import LISTS
from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import DICT
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Class,
    Function,
    Heap,
    Module,
    Object,
    Sequence,
    Value,
    Values,
    constant,
    join,
    origins_of,
)

NOTHING: Values = frozenset()
DICTS = ("builtins.dict", "collections.defaultdict", "collections.OrderedDict")
ITEMS = "[]"
MOST = 48
"""Of what one place may hold."""
Home = Union[ast.AST, str, None]


class Remembering(Flow):
    """Follows a project and remembers what its objects hold."""

    memory: dict[tuple[Home, str], Values]

    def remember(self, home: Home, name: str, values: Values) -> None:
        """Note what was put into something."""
        before = self.memory.get((home, name), NOTHING)
        more = frozenset(item for item in values if self.holds(item))
        if home is not None and more and len(before) < MOST:
            self.memory[home, name] = before | more

    def recall(self, home: Home, name: str, values: Values) -> Values:
        """Return what something may hold: what was seen, else what is put there elsewhere."""
        if (home, name) not in self.memory or any(map(self.holds, values)):
            return values
        return values | self.memory[home, name]

    def holds(self, item: Value) -> bool:
        """Return whether a value is, or holds, something that may lead to MediaPipe."""
        if isinstance(item, Sequence):
            return any(map(self.holds, NOTHING.union(*item.items)))
        return not isinstance(item, (Function, Class)) and self.telling(item)

    def class_of(self, owner: Value) -> Home:
        """Return what defines the class of an object, or a class."""
        of = self.heap[owner].of if isinstance(owner, Object) else owner
        return self.classes[of].node if isinstance(of, Class) else None

    def store(self, owner: Value, name: str, values: Values) -> None:
        """Set a field, of a module too."""
        super().store(owner, name, values)
        if isinstance(owner, Module):
            scope = self.module_scope(owner.name)
            scope[name] = values | scope.get(name, NOTHING)
            self.remember(owner.name, name, values)
        elif isinstance(owner, Object) and self.heap[owner].base == DICT:
            self.remember(self.heap[owner].origin, name, values)
        else:
            self.remember(self.class_of(owner), name, values)

    def field(self, owner: Object, name: str, node: ast.AST) -> Values:
        """Return a field of an object."""
        return self.recall(self.class_of(owner), name, super().field(owner, name, node))

    def member(self, of: Class, name: str) -> Optional[Values]:
        """Return a name of a class of the project."""
        known = super().member(of, name)
        return known if known is None else self.recall(self.class_of(of), name, known)

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Values:
        """Return what an attribute of one value may be."""
        values = super().attribute(owner, name, node)
        return self.recall(owner.name, name, values) if isinstance(owner, Module) else values

    def bind(self, name: str, values: Values) -> None:
        """Bind a name in its scope."""
        super().bind(name, values)
        if name in self.frame.shared:
            outer = self.frame.outer
            scope = next((item for item in outer if name in item), {})
            self.remember(self.home(scope), name, values)

    def eval_name(self, node: ast.Name) -> Values:
        """Look a name up."""
        values = super().eval_name(node)
        for scope in (self.frame.scope, *self.frame.outer):
            if node.id in scope:
                return self.recall(self.home(scope), node.id, values)
        return values

    def home(self, scope: dict[str, Values]) -> Home:
        """Return the module or function that a scope is of."""
        return self.homes.get(id(scope), (scope, None))[1]

    def entry(self, heap: Heap, name: str) -> Values:
        """Return what a dictionary has under a key."""
        return self.recall(heap.origin, name, super().entry(heap, name))

    def holder(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return a new holder, with what is put into it elsewhere."""
        values = super().holder(name, given, node)
        if values is not None and name in LISTS:
            return self._list(values, node)
        return self._dictionary(values, node) if values and name in DICTS else values

    def builtin(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what one of Python's own functions gives."""
        values = super().builtin(name, given, node)
        return self._dictionary(values, node) if values and name in DICTS else values

    def eval_dict(self, node: ast.Dict) -> Values:
        """Return a new dictionary, with what is put into it elsewhere."""
        return self._dictionary(super().eval_dict(node), node)

    def eval_tuple(self, node: Union[ast.Tuple, ast.List, ast.Set]) -> Values:
        """Return a list's, tuple's or set's elements."""
        values = super().eval_tuple(node)
        return values if isinstance(node, ast.Tuple) else self._list(values, node)

    eval_list = eval_set = eval_tuple

    def eval_binop(self, node: ast.BinOp) -> Values:
        """Return what an operation gives; of lists a new one."""
        values = super().eval_binop(node)
        return self._list(values, node) if all(isinstance(i, Sequence) for i in values) else values

    def eval_comprehension_of(self, node: Comprehension) -> Values:
        """Evaluate a comprehension, which may make a new list."""
        values = super().eval_comprehension_of(node)
        return self._list(values, node) if isinstance(node, ast.ListComp) else values

    eval_listcomp = eval_setcomp = eval_comprehension_of
    eval_generatorexp = eval_dictcomp = eval_comprehension_of

    def grow_by(self, target: ast.expr, more: Values) -> bool:
        """Let a list hold more."""
        for origin in frozenset[ast.AST]().union(*map(origins_of, self.eval(target))):
            self.remember(origin, ITEMS, more)
        return super().grow_by(target, more)

    def _list(self, values: Values, node: ast.AST) -> Values:
        """Return a list that is made at a place, with what is put into it elsewhere."""
        more = self.memory.get((node, ITEMS), NOTHING)
        result: set[Value] = set()
        for item in values:
            if not isinstance(item, Sequence):
                result.add(item)
            elif more:
                held = (join([*item.items, more]),)
                result.add(Sequence(held, exact=False, origins=frozenset({node})))
            else:
                result.add(Sequence(item.items, item.exact, frozenset({node})))
        return frozenset(result)

    def _dictionary(self, values: Values, node: ast.AST) -> Values:
        """Return a dictionary that is made at a place, with what is put into it elsewhere."""
        for heap in self._heaps(values):
            heap.origin = node
            for (home, name), more in self.memory.items():
                if home is node and name != ITEMS and name not in heap.fields:
                    heap.fields[name] = more if name == "*" else more | constant(None)
        return values

    def _heaps(self, values: Iterable[Value]) -> list[Heap]:
        return [self.heap[item] for item in values if isinstance(item, Object)]
