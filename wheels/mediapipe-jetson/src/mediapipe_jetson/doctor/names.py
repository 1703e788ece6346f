"""What a name stands for, where it comes from MediaPipe: scopes, aliases, attributes of self."""

from __future__ import annotations

import ast
from typing import Optional

PACKAGE = "mediapipe"
IMPORTERS = {"importlib.import_module", "import_module", "__import__"}


def canonical(path: str) -> str:
    """Return a path by its shorter name: mediapipe.python.solutions is mediapipe.solutions."""
    long = "mediapipe.python.solutions"
    if path == long or path.startswith(f"{long}."):
        return f"mediapipe.solutions{path[len(long) :]}"
    return path


def is_ours(path: str) -> bool:
    """Return whether a module is MediaPipe or a part of it."""
    return path == PACKAGE or path.startswith(f"{PACKAGE}.")


class Names:
    """Scopes from the module inwards. None as a value hides what an outer scope has."""

    def __init__(self) -> None:
        self.scopes: list[dict[str, Optional[str]]] = [{}]
        self.selves: list[dict[str, str]] = [{}]
        self.classes: dict[str, dict[str, str]] = {}

    def bind(self, name: str, value: Optional[str]) -> None:
        """Let a name stand for a path, or for something else."""
        self.scopes[-1][name] = value

    def forget(self, name: str) -> None:
        """Note that a name stands for something else now, where that is not known to be so."""
        if self.look(name) is not None:
            self.bind(name, None)

    def look(self, name: str) -> Optional[str]:
        """Return the path that a name stands for."""
        for scope in reversed(self.scopes):
            if name in scope:
                return scope[name]
        return None

    def bind_self(self, name: str, value: Optional[str]) -> None:
        """Let an attribute of self stand for a path."""
        if value is not None:
            self.selves[-1][name] = value

    def enter_class(self, name: str) -> None:
        """Begin a class: what an earlier walk has seen of its self stays."""
        self.selves.append(self.classes.setdefault(name, {}))

    def leave_class(self) -> None:
        """End a class."""
        self.selves.pop()

    def resolve(self, node: Optional[ast.AST]) -> Optional[str]:
        """Return the path that an expression stands for, or None."""
        if isinstance(node, ast.Name):
            return self.look(node.id)
        if isinstance(node, ast.Attribute):
            return self._attribute(node)
        if isinstance(node, ast.Subscript):
            base = self.resolve(node.value)
            return f"{base}[]" if base else None
        if isinstance(node, ast.Call):
            return self._call(node)
        if isinstance(node, (ast.IfExp, ast.BoolOp)):
            ways = node.values if isinstance(node, ast.BoolOp) else [node.body, node.orelse]
            return next(filter(None, map(self.resolve, ways)), None)
        return self.resolve(node.value) if isinstance(node, ast.NamedExpr) else None

    def aliased(self, node: ast.Attribute) -> bool:
        """Return whether an attribute is only an alias kept in self."""
        return self.is_self(node) and node.attr in self.selves[-1]

    def is_self(self, node: ast.Attribute) -> bool:
        """Return whether this is an attribute of self or cls."""
        return isinstance(node.value, ast.Name) and node.value.id in ("self", "cls")

    def _attribute(self, node: ast.Attribute) -> Optional[str]:
        if self.is_self(node):
            return self.selves[-1].get(node.attr)
        base = self.resolve(node.value)
        return canonical(f"{base}.{node.attr}") if base else None

    def _call(self, node: ast.Call) -> Optional[str]:
        word = called(node.func)
        if word == "getattr" and len(node.args) >= 2:
            base, name = self.resolve(node.args[0]), constant(node.args[1])
            return canonical(f"{base}.{name}") if base and name else None
        if word in IMPORTERS and node.args:
            name = constant(node.args[0])
            # __import__("a.b") gives a.
            return None if not name or not is_ours(name) else self._imported(word, name)
        base = self.resolve(node.func)
        if base and base.endswith(".__enter__"):
            return base[: -len(".__enter__")]
        return f"{base}()" if base else None

    def _imported(self, word: str, name: str) -> str:
        return PACKAGE if word == "__import__" else canonical(name)


def called(node: ast.AST) -> str:
    """Return a function's dotted name as it is written."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{called(node.value)}.{node.attr}"
    return ""


def constant(node: ast.AST) -> Optional[str]:
    """Return a text that stands in the code itself."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return None
