"""Follow a project's programs: their modules, notebooks, and what they import."""

from __future__ import annotations

import ast
import re
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import legacy, projects, tasks
from mediapipe_jetson.doctor.finding import Unread
from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import Source
from mediapipe_jetson.doctor.names import PACKAGE

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
        self.users: list[str] = []
        """The files of programs that use MediaPipe, or a package which does so inside."""
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
        signs = starts({name.split(".")[0] for name in self.sources})
        start = [
            name
            for name, source in self.sources.items()
            if source.trees or signs.search(self._texts[source.file])
        ]
        self.users = [self.sources[name].file for name in start]
        callers = self._callers(start)
        for name in callers:
            if not self.sources[name].trees:
                self._parsed(name)
        self._parse_imported(callers)
        parsed = {name: item for name, item in self.sources.items() if item.trees}
        callers = [name for name in callers if name in parsed]
        if not self._followed(callers, parsed):
            # Without what they import: what comes from there is unknown then.
            near = {name: parsed[name] for name in callers}
            if not self._followed(callers, near):
                self._alone([name for name in start if name in parsed], parsed)
        for name in start:
            for cell, tree in self.sources[name].trees:
                self.tasks.add_unfollowed(tree, self.sources[name].file, cell)
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
            for base, items in import_lines(self._texts[source.file]):
                for module in self._meant(source, base, items):
                    above.setdefault(module, set()).add(name)
        result, waiting = set(start), list(start)
        while waiting:
            for name in above.get(waiting.pop(), ()):
                if name not in result:
                    result.add(name)
                    waiting.append(name)
        return [name for name in self.sources if name in result]

    def _followed(self, names: list[str], parsed: dict[str, Source]) -> bool:
        """Follow these modules together; return whether that could be done."""
        self.tasks.heard.clear()
        return not Flow(parsed, (self.uses, self.tasks)).follow(names)

    def _alone(self, start: list[str], parsed: dict[str, Source]) -> None:
        """Follow each program by itself where all together are too much."""
        self.tasks.heard.clear()
        for name in start:
            why = Flow({name: parsed[name]}, (self.uses, self.tasks)).follow([name])
            reason = why or "together with what calls it too entangled to be followed"
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
        result = []
        for start in starts:
            parts = [*start, *plain.split(".")] if plain else start
            result += [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
        return [item for item in dict.fromkeys(result) if item in self.sources]

    def folders_imported(self) -> set[PurePosixPath]:
        """Return the folders from which modules are imported by dotted or relative names.

        A dotted name counts where it stands in another folder.
        """
        result: set[PurePosixPath] = set()
        for source in self.sources.values():
            here = PurePosixPath(source.file).parent
            for name in self._names_imported(source):
                level = len(name) - len(name.lstrip("."))
                result.update([here, *here.parents][:level])
                depth = name.lstrip(".").count(".")
                for module in self._exact(source, name) if depth and not level else ():
                    found = self.sources[module]
                    folder = PurePosixPath(found.file).parent
                    folder = folder.parent if found.package else folder
                    result.update([folder, *folder.parents][:depth] if folder != here else ())
        return result

    def _names_imported(self, source: Source) -> set[str]:
        """Return the modules that a program imports, and names of them, which may be modules."""
        if source.trees:
            return {name for _, tree in source.trees for name, _ in imported(tree)}
        lines = import_lines(self._texts[source.file])
        return {
            f"{base}{'' if base.endswith('.') or not item else '.'}{item}"
            for base, items in lines
            for item in ("", *items)
        }

    def _meant(self, source: Source, base: str, items: list[str]) -> set[str]:
        """Return the modules whose names an import line takes."""
        result: set[str] = set()
        link = "" if base.endswith(".") else "."
        requested = [f"{base}{link}{item}" for item in items if item]
        whole = {item: self._exact(source, item) for item in [base, *requested]}
        for one in requested:
            result |= whole[one] or whole[base]
        return result if requested else whole[base]

    def _exact(self, source: Source, name: str) -> set[str]:
        """Return the modules that a name may mean, without the packages above them."""
        parts = name.lstrip(".").split(".")
        return {
            module
            for module in self._inside(source, name)
            if module.split(".")[-len(parts) :] == parts
        }

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
    result = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            result += [(item.name, node.lineno) for item in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            result.append((base, node.lineno))
            link = "" if base.endswith(".") else "."
            if node.level or node.module:
                result += [(f"{base}{link}{item.name}", node.lineno) for item in node.names]
    return result


def starts(own: set[str]) -> re.Pattern[bytes]:
    """Return what a program is told by that uses MediaPipe, or a package which does so inside.

    `own` are the project's own top modules: it may be such a package itself.
    """
    above = {*projects.importers("legacy_packages"), *projects.importers("tasks_packages")}
    names = b"|".join(re.escape(name).encode() for name in sorted({PACKAGE, *(above - own)}))
    return re.compile(
        rb"^[^\n#]*\b(?:import|from)\b[^\n]*\b(?:" + names + rb")\b|"
        rb"[\"']mediapipe\.|\(\s*[\"']mediapipe[\"']",
        re.MULTILINE,
    )


def import_lines(content: bytes) -> list[tuple[str, list[str]]]:
    """Return modules and the names taken from them, by the look of a program's import lines."""
    result: list[tuple[str, list[str]]] = []
    for words in IMPORT.findall(content):
        base, names, plain = (word.decode(errors="replace") for word in words)
        items = [re.split(r"[\s#]", item.strip())[0] for item in names.strip("()").split(",")]
        if base:
            result.append((base, items))
        for item in plain.split(","):
            if item.strip():
                result.append((re.split(r"\s", item.strip())[0], []))
    return result
