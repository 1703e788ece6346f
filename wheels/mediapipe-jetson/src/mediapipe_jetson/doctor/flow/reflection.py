"""What reaches things by their names as texts: vars, attrgetter, sys.modules and their like."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.expressions import Expressions
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Constant,
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

    def reached(self, values: Values, node: ast.AST) -> None:
        """Handle the values that a name in a text leads to."""

    def hidden(self, owners: Values, node: ast.AST) -> None:
        """Handle the owners of an attribute that is read by a name that is not known."""

    def strings(self, values: Optional[Values]) -> list[str]:
        """Return the texts that values are; none where one of them is not known."""
        texts = [item.value for item in values or () if isinstance(item, Constant)]
        strings = [text for text in texts if isinstance(text, str)]
        return sorted(strings) if len(strings) == len(values or ()) else []

    def by_name(self, owners: Values, names: str, node: ast.AST) -> Values:
        """Return what a dotted name leads to, and report it to listeners."""
        result = owners
        for name in names.split("."):
            result = join(self.attribute(item, name, node) for item in result)
            self.reached(result, node)
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
        key = given.get(1 if of_class else 0, "")
        if items:
            return self._named_items(owner, key or NONE, node)
        owners, dotted_names = given.positional[0] if of_class else path(owner), self.strings(key)
        if not dotted_names:
            self.hidden(owners, node)
            return None
        return join(self.by_name(owners, dotted_name, node) for dotted_name in dotted_names)

    def _named_items(self, owner: str, key: Values, node: ast.AST) -> Optional[Values]:
        """Return what an external table holds under names; None where that is not known."""
        names = self.strings(key)
        if not names and owner.endswith(FIELDS):
            self.hidden(path(owner[: -len(FIELDS)]), node)
        results = [self.named_item(owner, name, node) for name in names]
        known = [values for values in results if values is not None]
        return join(known) if known else None

    def named_item(self, owner: str, name: str, node: ast.AST) -> Optional[Values]:
        """Return what an external table holds under a name; None where it is not known."""
        if owner == MODULES:
            return self.imported(canonical(name), node)
        if owner.endswith(FIELDS):
            return self.by_name(path(owner[: -len(FIELDS)]), name, node)
        if owner in SCOPES:
            return self.eval_name(ast.Name(name))
        return None

    def item(self, owner: Value, key: Values, node: ast.AST) -> Values:
        """Return an item of one value."""
        if isinstance(owner, Path):
            result = self._named_items(owner.text, key, node)
            if result is not None:
                return result
        return super().item(owner, key, node)

    def _got(self, getter: str, given: Arguments, node: ast.AST) -> Values:
        """Return what attrgetter(...)(x), itemgetter(...)(x) or methodcaller(...)(x) gives."""
        *keys, owners = given.positional or (NONE,)
        if getter == "operator.methodcaller":
            functions = self._by_names(owners, keys[0], node) if keys else NONE
            rest = Arguments(tuple(keys[1:]))
            return join(self.apply(item, rest, node) for item in functions)
        results = []
        for key in keys:
            if getter == "operator.itemgetter":
                results.append(join(self.item(item, key, node) for item in owners))
            else:
                results.append(self._by_names(owners, key, node))
        if len(results) == 1:
            return results[0]
        return frozenset({Sequence(tuple(results))})

    def _by_names(self, owners: Values, names: Values, node: ast.AST) -> Values:
        """Return what any of several dotted names leads to."""
        dotted_names = self.strings(names)
        if not dotted_names:
            self.hidden(owners, node)
            return unknown(source(node))
        return join(self.by_name(owners, dotted_name, node) for dotted_name in dotted_names)

    def _reduced(self, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what reduce(getattr, ("a", "b"), x) gives."""
        names = given.get(1, "") or NONE
        only = next(iter(names)) if len(names) == 1 else None
        if given.get(0, "") != path("builtins.getattr") or len(given.positional) < 3:
            return None
        exact = isinstance(only, Sequence) and only.exact
        attributes = [text_of(item) for item in only.items] if isinstance(only, Sequence) else []
        if not exact or None in attributes:
            self.hidden(given.positional[2], node)
            return unknown(source(node))
        return self.by_name(given.positional[2], ".".join(filter(None, attributes)), node)

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
        name = text_of(given.get(0, "name"))
        if name is None:
            return None
        whole = canonical(name.replace(":", "."))
        for listener in self.listeners:
            listener.named(self.place(node), whole, False)
        return path(whole)
