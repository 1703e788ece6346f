"""What statements do: assignments, branches, loops, definitions."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable
from typing import Any, Optional, Union

from mediapipe_jetson.doctor.flow.classes import generates, settle
from mediapipe_jetson.doctor.flow.patterns import Patterns
from mediapipe_jetson.doctor.flow.state import DICT, ClassCode, Frame
from mediapipe_jetson.doctor.flow.values import (
    Class,
    Object,
    Path,
    Scope,
    Sequence,
    Unknown,
    Value,
    Values,
    join,
    source,
    text_of,
    truth,
    unknown,
)
from mediapipe_jetson.doctor.names import is_ours

Block = Callable[[], bool]


class Statements(Patterns):
    """Follows statements; a block returns whether it ends its function or loop."""

    def block(self, body: list[ast.stmt]) -> bool:
        """Follow statements in order; those after an end are dead."""
        ended = False
        for statement in body:
            if ended:
                with self.below(dead=True):
                    self.statement(statement)
            else:
                ended = self.statement(statement)
        return ended

    def statement(self, node: ast.stmt) -> bool:
        """Follow one statement."""
        self.step()
        method: Optional[Callable[[ast.stmt], Optional[bool]]] = getattr(
            self, f"do_{type(node).__name__.lower()}", None
        )
        if method is not None:
            return bool(method(node))
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self.eval(child)
        return isinstance(node, (ast.Raise, ast.Break, ast.Continue))

    def do_return(self, node: ast.Return) -> bool:
        """Note what a function gives."""
        values = self.eval(node.value)
        if not self.dead:
            self.frame.returns.append(values)
        return True

    def do_assign(self, node: ast.Assign) -> None:
        """Bind every target."""
        values = self.eval(node.value)
        for target in node.targets:
            self.assign(target, values, node.value)

    def do_annassign(self, node: ast.AnnAssign) -> None:
        """Bind a target with a type."""
        self.eval(node.annotation)
        if node.value is not None:
            self.assign(node.target, self.eval(node.value), node.value)

    def do_augassign(self, node: ast.AugAssign) -> None:
        """Join dictionaries; anything else is unknown afterwards."""
        before = self.eval(node.target)
        after = self.eval(node.value)
        for item in before:
            if isinstance(item, Object) and self.heap[item].base == DICT:
                self.update(item, after, ast.unparse(node.value))
                return
        if isinstance(node.op, ast.Add) and before and all(isinstance(i, Sequence) for i in before):
            self.grow_by(node.target, self.elements(after))
            return
        self.assign(node.target, unknown(ast.unparse(node.target)))

    def assign(self, target: ast.AST, values: Values, value: Optional[ast.AST] = None) -> None:
        """Bind a name, an attribute, an item, or several at once."""
        if isinstance(target, ast.Name):
            self.bind(target.id, values)
        elif isinstance(target, ast.Attribute):
            for owner in self.eval(target.value):
                self.store(owner, target.attr, values)
                self.changed(owner, target.attr, values, target)
                self.escaped([values] if isinstance(owner, (Path, Unknown)) else [])
        elif isinstance(target, ast.Subscript):
            key = text_of(self.eval(target.slice))
            self.grow(target, values)
            for owner in self.eval(target.value):
                if isinstance(owner, Object) and self.heap[owner].base == DICT:
                    self.store(owner, key if key is not None else "*", values)
                self.escaped([values] if isinstance(owner, (Path, Unknown)) else [])
        elif isinstance(target, ast.Starred):
            self.assign(target.value, frozenset({Sequence((values,), exact=False)}))
        elif isinstance(target, (ast.Tuple, ast.List)):
            for index, part in enumerate(target.elts):
                self.assign(part, join(self.part(item, index, len(target.elts)) for item in values))

    def bind(self, name: str, values: Values) -> None:
        """Bind a name in its scope; a shared one joins what it may have been before."""
        frame = self.frame
        if name not in frame.shared:
            frame.scope[name] = values
            return
        for scope in frame.outer:
            if name in scope or scope is frame.outer[-1]:
                scope[name] = values | scope.get(name, frozenset()) if self.depth else values
                return

    def do_global(self, node: Union[ast.Global, ast.Nonlocal]) -> None:
        """Note names of outer scopes."""
        self.frame.shared |= frozenset(node.names)

    do_nonlocal = do_global

    def do_delete(self, node: ast.Delete) -> None:
        """Forget names."""
        for target in node.targets:
            if isinstance(target, ast.Name):
                self.frame.scope.pop(target.id, None)
            elif isinstance(target, ast.Subscript):
                key = text_of(self.eval(target.slice))
                for owner in self.eval(target.value):
                    self.removed(owner, key, target)

    def removed(self, owner: Value, key: Optional[str], node: ast.AST) -> None:
        """Take an entry out of a dictionary."""
        heap = self.heap.get(owner) if isinstance(owner, Object) else None
        if heap is None or heap.base != DICT:
            return
        if key is None:
            self.touched(heap, source(node))
        elif self.depth > heap.created_at and key in heap.fields:
            heap.fields[key] |= self.absent(heap, key)
        else:
            heap.fields.pop(key, None)

    def branches(self, *blocks: Block, known: Optional[int] = None) -> bool:
        """Follow blocks of which one runs (`known`: this one), and join what they bind."""
        before = dict(self.frame.scope)
        scopes: list[Scope] = []
        for number, block in enumerate(blocks):
            self.replace(before)
            dead = known is not None and number != known
            if number == known:
                ended = block()
            else:
                with self.below(dead=dead):
                    ended = block()
            if not ended and not dead:
                scopes.append(dict(self.frame.scope))
        names = dict.fromkeys(name for scope in scopes for name in scope)
        self.replace(
            {name: join(scope.get(name, frozenset()) for scope in scopes) for name in names}
        )
        if not scopes:
            self.replace(before)
        return not scopes

    def replace(self, scope: Scope) -> None:
        """Set what the innermost scope holds."""
        self.frame.scope.clear()
        self.frame.scope.update(scope)

    def do_if(self, node: ast.If) -> bool:
        """Follow both branches, or the one that a literal chooses."""
        known = truth(self.eval(node.test))
        chosen = None if known is None else 0 if known else 1
        return self.branches(
            lambda: self.block(node.body), lambda: self.block(node.orelse), known=chosen
        )

    def do_while(self, node: ast.While) -> None:
        """Follow the body, which may not run."""
        self.eval(node.test)
        self.branches(lambda: self.loop(node.body), lambda: False)
        self.block(node.orelse)

    def loop(self, body: list[ast.stmt]) -> bool:
        """Follow a loop's body, again if it has changed what it started with."""
        before = dict(self.frame.scope)
        self.block(body)
        none: Values = frozenset()
        fresh = join(self.frame.scope.get(name, none) - old for name, old in before.items())
        if len(self.frames) < 4 and any(map(self.telling, fresh)):
            self.branches(lambda: self.block(body), lambda: False)
        return False

    def telling(self, item: Value) -> bool:
        """Return whether a value may lead to MediaPipe."""
        return isinstance(item, Object) or is_ours(getattr(item, "text", ""))

    def do_for(self, node: Union[ast.For, ast.AsyncFor]) -> None:
        """Follow the body with all that the loop goes through."""
        items = self.elements(self.eval(node.iter))

        def body() -> bool:
            self.assign(node.target, items, node.iter)
            return self.loop(node.body)

        self.branches(body, lambda: False)
        self.block(node.orelse)

    do_asyncfor = do_for

    def do_try(self, node: ast.Try) -> bool:
        """Follow the body, then every handler from before or after it."""
        before = dict(self.frame.scope)
        with self.below():
            ended = self.block(node.body)
        after = dict(self.frame.scope)
        blocks: list[Block] = [] if ended else [lambda: self.block(node.orelse)]
        for handler in node.handlers:
            blocks.append(functools.partial(self.handler, handler, before, after))
        closed = self.branches(*blocks) if blocks else True
        return self.block(node.finalbody) or closed

    do_trystar = do_try

    def handler(self, node: ast.ExceptHandler, before: Scope, after: Scope) -> bool:
        """Follow a handler: the body may have been left anywhere."""
        names = dict.fromkeys([*before, *after])
        none: Values = frozenset()
        self.replace({name: before.get(name, none) | after.get(name, none) for name in names})
        if node.name:
            self.bind(node.name, unknown(node.name))
        self.fallback += 1
        try:
            return self.block(node.body)
        finally:
            self.fallback -= 1

    def do_with(self, node: Union[ast.With, ast.AsyncWith]) -> bool:
        """Bind what a context manager gives."""
        for item in node.items:
            values = self.entered(self.eval(item.context_expr), node)
            if item.optional_vars is not None:
                self.assign(item.optional_vars, values, item.context_expr)
        return self.block(node.body)

    do_asyncwith = do_with

    def do_match(self, node: ast.AST) -> bool:
        """Follow every case, or the one that a literal chooses."""
        values = self.eval(node.subject)  # type: ignore[attr-defined] # Python 3.10's
        cases = node.cases  # type: ignore[attr-defined]
        blocks: list[Block] = [functools.partial(self.case, case, values) for case in cases]
        return self.branches(*blocks, lambda: False, known=self.case_of(cases, values))

    def case(self, case: Any, values: Values) -> bool:  # noqa: ANN401 # Python 3.10's
        """Follow one case with what its pattern binds."""
        self.pattern(case.pattern, values)
        if case.guard is not None:
            self.eval(case.guard)
        return self.block(case.body)

    def do_functiondef(self, node: Union[ast.FunctionDef, ast.AsyncFunctionDef]) -> None:
        """Define a function."""
        given = node.args
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        notes = [item.annotation for item in every if item is not None]
        for note in filter(None, (*notes, node.returns)):
            self.eval(note)
        self.bind(node.name, frozenset({self.define(node)}))

    do_asyncfunctiondef = do_functiondef

    def do_classdef(self, node: ast.ClassDef) -> None:
        """Define a class."""
        bases = tuple(self.eval(base) for base in node.bases)
        for keyword in node.keywords:
            self.eval(keyword.value)
        named = tuple(
            item.target.id
            for item in node.body
            if isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name)
        )
        result = Class(len(self.classes))
        frame = self.frame
        home = Frame({}, (), frame.module, frame.file, frame.cell)
        code = ClassCode(node.name, {}, bases, generates(node), named, home, node)
        settle(code, self.classes)
        self.classes[result] = code
        outer = frame.outer if frame.body else (frame.scope, *frame.outer)
        inner = Frame({}, outer, frame.module, frame.file, frame.cell, None, result, body=True)
        self.classes[result].scope = inner.scope
        with self.inside(inner):
            self.block(node.body)
        self.bind(node.name, frozenset({result}))
