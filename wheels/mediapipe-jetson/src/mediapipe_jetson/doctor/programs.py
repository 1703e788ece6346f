"""Follow a project's programs: their modules, notebooks, and what they import."""

from __future__ import annotations

import ast
import re

from mediapipe_jetson.doctor import legacy, projects, tasks
from mediapipe_jetson.doctor.finding import Unread
from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import Source
from mediapipe_jetson.doctor.names import PACKAGE

# What a program is told by that uses MediaPipe, or a package which does so inside.
STARTS = re.compile(
    rb"^[^\n#]*\b(?:import|from)\b[^\n]*\b(?:"
    + b"|".join(
        re.escape(module).encode()
        for module in (
            PACKAGE,
            *projects.importers("legacy_packages"),
            *projects.importers("tasks_packages"),
        )
    )
    + rb")\b|[\"']mediapipe[.\"']",
    re.MULTILINE,
)
IMPORT = re.compile(
    rb"^[ \t]*(?:from[ \t]+(\.*[\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^#\n]*)|"
    rb"import[ \t]+([\w., \t]+))",
    re.MULTILINE,
)


class Programs:
    """The programs of a project: `uses` of the legacy API, `tasks` that they create, `imports`."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.imports: dict[str, tuple[str, int]] = {}
        self.unread: list[Unread] = []
        self.uses, self.tasks = legacy.Uses(), tasks.Created()
        self._texts: dict[str, bytes] = {}

    def add(self, module: str, name: str, content: bytes, package: bool) -> None:
        """Note a program."""
        self._texts[name] = content
        self.sources[module] = Source(module, name, (), package)

    def add_cells(self, name: str, content: bytes, trees: list[tuple[int, ast.Module]]) -> None:
        """Note a notebook's cells."""
        self._texts[name] = content
        self.sources[name] = Source(name, name, tuple(trees))

    def follow(self) -> None:
        """Follow what the programs do."""
        start = [
            name
            for name, source in self.sources.items()
            if source.trees or STARTS.search(self._texts[source.file])
        ]
        callers = self._callers(start)
        for name in callers:
            if not self.sources[name].trees:
                self._parsed(name)
        self._parse_imported(callers)
        parsed = {name: item for name, item in self.sources.items() if item.trees}
        flow = Flow(parsed, (self.uses, self.tasks))
        why = flow.follow([name for name in callers if name in parsed])
        if why:
            self._alone([name for name in start if name in parsed], parsed, why)
        if self.uses.found:
            self._distinct()

    def _callers(self, start: list[str]) -> list[str]:
        """Return these modules and those that import them, in the project's order.

        Parsing all of a project is slow, so import statements are looked for by their lines.
        """
        if not start:
            return []
        above: dict[str, set[str]] = {}
        for name, source in self.sources.items():
            for one in import_lines(self._texts[source.file]):
                for module in self._inside(source, one):
                    above.setdefault(module, set()).add(name)
        found, waiting = set(start), list(start)
        while waiting:
            for name in above.get(waiting.pop(), ()):
                if name not in found:
                    found.add(name)
                    waiting.append(name)
        return [name for name in self.sources if name in found]

    def _alone(self, start: list[str], parsed: dict[str, Source], why: str) -> None:
        """Follow each program by itself where all together are too much."""
        self.tasks.heard.clear()
        for name in start:
            flow = Flow({name: parsed[name]}, (self.uses, self.tasks))
            failed = flow.follow([name])
            reason = failed or f"together with what it imports {why}"
            self.unread.append(Unread(parsed[name].file, reason))

    def _parse_imported(self, start: list[str]) -> None:
        """Parse the modules that others import, and note imports from outside."""
        waiting = list(start)
        done = set(waiting)
        while waiting:
            source = self.sources[waiting.pop()]
            for name, line in (pair for _, tree in source.trees for pair in imported(tree)):
                inside = self._inside(source, name)
                for module in inside:
                    if module not in done:
                        done.add(module)
                        waiting += [module] if self.sources[module].trees else self._parsed(module)
                if not inside and not name.startswith("."):
                    self.imports.setdefault(name.split(".")[0], (source.file, line))

    def _inside(self, source: Source, name: str) -> list[str]:
        """Return the project's modules that an import may mean, and the packages above them."""
        here = source.name.split(".")
        folder = here if source.package else here[:-1]
        plain = name.lstrip(".")
        level = len(name) - len(plain)
        up = folder[: len(folder) - level + 1] if level else folder
        starts = [up] if level else [folder, [], ["src"]]
        found = []
        for start in starts:
            parts = [*start, *plain.split(".")] if plain else start
            found += [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return [item for item in dict.fromkeys(found) if item in self.sources]

    def _parsed(self, module: str) -> list[str]:
        """Parse one module; return it if that could be done."""
        item = self.sources[module]
        try:
            tree = legacy.parse(self._texts[item.file], item.file)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.unread.append(Unread.of(item.file, error))
            return []
        self.sources[module] = Source(item.name, item.file, ((0, tree),), item.package)
        return [module]

    def _distinct(self) -> None:
        """Note attributes of legacy results where the object came from afar."""
        words = [name.encode() for name in self.uses.table.distinct]
        for module, source in list(self.sources.items()):
            content = self._texts[source.file]
            if any(word in content for word in words) and (source.trees or self._parsed(module)):
                for cell, tree in self.sources[module].trees:
                    self.uses.add_distinct(tree, source.file, cell)


def imported(tree: ast.Module) -> list[tuple[str, int]]:
    """Return the modules that a program imports; a relative one begins with its dots."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found += [(item.name, node.lineno) for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            found.append((base, node.lineno))
            link = "" if base.endswith(".") else "."
            if node.level or node.module:
                found += [(f"{base}{link}{item.name}", node.lineno) for item in node.names]
    return found


def import_lines(content: bytes) -> list[str]:
    """Return what a program imports by the look of its lines: more, rather than less."""
    found = []
    for words in IMPORT.findall(content):
        base, names, plain = (word.decode(errors="replace") for word in words)
        link = "" if base.endswith(".") else "."
        items = (re.split(r"[\s#]", item.strip())[0] for item in names.strip("()").split(","))
        found += [base, *(f"{base}{link}{item}" for item in items if item)] if base else []
        found += [re.split(r"\s", item.strip())[0] for item in plain.split(",") if item.strip()]
    return found
