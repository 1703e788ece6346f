"""What the parameters of a function are: given, defaults, or unknown."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.builtin import Builtins
from mediapipe_jetson.doctor.flow.state import DICT, Code, Frame
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Path,
    Scope,
    Sequence,
    Value,
    Values,
    foreign,
    join,
    path,
    unknown,
)

OUTSIDE = Arguments(open="what calls it")
MANY = Arguments(open="a function that is called in many ways")


class Parameters(Builtins):
    """Binds arguments to parameters."""

    def parameters(self, code: Code, given: Arguments, owner: Optional[Value]) -> Scope:
        """Return a function's scope with its arguments bound."""
        arguments = code.node.args
        names = [item.arg for item in (*arguments.posonlyargs, *arguments.args)]
        positional = list(given.positional)
        if owner is not None and "staticmethod" not in code.decorators:
            positional.insert(0, frozenset({owner}))
        scope: Scope = dict(zip(names, positional))  # noqa: B905 # Python 3.9 has no strict
        spare = dict(given.keywords)
        for name in (*names, *(item.arg for item in arguments.kwonlyargs)):
            if name in spare and name not in scope:
                scope[name] = spare.pop(name)
        defaults = dict(zip(reversed(names), reversed(code.defaults)))  # noqa: B905
        defaults.update(code.keyword_defaults)
        for item in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            if item.arg in scope:
                continue
            values = defaults.get(item.arg, frozenset())
            if given.open or not values:
                values |= self.typed(code, item, given)
            scope[item.arg] = values
        if arguments.vararg is not None:
            rest = tuple(positional[len(names) :])
            scope[arguments.vararg.arg] = (
                self.opened(given, f"*{arguments.vararg.arg}")
                if given.open
                else frozenset({Sequence(rest)})
            )
        if arguments.kwarg is not None:
            guessed = given.open in ("", OUTSIDE.open, MANY.open)
            why = given.open if guessed else f"**{arguments.kwarg.arg}"
            scope[arguments.kwarg.arg] = frozenset({self.make(spare, base=DICT, open_=why)})
        return scope

    def opened(self, given: Arguments, why: str) -> Values:
        """Return what more arguments may be: foreign, unless it is only a guess that there are."""
        certain = given.open not in ("", OUTSIDE.open, MANY.open)
        return foreign(why) if certain else unknown(why)

    def typed(self, code: Code, item: ast.arg, given: Arguments) -> Values:
        """Return what a parameter that no call gives may be: by its type, else unknown."""
        name = getattr(code.node, "name", "lambda")
        if isinstance(item.annotation, (ast.Name, ast.Attribute)):
            frame = Frame({}, code.outer, code.frame.module, code.frame.file, code.frame.cell)
            listeners, self.listeners = self.listeners, ()
            try:
                with self.inside(frame):
                    types = self.eval(item.annotation)
            finally:
                self.listeners = listeners
            paths = [
                path(f"{candidate.text}()") for candidate in types if isinstance(candidate, Path)
            ]
            ours = [
                candidate
                for candidate in paths
                if any("mediapipe." in getattr(v, "text", "") for v in candidate)
            ]
            if ours and not any(
                "Options" in getattr(v, "text", "") for candidate in ours for v in candidate
            ):
                return join(ours)
        return self.opened(given, f"{item.arg} of {name}()")
