"""Whose a name is in the old code: the module's, or a function's own."""

from __future__ import annotations

import symtable
from collections.abc import Callable, Iterator
from typing import Optional

import libcst as cst

from mediapipe_jetson.migrate.fallback import fallbacks

Parent = Callable[[cst.CSTNode], Optional[cst.CSTNode]]
COMPREHENSIONS = (cst.ListComp, cst.SetComp, cst.GeneratorExp, cst.DictComp)


class Scopes:
    """The names that functions and classes bind, and those that imports do not bind alone."""

    def __init__(self, text: str) -> None:
        self.rebound: set[str] = set()
        """Names that are imported and bound to something else in the same scope."""
        self._own: dict[tuple[str, int], set[str]] = {}
        try:
            tables = list(_tables(symtable.symtable(text, "program.py", "exec")))
        except SyntaxError:
            return
        for table in tables:
            own = self._own.setdefault((table.get_name(), table.get_lineno()), set())
            for symbol in table.get_symbols():
                bound = symbol.is_assigned() or symbol.is_namespace()
                declared = symbol.is_declared_global() or symbol.is_nonlocal()
                if bound and (symbol.is_imported() or declared):
                    self.rebound.add(symbol.get_name())
                if (bound or symbol.is_parameter()) and not declared:
                    own.add(symbol.get_name())
        # What is left of these fails where it is read, and is refused there.
        self.rebound -= fallbacks(text)

    def local(self, node: cst.Name, parent: Parent, line: Callable[[cst.CSTNode], int]) -> bool:
        """Return whether a name is one that a function, a class or a comprehension binds itself."""
        inner: cst.CSTNode = node
        around = parent(node)
        first = True
        while around is not None:
            body = inner is getattr(around, "body", None)
            if isinstance(around, (cst.FunctionDef, cst.Lambda)) and body:
                name = around.name.value if isinstance(around, cst.FunctionDef) else "lambda"
                if node.value in self._own.get((name, line(around)), ()):
                    return True
                first = False
            elif isinstance(around, cst.ClassDef) and body and first:
                own = node.value in self._own.get((around.name.value, line(around)), ())
                if own and not _binds_here(node, parent):
                    return True
            elif isinstance(around, COMPREHENSIONS) and _names(around.for_in, node.value):
                return True
            inner, around = around, parent(around)
        return False


def _tables(table: symtable.SymbolTable) -> Iterator[symtable.SymbolTable]:
    yield table
    for inner in table.get_children():
        yield from _tables(inner)


def _binds_here(node: cst.Name, parent: Parent) -> bool:
    """Return whether the statement around a name binds that name."""
    around = parent(node)
    while around is not None and not isinstance(around, cst.BaseSmallStatement):
        around = parent(around)
    targets: list[cst.CSTNode] = []
    if isinstance(around, cst.Assign):
        targets = [item.target for item in around.targets]
    elif isinstance(around, cst.AnnAssign):
        targets = [around.target]
    return any(isinstance(item, cst.Name) and item.value == node.value for item in targets)


def _names(part: Optional[cst.CompFor], name: str) -> bool:
    """Return whether a comprehension binds a name."""
    while part is not None:
        if isinstance(part.target, cst.Name) and part.target.value == name:
            return True
        if isinstance(part.target, cst.Tuple):
            names = [getattr(item.value, "value", "") for item in part.target.elements]
            if name in names:
                return True
        part = part.inner_for_in
    return False
