"""Find uses of MediaPipe's legacy API in what the code does (data/legacy.json)."""

from __future__ import annotations

import ast
import warnings
from typing import Any, Optional, Union

from mediapipe_jetson.doctor import migration
from mediapipe_jetson.doctor.finding import Finding
from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import Listener, Source, State
from mediapipe_jetson.doctor.flow.values import Arguments, Constant, Place, Values

SIDES = ("left", "right")


def parse(text: Union[str, bytes], file: str) -> ast.Module:
    """Return a program's tree. Raises SyntaxError, ValueError or RecursionError."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return ast.parse(text, filename=file)


def scan(text: Union[str, bytes], file: str) -> list[Finding]:
    """Return the uses in one program, in order. Raises SyntaxError, ValueError, RecursionError."""
    tree, uses = parse(text, file), Uses()
    why = Flow({file: Source(file, file, ((0, tree),))}, (uses,)).follow([file])
    if why:
        raise RecursionError(why)
    if uses.collected:
        uses.add_distinct(tree, file, 0)
    return uses.findings


class Uses(Listener):
    """Collects the uses."""

    def __init__(self) -> None:
        self.table = migration.load()
        self.collected: set[Finding] = set()
        self.gone: set[Finding] = set()
        """Those of `collected` that mp.solutions of 0.10.21 has not either."""

    @property
    def findings(self) -> list[Finding]:
        """Return the uses, in order."""
        return sorted(self.collected)

    def report(self, place: Place, what: str, instead: str, gone: bool = False) -> None:
        """Note one use; `gone`: 0.10.21 fails on it too."""
        finding = Finding(place.file, place.cell, place.line, place.column, what, instead)
        self.collected.add(finding)
        self.gone |= {finding} if gone else set()

    def note_path(self, place: Place, path: str) -> None:
        """Note a legacy path, unless it adds nothing new."""
        if self.table.legacy(path) and self.table.tells(path):
            self.report(place, shown(path), self.table.instead(path), self.table.gone(path))

    def imported(self, place: Place, path: str, star: bool) -> list[str]:
        """Note a legacy module; return the names that a star brings."""
        self.note_path(place, path)
        return self.table.names_of(path) if star and self.table.legacy(path) else []

    def named(self, place: Place, path: str, guard: bool) -> None:
        """Note an attribute, or a guard by one."""
        if guard and self.table.legacy(path):
            base, _, name = path.replace("mediapipe", "mp", 1).rpartition(".")
            self.report(place, f"hasattr({base}, {name!r})", self.table.table["guard"])
        elif not guard:
            self.note_path(place, path)

    def called(self, place: Place, path: str, given: Arguments, state: State) -> None:
        """Note a legacy class's arguments."""
        del state
        solution = self.table.class_of(path)
        if not solution:
            return
        places = dict(given.places)
        names = self.order(solution, given)[: len(given.positional)]
        pairs: list[tuple[Union[int, str], str]] = list(enumerate(names))
        pairs += [(name, name) for name, _ in given.keywords]
        for key, name in pairs:
            what = f"{solution['class']}({name}=...)"
            gone = name not in solution["arguments"]
            self.report(places.get(key, place), what, self.table.argument(solution, name), gone)
        if list(solution["arguments"])[: len(names)] != names:
            usage = f"{solution['class']}({', '.join(names)}) by position"
            self.report(place, usage, self.table.table["old_order"], gone=True)
        if given.open:
            usage = f"{solution['class']}(...) with arguments that can't be followed"
            self.report(place, usage, self.table.all_arguments(solution))

    def order(self, solution: dict[str, Any], given: Arguments) -> list[str]:
        """Return the names of positional arguments; old versions had another order."""
        names = list(solution["arguments"])
        for old in solution.get("orders", ()):
            at = old["told_by"]
            values: Values = given.positional[at] if at < len(given.positional) else frozenset()
            if any(isinstance(item, Constant) and item.kind in old["kinds"] for item in values):
                return list(old["names"])
        return names

    def compared(self, place: Place, path: str, text: str) -> None:
        """Note where a hand's side is compared: the sides have changed."""
        if path.endswith(".label") and self.table.legacy(path) and text.lower() in SIDES:
            self.report(place, f"a comparison with {text!r}", self.table.table["sides"])

    def add_distinct(self, tree: ast.AST, file: str, cell: int) -> None:
        """Note attributes that only legacy results have, where the object came from afar."""
        known = {
            (entry.line, entry.what.split(" ")[0].lstrip("."))
            for entry in self.collected
            if (entry.file, entry.cell) == (file, cell)
        }
        for node in ast.walk(tree):
            name = attribute_name(node)
            if name in self.table.distinct and (getattr(node, "lineno", 1), name) not in known:
                column = getattr(node, "col_offset", 0) + 1
                place = Place(file, cell, getattr(node, "lineno", 1), column)
                self.report(place, f".{name}", self.table.attribute(name))


def attribute_name(node: ast.AST) -> Optional[str]:
    """Return the attribute that a node reads, by a dot or by getattr."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and len(node.args) > 1:
        name = node.args[1]
        if node.func.id in ("getattr", "hasattr") and isinstance(name, ast.Constant):
            return str(name.value)
    return None


def shown(path: str) -> str:
    """Return a path as people write it."""
    if "()." in path:
        solution, inside = path.split("().", 1)
        name = inside.rsplit(".", 1)[-1].replace("()", "").replace("[]", "")
        return f".{name} of {solution.rsplit('.', 1)[-1]}"
    return path.replace("mediapipe.", "mp.", 1)
