"""What Python's own functions do, where that matters: getattr, partial, replace, dict, imports."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.holders import Holders
from mediapipe_jetson.doctor.flow.state import DICT
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Class,
    Constant,
    Object,
    Parent,
    Path,
    Prefix,
    Sequence,
    Values,
    constant,
    foreign,
    join,
    path,
    source,
    text_of,
    unknown,
)
from mediapipe_jetson.doctor.names import canonical

NOTHING: Values = frozenset()
COPIES = {"copy.copy", "copy.deepcopy", "dataclasses.replace"}
SAME = {"builtins.list", "builtins.tuple", "builtins.sorted", "builtins.reversed", "builtins.set"}
SAME |= {"builtins.iter", "typing.cast"}
REFLECTING = {"builtins.getattr", "builtins.hasattr", "builtins.setattr", "inspect.getattr_static"}
IMPORTERS = {
    "importlib.import_module", "builtins.__import__", "pytest.importorskip", "lazy_loader.load",
    "importlib.__import__",
}  # fmt: skip


class Builtins(Holders):
    """Answers calls of what Python itself brings."""

    def super_of(self, given: Arguments) -> Values:
        """Return what super() gives."""
        of, owner = self.frame.of, self.frame.owner
        if len(given.positional) == 2:
            first = next(iter(given.positional[0]), None)
            of = first if isinstance(first, Class) else of
        if of is None or owner is None:
            return unknown("super()")
        return frozenset({Parent(of, owner)})

    def parent_init(self, name: str, given: Arguments, node: ast.AST) -> bool:
        """Do what an external base class's constructor does."""
        raise NotImplementedError

    def builtin(  # noqa: PLR0911, PLR0912 # one for each function
        self, name: str, given: Arguments, node: ast.AST
    ) -> Optional[Values]:
        """Return what one of Python's own functions gives; None for any other function."""
        first = given.positional[0] if given.positional else frozenset()
        known = self.reflection(name, given, node) or self.holder(name, given, node)
        if known is not None:
            return known
        if name == "builtins.super":
            return self.super_of(given)
        if name.endswith("__init__") and self.parent_init(name, given, node):
            return unknown("None")
        if name in REFLECTING:
            return self.reflected(name, given, node)
        if name in IMPORTERS:
            return self.imported_by_name(name, given, node)
        if name == "functools.partial":
            fields = {**dict(given.keywords), "()": first}
            fields["[]"] = frozenset({Sequence(given.positional[1:])})
            return frozenset({self.make(fields, base="functools.partial", open_=given.open)})
        if name in COPIES:
            return join(self.copied(item, given) for item in first)
        if name == "builtins.dict":
            return self.dictionary(given)
        if name == "builtins.enumerate":
            pair = Sequence((unknown("a number"), self.elements(first)))
            return frozenset({Sequence((frozenset({pair}),), exact=False)})
        if name == "builtins.zip":
            parts = Sequence(tuple(self.elements(item) for item in given.positional))
            return frozenset({Sequence((frozenset({parts}),), exact=False)})
        if name in SAME:
            return given.positional[-1] if name == "typing.cast" and given.positional else first
        if name == "builtins.next":
            return self.elements(first)
        if name == "builtins.map" and len(given.positional) > 1:
            each = Arguments((self.elements(given.positional[1]),))
            result = join(self.apply(item, each, node) for item in first)
            return frozenset({Sequence((result,), exact=False)})
        return None

    def reflected(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Do what getattr, hasattr and setattr do."""
        owners = given.positional[0] if given.positional else frozenset()
        names = self.strings(given.get(1, ""))
        if not names or (name == "builtins.setattr" and len(names) > 1):
            if name != "builtins.setattr":
                self.hidden(owners, node)
            for owner in owners if name == "builtins.setattr" else ():
                if isinstance(owner, Object):
                    self.touched(self.heap[owner], source(node))
            return unknown(source(node))
        if name == "builtins.setattr":
            for owner in owners:
                values = given.get(2, "") or unknown(source(node))
                self.store(owner, names[0], values)
                self.changed(owner, names[0], values, node)
            return unknown("None")
        result = join(
            self.attribute(owner, attribute, node) for owner in owners for attribute in names
        )
        guard = name == "builtins.hasattr"
        for item in result:
            if isinstance(item, Path) and any(isinstance(owner, Path) for owner in owners):
                for listener in self.listeners:
                    listener.named(self.place(node), item.text, guard)
        return unknown(source(node)) if guard else result

    def imported_by_name(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Return a module that is imported by its name, or by the beginning of it."""
        names = given.get(0, "name") or NOTHING
        modules = [item.text.rstrip(".") for item in names if isinstance(item, Prefix)]
        modules += [str(item.value) for item in names if isinstance(item, Constant)]
        results = [self._module(name, module, given, node) for module in sorted(modules)]
        return join(results) if results else unknown(source(node))

    def _module(self, name: str, module: str, given: Arguments, node: ast.AST) -> Values:
        """Return a module that is imported by one name."""
        if module.startswith("."):
            module = package_of(given.get(1, "package")) + module
        whole = canonical(module)
        for listener in self.listeners:
            listener.named(self.place(node), whole, False)
        # __import__("a.b") gives a, unless names are taken from a.b.
        top = name.endswith("__import__") and not given.get(3, "fromlist")
        return self.imported(module.split(".")[0] if top else whole, node)

    def copied(self, item: object, given: Arguments) -> Values:
        """Return a copy of an object, with other fields."""
        if not isinstance(item, Object):
            return frozenset({item})  # type: ignore[arg-type] # any value
        heap = self.heap[item]
        fields = dict(heap.fields)
        if given.open:
            code = self.classes[heap.of] if heap.of is not None else None
            known = {name: code.scope.get(name, NOTHING) for name in code.fields} if code else {}
            joined = {**known, **fields}.items()
            fields = {name: values | foreign(given.open) for name, values in joined}
        fields.update(given.keywords)
        return frozenset({self.make(fields, heap.of, heap.base, heap.open or given.open)})

    def dictionary(self, given: Arguments) -> Values:
        """Return what dict() makes."""
        result = self.make({}, base=DICT, open_=given.open)
        for values in given.positional:
            self.update(result, values, "dict()")
        for name, values in given.keywords:
            self.store(result, name, values)
        return frozenset({result})

    def of_dictionary(self, owner: Object, name: str, given: Arguments, node: ast.AST) -> Values:
        """Return what a dictionary's method gives."""
        heap = self.heap[owner]
        if name == "update":
            for values in given.positional:
                self.update(owner, values, source(node))
            for key, values in given.keywords:
                self.store(owner, key, values)
            heap.open = heap.open or given.open
            return unknown("None")
        if name == "copy":
            return self.copied(owner, Arguments())
        if name == "values":
            return frozenset({Sequence((join(heap.fields.values()),), exact=False)})
        if name == "items":
            both = Sequence((unknown("a key"), join(heap.fields.values())))
            return frozenset({Sequence((frozenset({both}),), exact=False)})
        if name in ("get", "pop", "setdefault"):
            return self._looked_up(owner, name, given, node)
        return path(f"builtins.dict.{name}()")

    def _looked_up(self, owner: Object, name: str, given: Arguments, node: ast.AST) -> Values:
        """Return what a dictionary gives for a key."""
        heap = self.heap[owner]
        key = text_of(given.get(0, ""))
        if key is not None:
            otherwise = given.get(1, "default") or self.absent(heap, key)
            field = self.entry(heap, key)
            if key not in heap.fields:
                field |= unknown(heap.open) if heap.open and not field else otherwise
            if name == "pop" and self.depth <= heap.created_at:
                heap.fields.pop(key, None)
            elif name == "setdefault":
                heap.fields.setdefault(key, otherwise)
            return field
        if heap.fields:
            return join([*heap.fields.values(), given.get(1, "default") or constant(None)])
        return path(f"builtins.dict.{name}()")


def package_of(values: Optional[Values]) -> str:
    """Return the package that a relative import is from: a text, or mediapipe.__name__."""
    only = next(iter(values)) if values is not None and len(values) == 1 else None
    if isinstance(only, Path):
        base, _, last = only.text.rpartition(".")
        return base if last in ("__name__", "__package__") else ""
    return text_of(values) or ""
