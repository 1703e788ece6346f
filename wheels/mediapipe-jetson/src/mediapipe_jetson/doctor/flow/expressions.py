"""The values of expressions."""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable
from typing import Optional, Union

from mediapipe_jetson.doctor.flow import texts
from mediapipe_jetson.doctor.flow.attributes import Attributes
from mediapipe_jetson.doctor.flow.state import DICT, Code, Frame
from mediapipe_jetson.doctor.flow.values import (
    Class,
    Constant,
    Function,
    Object,
    Parent,
    Path,
    Sequence,
    Values,
    constant,
    join,
    path,
    source,
    text_of,
    truth,
    unknown,
)
from mediapipe_jetson.doctor.names import is_ours

BUILTINS = frozenset(dir(builtins))
# Of a longer list, the items are known, not their order.
ITEMS_MOST = 256
Comprehension = Union[ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp]


class Expressions(Attributes):
    """Evaluates expressions; calls and modules are its subclasses' part."""

    def call(self, node: ast.Call) -> Values:
        """Return what a call gives."""
        raise NotImplementedError

    def eval(self, node: Optional[ast.AST]) -> Values:
        """Return the values that an expression may have."""
        if node is None:
            return constant(None)
        self.step()
        method: Optional[Callable[[ast.AST], Values]] = getattr(
            self, f"eval_{type(node).__name__.lower()}", None
        )
        if method is not None:
            return method(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.eval(child)
        return unknown(source(node))

    def eval_constant(self, node: ast.Constant) -> Values:
        """Return a literal."""
        return constant(node.value)

    def eval_name(self, node: ast.Name) -> Values:
        """Look a name up from the innermost scope outwards."""
        frame = self.frame
        for scope in (frame.scope, *frame.outer):
            if node.id in scope:
                return scope[node.id]
        if node.id in BUILTINS:
            return path(f"builtins.{node.id}")
        return unknown(node.id)

    def eval_attribute(self, node: ast.Attribute, within: bool = False) -> Values:
        """Look an attribute up; of a chain of names, only the longest is reported to listeners."""
        if isinstance(node.value, ast.Attribute):
            base = self.eval_attribute(node.value, within=True)
        else:
            base = self.eval(node.value)
        result = []
        for item in base:
            values = self.attribute(item, node.attr, node)
            result.append(values)
            inside = isinstance(item, (Path, Object, Class, Parent))
            for value in values if inside else ():
                external = isinstance(item, Path) or self.inherited(item, node.attr)
                shown = not within or "()" in getattr(value, "text", "")
                if external and shown and isinstance(value, Path) and is_ours(value.text):
                    for listener in self.listeners:
                        listener.named(self.place(node), value.text, False)
        return join(result)

    def eval_subscript(self, node: ast.Subscript) -> Values:
        """Return an item."""
        base, key = self.eval(node.value), self.eval(node.slice)
        return join(self.item(item, key, node) for item in base)

    def eval_tuple(self, node: Union[ast.Tuple, ast.List, ast.Set]) -> Values:
        """Return a list's, tuple's or set's elements."""
        items, exact = [], True
        for part in node.elts:
            if isinstance(part, ast.Starred):
                items.append(self.elements(self.eval(part.value)))
                exact = False
            else:
                items.append(self.eval(part))
        return frozenset({Sequence(tuple(items), exact)})

    eval_list = eval_set = eval_tuple

    def eval_dict(self, node: ast.Dict) -> Values:
        """Return a new dictionary."""
        result = self.make({}, base=DICT)
        for key, value in zip(node.keys, node.values):  # noqa: B905 # Python 3.9 has no strict
            if key is None:
                self.update(result, self.eval(value), source(value))
                continue
            name, values = text_of(self.eval(key)), self.eval(value)
            if name is None:
                self.heap[result].fields["*"] = values | self.heap[result].fields.get(
                    "*", frozenset()
                )
            else:
                self.heap[result].fields[name] = values
        return frozenset({result})

    def eval_ifexp(self, node: ast.IfExp) -> Values:
        """Return what a condition leads to."""
        known = truth(self.eval(node.test))
        with self.below(dead=known is False):
            yes = self.eval(node.body)
        with self.below(dead=known is True):
            no = self.eval(node.orelse)
        return join([yes, no]) if known is None else yes if known else no

    def eval_boolop(self, node: ast.BoolOp) -> Values:
        """Return what `and` and `or` lead to."""
        result: list[Values] = []
        for part in node.values:
            values = self.eval(part)
            known = truth(values)
            stops = known is isinstance(node.op, ast.Or)
            if known is None or stops or part is node.values[-1]:
                result.append(values)
            if known is not None and stops:
                break
        return join(result)

    def eval_unaryop(self, node: ast.UnaryOp) -> Values:
        """Return a negation."""
        values = self.eval(node.operand)
        known = truth(values) if isinstance(node.op, ast.Not) else None
        return unknown(source(node)) if known is None else constant(not known)

    def eval_compare(self, node: ast.Compare) -> Values:
        """Compare literals; report to listeners where a text is compared."""
        sides = [self.eval(node.left), *(self.eval(part) for part in node.comparators)]
        for values, other in ((sides[0], sides[-1]), (sides[-1], sides[0])):
            for item in values:
                for text in self.texts(other) if isinstance(item, Path) else ():
                    for listener in self.listeners:
                        listener.compared(self.place(node), getattr(item, "text", ""), text)
        operator = node.ops[0]
        left, right = (
            next(iter(side)) if len(side) == 1 else None for side in (sides[0], sides[-1])
        )
        same = left == right
        both = isinstance(left, Constant) and isinstance(right, Constant) and len(sides) == 2
        if both and isinstance(operator, (ast.Eq, ast.Is, ast.NotEq, ast.IsNot)):
            return constant(same is isinstance(operator, (ast.Eq, ast.Is)))
        return unknown(source(node))

    def texts(self, values: Values) -> list[str]:
        """Return the texts among these, and within lists of them."""
        result = []
        for item in values:
            if isinstance(item, Constant) and isinstance(item.value, str):
                result.append(item.value)
            elif isinstance(item, Sequence):
                result += self.texts(join(item.items))
        return result

    def eval_binop(self, node: ast.BinOp) -> Values:
        """Join dictionaries and texts."""
        left, right = self.eval(node.left), self.eval(node.right)
        if isinstance(node.op, ast.BitOr):
            result = self.make({}, base=DICT)
            for side, part in ((left, node.left), (right, node.right)):
                self.update(result, side, source(part))
            return frozenset({result})
        if isinstance(node.op, (ast.Add, ast.Mult)) and any(map(_listed, (*left, *right))):
            sides = (left, right) if isinstance(node.op, ast.Add) else (left | right,)
            return self._lists(sides)
        if isinstance(node.op, ast.Add):
            return texts.joined((left, right), source(node))
        if isinstance(node.op, ast.Mod):
            return texts.percent(left, right, source(node))
        return unknown(source(node))

    def _lists(self, sides: tuple[Values, ...]) -> Values:
        """Return a list of what several lists hold, or of one many times."""
        only = [next(iter(side)) for side in sides if len(side) == 1]
        exact = [item for item in only if isinstance(item, Sequence) and item.exact]
        if len(sides) == len(exact) == 2 and sum(len(item.items) for item in exact) <= ITEMS_MOST:
            return frozenset({Sequence((*exact[0].items, *exact[1].items))})
        if len(sides) == 2:
            return frozenset({Sequence((join(map(self.elements, sides)),), exact=False)})
        held = join(part for item in sides[0] if isinstance(item, Sequence) for part in item.items)
        return frozenset({Sequence((held,), exact=False)})

    def eval_joinedstr(self, node: ast.JoinedStr) -> Values:
        """Return a formatted text, or its beginning."""
        return texts.joined([self._part(part) for part in node.values], source(node))

    def _part(self, node: ast.expr) -> Values:
        """Return a part of a formatted text."""
        if not isinstance(node, ast.FormattedValue):
            return self.eval(node)
        plain = node.conversion in (-1, ord("s")) and node.format_spec is None
        values = self.eval(node.value)
        return texts.as_text(values) if plain else unknown(source(node))

    def eval_namedexpr(self, node: ast.NamedExpr) -> Values:
        """Bind a name within an expression."""
        values = self.eval(node.value)
        if isinstance(node.target, ast.Name):
            self.frame.scope[node.target.id] = values
        return values

    def eval_await(self, node: Union[ast.Await, ast.Starred]) -> Values:
        """Return what is waited for."""
        return self.eval(node.value)

    eval_starred = eval_await

    def eval_yield(self, node: ast.Yield) -> Values:
        """Note what a generator gives."""
        self.frame.yields.append(self.eval(node.value))
        return unknown(source(node))

    def eval_yieldfrom(self, node: ast.YieldFrom) -> Values:
        """Note what a generator gives from another."""
        self.frame.yields.append(self.elements(self.eval(node.value)))
        return unknown(source(node))

    def eval_lambda(self, node: ast.Lambda) -> Values:
        """Define a function."""
        return frozenset({self.define(node)})

    def define(self, node: Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]) -> Function:
        """Note a function of the project with its defaults."""
        function = Function(len(self.functions))
        given, frame = node.args, self.frame
        decorators = set()
        for item in getattr(node, "decorator_list", ()):
            self.eval(item)
            decorators.add(source(item.func if isinstance(item, ast.Call) else item).split(".")[-1])
        self.functions[function] = Code(
            node,
            frame.outer if frame.body else (frame.scope, *frame.outer),
            Frame({}, (), frame.module, frame.file, frame.cell),
            frame.of if frame.body else None,
            tuple(self.eval(item) for item in given.defaults),
            tuple(
                (item.arg, self.eval(value))
                for item, value in zip(given.kwonlyargs, given.kw_defaults)  # noqa: B905
                if value is not None
            ),
            frozenset(decorators),
        )
        return function

    def eval_comprehension_of(self, node: Comprehension) -> Values:
        """Evaluate a comprehension in a scope of its own."""
        frame = self.frame
        inner = Frame({}, (frame.scope, *frame.outer), frame.module, frame.file, frame.cell)
        with self.below(), self.inside(inner):
            for part in node.generators:
                self.assign(part.target, self.elements(self.eval(part.iter)), part.iter)
                for test in part.ifs:
                    self.eval(test)
            if isinstance(node, ast.DictComp):
                self.eval(node.key)
                result = self.make({"*": self.eval(node.value)}, base=DICT, open_=source(node))
                return frozenset({result})
            return frozenset({Sequence((self.eval(node.elt),), exact=False)})

    eval_listcomp = eval_setcomp = eval_comprehension_of
    eval_generatorexp = eval_dictcomp = eval_comprehension_of

    def assign(self, target: ast.AST, values: Values, value: Optional[ast.AST] = None) -> None:
        """Bind the target of an assignment."""
        raise NotImplementedError


def _listed(item: object) -> bool:
    return isinstance(item, Sequence)
