"""What reaches things by their names as texts: vars, attrgetter, sys.modules and their like."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.expressions import Expressions
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Path,
    Sequence,
    Value,
    Values,
    join,
    path,
    source,
    text_of,
    unknown,
)
from mediapipe_jetson.doctor.names import canonical

FIELDS = ".__dict__"
READERS = (".__getattribute__", ".__getattr__")
OWNERS = ("builtins.object", "builtins.type")
ITEMS = (".get", ".__getitem__", ".pop", ".setdefault")
GETTERS = ("operator.attrgetter", "operator.itemgetter", "operator.methodcaller")
MODULES = "sys.modules"
SCOPES = ("builtins.globals()", "builtins.locals()", "builtins.vars()")
NONE: Values = frozenset()


class Reflection(Expressions):
    """Answers calls and items that give an attribute, a module or a name by a text."""

    def apply(self, function: Value, given: Arguments, node: ast.AST) -> Values:
        """Return what one call gives."""
        raise NotImplementedError

    def imported(self, name: str, node: ast.AST) -> Values:
        """Return a module by its name."""
        raise NotImplementedError

    def by_name(self, owners: Values, names: str, node: ast.AST) -> Values:
        """Return what a dotted name leads to, and tell listeners of it."""
        result = owners
        for name in names.split("."):
            result = join(self.attribute(item, name, node) for item in result)
        for item in result:
            if isinstance(item, Path) and any(isinstance(owner, Path) for owner in owners):
                for listener in self.listeners:
                    listener.named(self.place(node), item.text, False)
        return result

    def reflection(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what a function of this kind gives; None for any other."""
        if name in GETTERS:
            fields = {"()": path(f"{name}()"), "[]": frozenset({Sequence(given.positional)})}
            return frozenset({self.make(fields, base="functools.partial", open_=given.open)})
        if name.endswith("()") and name[:-2] in GETTERS:
            return self._got(name[:-2], given, node)
        known = {
            "functools.reduce": self._reduced,
            "builtins.dict": self._copied_fields,
            "builtins.vars": self._fields,
            "inspect.getmembers": self._fields,
            "pkgutil.resolve_name": self._resolved,
        }.get(name)
        return known(given, node) if known else self._read(name, given, node)

    def _read(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what owner.__getattribute__("x"), owner.__dict__.get("x") and their like give."""
        owner, _, last = name.rpartition(".")
        if f".{last}" not in (*READERS, *ITEMS):
            return None
        of_class, items = owner in OWNERS, f".{last}" in ITEMS
        word = text_of(given.get(1 if of_class else 0, ""))
        if word is None or (items and owner != MODULES and not owner.endswith(FIELDS)):
            return None
        if items:
            return self.named_item(owner, word, node)
        return self.by_name(given.positional[0] if of_class else path(owner), word, node)

    def named_item(self, owner: str, word: str, node: ast.AST) -> Optional[Values]:
        """Return what an external table holds under a name; None where it is not known."""
        if owner == MODULES:
            return self.imported(canonical(word), node)
        if owner.endswith(FIELDS):
            return self.by_name(path(owner[: -len(FIELDS)]), word, node)
        if owner in SCOPES:
            return self.eval_name(ast.Name(word))
        return None

    def item(self, owner: Value, key: Values, node: ast.AST) -> Values:
        """Return an item of one value."""
        name = text_of(key)
        if isinstance(owner, Path) and name is not None:
            result = self.named_item(owner.text, name, node)
            if result is not None:
                return result
        return super().item(owner, key, node)

    def _got(self, getter: str, given: Arguments, node: ast.AST) -> Values:
        """Return what attrgetter(...)(x), itemgetter(...)(x) or methodcaller(...)(x) gives."""
        *keys, owners = given.positional or (NONE,)
        if getter == "operator.methodcaller":
            functions = self.by_name(owners, text_of(keys[0]) or "", node) if keys else NONE
            rest = Arguments(tuple(keys[1:]))
            return join(self.apply(item, rest, node) for item in functions)
        results = []
        for key in keys:
            word = text_of(key)
            if getter == "operator.itemgetter":
                results.append(join(self.item(item, key, node) for item in owners))
            else:
                known = self.by_name(owners, word, node) if word else unknown(source(node))
                results.append(known)
        if len(results) == 1:
            return results[0]
        return frozenset({Sequence(tuple(results))})

    def _reduced(self, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what reduce(getattr, ("a", "b"), x) gives."""
        names = next(iter(given.get(1, "") or NONE), None)
        if given.get(0, "") != path("builtins.getattr") or len(given.positional) < 3:
            return None
        words = [text_of(item) for item in names.items] if isinstance(names, Sequence) else [None]
        if None in words:
            return None
        return self.by_name(given.positional[2], ".".join(filter(None, words)), node)

    def _fields(self, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what vars(x) and inspect.getmembers(x) give."""
        owners = given.get(0, "")
        if owners is None:
            return None
        return join(self.attribute(item, FIELDS[1:], node) for item in owners)

    def _copied_fields(self, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what dict(vars(x)) gives."""
        del node
        tables = given.get(0, "") or NONE
        of_paths = [isinstance(item, Path) and item.text.endswith(FIELDS) for item in tables]
        return tables if tables and all(of_paths) else None

    def _resolved(self, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what pkgutil.resolve_name("a.b:c") gives."""
        word = text_of(given.get(0, "name"))
        if word is None:
            return None
        whole = canonical(word.replace(":", "."))
        for listener in self.listeners:
            listener.named(self.place(node), whole, False)
        return path(whole)
