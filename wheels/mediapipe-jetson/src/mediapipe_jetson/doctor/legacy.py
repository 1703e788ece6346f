"""Find uses of MediaPipe's legacy solutions in Python code, by its syntax tree.

Names are followed through imports, assignments, attributes of self and loops within a file; what
stands in comments and texts is no use.
"""

from __future__ import annotations

import ast
import warnings
from typing import Any, Optional, Union

from mediapipe_jetson.doctor import migration
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.names import IMPORTERS, Names, called, canonical, constant, is_ours

Function = Union[ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda]
Comprehension = Union[ast.ListComp, ast.SetComp, ast.GeneratorExp, ast.DictComp]


def scan(
    source: Union[str, bytes], file: str, cell: int = 0, names: Optional[Names] = None
) -> list[Finding]:
    """Return the uses in one file or cell, in order; a notebook's cells share their `names`.

    Raises SyntaxError, ValueError or RecursionError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(source, filename=file)
    # Twice: a function may use what is bound further down.
    seen = Walk(file, cell, names or Names())
    seen.visit(tree)
    again = Walk(file, cell, seen.names)
    again.visit(tree)
    if again.found:
        again.add_distinct(tree)
    return sorted(set(again.found))


class Walk(ast.NodeVisitor):
    """One walk through a file, in the order of its lines."""

    def __init__(self, file: str, cell: int, names: Names) -> None:
        self.file, self.cell, self.names = file, cell, names
        self.table = migration.load()
        self.found: list[Finding] = []
        self.depth = 0

    def report(self, node: ast.AST, what: str, instead: str) -> None:
        """Note one use."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.found.append(Finding(self.file, self.cell, line, column, what, instead))

    def told(self, node: ast.AST, path: Optional[str]) -> None:
        """Note a legacy path, unless it says nothing new."""
        if path and self.table.legacy(path) and self.table.tells(path):
            self.report(node, shown(path), self.table.instead(path))

    def visit_Import(self, node: ast.Import) -> None:
        """Bind modules and note legacy ones."""
        for item in node.names:
            if is_ours(item.name):
                path = canonical(item.name)
                self.told(node, path)
                top = item.name.split(".")[0]
                self.names.bind(item.asname or top, path if item.asname else top)
            else:
                self.names.bind(item.asname or item.name.split(".")[0], None)

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        """Bind names and note legacy ones."""
        module = node.module or ""
        for item in node.names:
            if node.level or not is_ours(module):
                self.names.bind(item.asname or item.name, None)
            elif item.name == "*":
                base = canonical(module)
                self.told(node, base)
                for name in self.table.names_of(base) if self.table.legacy(base) else ():
                    self.names.bind(name, f"{base}.{name}")
            else:
                path = canonical(f"{module}.{item.name}")
                self.told(node, path)
                self.names.bind(item.asname or item.name, path)

    def visit_Assign(self, node: ast.Assign) -> None:
        """Follow an alias."""
        self.visit(node.value)
        for target in node.targets:
            self.assign(target, node.value)
            self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """Follow an alias with a type."""
        self.visit(node.annotation)
        if node.value:
            self.visit(node.value)
            self.assign(node.target, node.value)
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """Follow an alias within an expression."""
        self.visit(node.value)
        self.assign(node.target, node.value)

    def visit_withitem(self, node: ast.withitem) -> None:
        """Follow the object of a with statement."""
        self.visit(node.context_expr)
        if node.optional_vars:
            self.assign(node.optional_vars, node.context_expr)

    def assign(self, target: ast.AST, value: ast.AST) -> None:
        """Bind what an assignment says; None as a placeholder takes nothing away."""
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            same = len(parts) == len(target.elts)
            for index, item in enumerate(target.elts):
                self.assign(item, parts[index] if same else ast.Constant(value=0))
            return
        self.bind(target, self.names.resolve(value), isinstance(value, ast.Constant))

    def bind(self, target: ast.AST, path: Optional[str], placeholder: bool = False) -> None:
        """Bind one name or attribute of self."""
        if isinstance(target, ast.Name):
            if path:
                self.names.bind(target.id, path)
            elif not placeholder and not self.depth:
                self.names.forget(target.id)
        elif isinstance(target, ast.Attribute) and self.names.is_self(target):
            self.names.bind_self(target.attr, path)

    def visit_For(self, node: Union[ast.For, ast.AsyncFor]) -> None:
        """Follow the items of a result's list."""
        self.visit(node.iter)
        self.loop(node.target, node.iter)
        self.branches([*node.body, *node.orelse])

    visit_AsyncFor = visit_For  # noqa: N815 # ast's own spelling

    def loop(self, target: ast.AST, source: ast.AST) -> None:
        """Bind a loop's variables."""
        word = called(source.func) if isinstance(source, ast.Call) else ""
        sources = source.args if isinstance(source, ast.Call) else []
        parts = target.elts if isinstance(target, (ast.Tuple, ast.List)) else []
        if word == "enumerate" and len(parts) == 2 and sources:
            self.loop(parts[1], sources[0])
        elif word == "zip" and len(parts) == len(sources):
            for index, part in enumerate(parts):
                self.loop(part, sources[index])
        elif parts:
            for part in parts:
                self.bind(part, None)
        else:
            path = self.names.resolve(source)
            self.bind(target, f"{path}[]" if path else None)

    def branches(self, body: list[ast.stmt]) -> None:
        """Walk statements that may not run: what they bind to something else is not sure."""
        self.depth += 1
        for statement in body:
            self.visit(statement)
        self.depth -= 1

    def visit_If(self, node: Union[ast.If, ast.While]) -> None:
        """Walk both branches."""
        self.visit(node.test)
        self.branches([*node.body, *node.orelse])

    visit_While = visit_If  # noqa: N815 # ast's own spelling

    def visit_Try(self, node: ast.Try) -> None:
        """Walk all branches."""
        self.depth += 1
        self.generic_visit(node)
        self.depth -= 1

    def visit_FunctionDef(self, node: Union[ast.FunctionDef, ast.AsyncFunctionDef]) -> None:
        """Walk a function in a scope of its own."""
        self.names.bind(node.name, None)
        for outside in (*node.decorator_list, node.returns):
            if outside:
                self.visit(outside)
        self.function(node, node.body)

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 # ast's own spelling

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """Walk a lambda in a scope of its own."""
        self.function(node, [node.body])

    def function(self, node: Function, body: Union[list[ast.stmt], list[ast.expr]]) -> None:
        """Walk defaults outside, the body inside; arguments hide outer names."""
        given = node.args
        self.visit(given)
        every = [*given.posonlyargs, *given.args, *given.kwonlyargs, given.vararg, given.kwarg]
        outer, self.depth = self.depth, 0
        self.names.scopes.append({item.arg: None for item in every if item})
        for statement in body:
            self.visit(statement)
        self.names.scopes.pop()
        self.depth = outer

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Walk a class; its attributes count for its methods."""
        for outside in (*node.decorator_list, *node.bases, *node.keywords):
            self.visit(outside)
        self.names.enter_class(f"{node.lineno} {node.name}")
        self.names.scopes.append({})
        for statement in node.body:
            self.visit(statement)
            for name, path in self.names.scopes[-1].items():
                self.names.bind_self(name, path)
        self.names.scopes.pop()
        self.names.leave_class()

    def visit_comprehension_of(self, node: Comprehension) -> None:
        """Walk a comprehension in a scope of its own."""
        self.names.scopes.append({})
        for part in node.generators:
            self.visit(part.iter)
            self.loop(part.target, part.iter)
            for test in part.ifs:
                self.visit(test)
        results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
        for result in results:
            self.visit(result)
        self.names.scopes.pop()

    visit_ListComp = visit_SetComp = visit_comprehension_of  # noqa: N815 # ast's own spelling
    visit_GeneratorExp = visit_DictComp = visit_comprehension_of  # noqa: N815

    def visit_Attribute(self, node: ast.Attribute) -> None:
        """Note the longest path once, and what a result is asked for on the way."""
        path = self.names.resolve(node)
        if not path or not self.table.legacy(path):
            self.generic_visit(node)
            return
        if not self.names.aliased(node):
            self.told(node, path)
        inner = node.value
        while isinstance(inner, ast.Attribute) and "()" not in (self.names.resolve(inner) or ""):
            inner = inner.value
        self.visit(inner)

    def visit_Call(self, node: ast.Call) -> None:
        """Note a legacy class's arguments, and names that stand in texts."""
        function = self.names.resolve(node.func)
        solution = self.table.class_of(function)
        if solution:
            self.arguments(node, solution)
        word = called(node.func)
        if word == "getattr" or word in IMPORTERS:
            path = self.names.resolve(node)
            if word == "__import__" and node.args:
                path = canonical(constant(node.args[0]) or "")
            self.told(node, path)
        self.generic_visit(node)

    def arguments(self, node: ast.Call, solution: dict[str, Any]) -> None:
        """Note each argument by its name."""
        names = list(solution["arguments"])
        pairs: list[tuple[str, ast.AST]] = list(zip(names, node.args))  # noqa: B905
        pairs += [(item.arg, item) for item in node.keywords if item.arg]
        for name, place in pairs:
            what = f"{solution['class']}({name}=...)"
            self.report(place, what, self.table.argument(solution, name))

    def add_distinct(self, tree: ast.AST) -> None:
        """Note attributes that only legacy results have, where the object came from afar."""
        known = {(entry.line, entry.what.split(" ")[0].lstrip(".")) for entry in self.found}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Attribute) or node.attr not in self.table.distinct:
                continue
            if (node.lineno, node.attr) not in known:
                self.report(node, f".{node.attr}", self.table.attribute(node.attr))


def shown(path: str) -> str:
    """Return a path as people write it."""
    if "()." in path:
        solution, inside = path.split("().", 1)
        name = inside.rsplit(".", 1)[-1].replace("()", "").replace("[]", "")
        return f".{name} of {solution.rsplit('.', 1)[-1]}"
    return path.replace("mediapipe.", "mp.", 1)
