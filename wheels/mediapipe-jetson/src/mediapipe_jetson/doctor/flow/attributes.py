"""What attributes and items of a value are: of objects, classes, modules and external names."""

from __future__ import annotations

import ast
import re
from typing import Optional

from mediapipe_jetson.doctor.flow.state import DICT, QUEUE, TESTS, State
from mediapipe_jetson.doctor.flow.texts import METHODS
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Bound,
    Class,
    Constant,
    Function,
    Heap,
    Method,
    Module,
    Object,
    Parent,
    Path,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    constant,
    join,
    path,
    source,
    text_of,
    unknown,
)
from mediapipe_jetson.doctor.names import canonical

# A member of an enumeration, or the member of another one whose value it is.
MEMBER = re.compile(r"\.Delegate\.[A-Z]+$")
# Of which it is known that they are packages.
PACKAGES = ("mediapipe", "mediapipe.python")


class Attributes(State):
    """Looks attributes and items up; calls and modules are its subclasses' part."""

    def run(self, function: Function, given: Arguments, owner: Optional[Value] = None) -> Values:
        """Return what a function of the project gives."""
        raise NotImplementedError

    def module_scope(self, name: str) -> dict[str, Values]:
        """Return a module's names."""
        raise NotImplementedError

    def store(self, owner: Value, name: str, values: Values) -> None:
        """Set a field, or a name of a module: which program does so is run is not known."""
        if not isinstance(owner, Module):
            super().store(owner, name, values)
        elif not self.dead and not TESTS.search(self.frame.file):
            scope = self.module_scope(owner.name)
            scope[name] = values | scope.get(name, unknown(f"{owner.name}.{name}"))

    def absent(self, heap: Heap, name: str) -> Values:
        """Return what a field is that was never set: what its class has of that name."""
        member = self.member(heap.of, name) if heap.of is not None else None
        own = frozenset(item for item in member or () if not isinstance(item, Function))
        return own or super().absent(heap, name)

    def inherited(self, owner: Value, name: str) -> bool:
        """Return whether an attribute comes from a base class that is external."""
        if isinstance(owner, Object):
            heap = self.heap[owner]
            if name in heap.fields:
                return False
            return not (heap.of and self.member(heap.of, name) is not None)
        return isinstance(owner, Class) and self.member(owner, name) is None

    def attribute(self, owner: Value, name: str, node: ast.AST) -> Values:  # noqa: PLR0911
        """Return what an attribute of one value may be."""
        if isinstance(owner, Path):
            if name == "value" and MEMBER.search(owner.text):
                return frozenset({owner})
            if owner.text in PACKAGES and name in ("__name__", "__package__"):
                return constant(owner.text)
            return path(canonical(f"{owner.text}.{name}"))
        if isinstance(owner, Constant) and name == "value":
            return frozenset({owner})  # of an enumeration: no literal has it
        if isinstance(owner, Module):
            scope = self.module_scope(owner.name)
            inner = f"{owner.name}.{name}"
            if name not in scope and inner in self.sources:
                return frozenset({Module(inner)})
            return scope.get(name, unknown(source(node)))
        if isinstance(owner, Object):
            return self.field(owner, name, node)
        if isinstance(owner, Class):
            return self.of_class(owner, name, owner, node)
        if isinstance(owner, Constant) and isinstance(owner.value, str) and name in METHODS:
            return frozenset({Text(owner.value, name)})
        if isinstance(owner, Parent):
            bases = [self.of_base(base, name, owner.owner, node) for base in self.bases(owner.of)]
            return join(bases) if bases else unknown(source(node))
        if isinstance(owner, Unknown):
            self.loose.add(name)
        return unknown(source(node), owner)

    def field(self, owner: Object, name: str, node: ast.AST) -> Values:
        """Return a field of an object: its own, or its class's."""
        heap = self.heap[owner]
        if name in heap.fields:
            return heap.fields[name]
        if name == "__dict__":
            self.touched(heap, source(node))
            return unknown(source(node))
        if heap.of is not None:
            return self.of_class(heap.of, name, owner, node)
        if heap.base in (DICT, QUEUE):
            return frozenset({Method(owner, name)})
        if name == "delegate" and heap.base.endswith("Options"):
            return unknown(heap.open) if heap.open else constant(None)
        # An enumeration inside the class can be reached through its objects too.
        link = "." if name[:1].isupper() else "()."
        return path(f"{heap.base}{link}{name}") if heap.base else unknown(source(node))

    def member(self, of: Class, name: str) -> Optional[Values]:
        """Return a name of a class of the project or of its bases in the project."""
        scopes = (self.classes[item].scope for item in (of, *self.classes[of].above))
        return next((scope[name] for scope in scopes if name in scope), None)

    def bases(self, of: Class) -> list[Value]:
        """Return a class's bases."""
        return [item for values in self.classes[of].bases for item in values]

    def declared(self, of: Class) -> list[str]:
        """Return the fields that a constructor may be given by name."""
        code = self.classes[of]
        if code.takes is not None:
            return [name for name, place in code.takes.items() if place is not None]
        line = [self.classes[item] for item in (*reversed(code.above), of)]
        return list(dict.fromkeys(name for item in line for name in item.fields))

    def of_class(self, of: Class, name: str, owner: Value, node: ast.AST) -> Values:
        """Return an attribute of a class, as seen from `owner`."""
        member = self.member(of, name)
        if member is not None:
            return join(self.bound(item, owner) for item in member) if member else member
        outside = [self.of_base(base, name, owner, node) for base in self.outer_bases(of)]
        return join(outside) if outside else unknown(source(node))

    def outer_bases(self, of: Class) -> list[Path]:
        """Return the external classes that a class is derived from."""
        line = (of, *self.classes[of].above)
        external = (base for item in line for base in self.bases(item) if isinstance(base, Path))
        return list(dict.fromkeys(external))

    def of_base(self, base: Value, name: str, owner: Value, node: ast.AST) -> Values:
        """Return an attribute of one base class."""
        if isinstance(base, Class):
            return self.of_class(base, name, owner, node)
        if isinstance(base, Path):
            link = "()." if isinstance(owner, Object) and not name[:1].isupper() else "."
            return path(canonical(f"{base.text}{link}{name}"))
        return unknown(source(node))

    def bound(self, item: Value, owner: Value) -> Values:
        """Return a method bound to its object; a property is read."""
        if not isinstance(item, Function):
            return frozenset({item})
        decorators = self.functions[item].decorators
        if "staticmethod" in decorators:
            return frozenset({item})
        if "classmethod" in decorators and isinstance(owner, Object):
            of = self.heap[owner].of
            owner = of if of is not None else owner
        if not isinstance(owner, (Object, Class)):
            return frozenset({item})
        if isinstance(owner, Class) and "classmethod" not in decorators:
            return frozenset({item})
        if decorators & {"property", "cached_property"}:
            return self.run(item, Arguments(), owner)
        return frozenset({Bound(item, owner)})

    def item(self, owner: Value, key: Values, node: ast.AST) -> Values:  # noqa: PLR0911
        """Return an item of one value."""
        name = text_of(key)
        if isinstance(owner, Path):
            # An enumeration's member by its name.
            of_names = owner.text.endswith("Delegate")
            if of_names and not name:
                return unknown(source(node), owner)
            return path(f"{owner.text}.{name}" if of_names else f"{owner.text}[]")
        if isinstance(owner, Object) and self.heap[owner].base == DICT:
            heap = self.heap[owner]
            if name is not None and (name in heap.fields or "*" in heap.fields):
                return self.entry(heap, name)
            if name is None:
                texts = [getattr(value, "value", None) for value in key]
                if texts and all(text in heap.fields for text in texts):
                    return join(heap.fields[str(text)] for text in texts)
                known = "*" in heap.fields and not heap.open
                return join([*heap.fields.values(), *([] if known else [unknown(source(node))])])
        if isinstance(owner, Sequence):
            only = next(iter(key)) if len(key) == 1 else None
            if owner.exact and isinstance(only, Constant) and isinstance(only.value, int):
                at = only.value
                if -len(owner.items) <= at < len(owner.items):
                    return owner.items[at]
            return join(owner.items) or unknown("an empty list")
        return unknown(source(node), owner)

    def entry(self, heap: Heap, name: str) -> Values:
        """Return what a dictionary has under a key, which may be one that was not known."""
        nothing: Values = frozenset()
        return heap.fields.get(name, nothing) | heap.fields.get("*", nothing)

    def part(self, item: object, index: int, count: int) -> Values:
        """Return what one of several targets gets."""
        if isinstance(item, Sequence):
            exact = item.exact and len(item.items) == count
            return item.items[index] if exact else join(item.items)
        code = self.classes.get(self.heap[item].of) if isinstance(item, Object) else None  # type: ignore[arg-type] # None is no key
        if isinstance(item, Object) and code is not None and len(code.fields) == count:
            return self.heap[item].fields.get(code.fields[index], frozenset()) or unknown("a field")
        return unknown("a part of several", item)

    def elements(self, values: Values) -> Values:
        """Return what a loop over these gets."""
        result: list[Values] = []
        for item in values:
            if isinstance(item, Path):
                result.append(path(f"{item.text}[]"))
            elif isinstance(item, Sequence):
                result.append(join(item.items) or unknown("an empty list"))
            elif isinstance(item, Object) and self.heap[item].base == DICT:
                result += [constant(key) for key in self.heap[item].fields if key != "*"]
            else:
                result.append(unknown("an item of a loop", item))
        return join(result)

    def update(self, owner: Object, given: Values, why: str) -> None:
        """Put another dictionary's entries into one."""
        for item in given:
            entries = self.heap.get(item) if isinstance(item, Object) else None
            if entries is None:
                self.touched(self.heap[owner], why, certain=True)
                continue
            for name, values in entries.fields.items():
                self.store(owner, name, values)
            self.heap[owner].open = self.heap[owner].open or entries.open
