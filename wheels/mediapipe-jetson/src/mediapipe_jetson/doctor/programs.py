"""Follow a project's programs: their modules, notebooks, and what they import."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Callable, Iterable
from pathlib import PurePosixPath

from mediapipe_jetson.doctor import imports, legacy, projects, tasks
from mediapipe_jetson.doctor.files import machines
from mediapipe_jetson.doctor.finding import Finding, Unread
from mediapipe_jetson.doctor.flow.modules import Flow
from mediapipe_jetson.doctor.flow.state import Source
from mediapipe_jetson.doctor.names import PACKAGE

PACKAGES_MOST = 200
# Programs beside MediaPipe's whose imports are read in their trees; of the rest by their lines.
PARSED_MOST = 500
Trees = tuple[tuple[int, ast.Module], ...]
Folders = tuple[tuple[str, ...], ...]


class Programs:
    """The programs of a project: `uses` of the legacy API, `tasks` that they create, `imports`."""

    def __init__(self) -> None:
        self.sources: dict[str, Source] = {}
        self.imports: dict[str, Finding] = {}
        """The modules from outside, by their first name, and where each is first imported."""
        self.users: list[str] = []
        """The files of programs that use MediaPipe, or a package which does so inside."""
        self.followed: set[str] = set()
        """The files of these, of what calls them, and of what all of these import."""
        self.unread: list[Unread] = []
        self.uses, self.tasks = legacy.Uses(), tasks.Created()
        self._texts: dict[str, bytes] = {}
        self._notebooks: set[str] = set()
        self._parts: frozenset[str] = frozenset()
        self._meanings: dict[tuple[str, tuple[str, ...], Folders], list[str]] = {}
        """The modules that names mean, by the folders that they are told from."""
        self.folders: set[str] = set()
        """Names of folders that settings and scripts put on PYTHONPATH."""
        self.packages: set[tuple[str, ...]] = set()
        """Folders with packages of the project, which all of it can import once installed."""

    def add(self, module: str, name: str, content: bytes, package: bool) -> None:
        """Note a program."""
        self._texts[name] = content
        self.sources[module] = Source(module, name, (), package)

    def add_cells(self, name: str, code: bytes, trees: list[tuple[str, int, ast.Module]]) -> None:
        """Note a notebook's cells, the code in them, and programs that they write, by module."""
        self._texts[name] = code
        self._notebooks.add(name)
        modules: dict[str, Trees] = {name: ()}
        for module, cell, tree in trees:
            modules[module] = (*modules.get(module, ()), (cell, tree))
        for module, parts in modules.items():
            self.sources.setdefault(module, Source(module, name, parts))

    def follow(self) -> None:
        """Follow what the programs do."""
        self._parts = frozenset(part for name in self.sources for part in name.split("."))
        self._add_folders()
        uses = starts({name.split(".")[0] for name in self.sources})
        start = [
            name
            for name, source in self.sources.items()
            if self._mentions(source) or uses(self._texts[source.file])
        ]
        self.users = [self.sources[name].file for name in start]
        callers = self._callers(start)
        for name in [item for item in callers if not self.sources[item].trees]:
            self._parsed(name)
        done = self._parse_imported(callers)
        self.followed = {self.sources[name].file for name in done}
        self._note_others(done)
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
        if self.uses.collected:
            self._distinct()

    def _add_folders(self) -> None:
        """Note the folders that programs put on sys.path: those that their texts name."""
        places: dict[str, set[tuple[str, ...]]] = {}
        for source in self.sources.values():
            parts = tuple(source.folder)
            for end in range(1, len(parts) + 1):
                places.setdefault(parts[end - 1], set()).add(parts[:end])
        homes = self._homes()
        for module, source in self.sources.items():
            self.sources[module] = dataclasses.replace(source, homes=homes)
        for module, source in self.sources.items():
            names = self.folders | imports.folders_added(self._texts[source.file])
            added = {place for name in names & places.keys() for place in places[name]}
            if added:
                ordered = tuple(sorted(added, key=lambda parts: (len(parts), parts)))
                self.sources[module] = dataclasses.replace(source, added=ordered)

    def _homes(self) -> dict[str, tuple[tuple[str, ...], ...]]:
        """Return the folders of packages by the first names of the modules that they have."""
        result: dict[str, set[tuple[str, ...]]] = {}
        for module in self.sources:
            parts = tuple(module.split("."))
            for end in range(len(parts)):
                if parts[:end] in self.packages:
                    result.setdefault(parts[end], set()).add(parts[:end])
        return {first: tuple(sorted(folders)[:PACKAGES_MOST]) for first, folders in result.items()}

    def _mentions(self, source: Source) -> bool:
        """Return whether a notebook has MediaPipe's name in its code."""
        return (
            source.file in self._notebooks and PACKAGE.encode() in self._texts[source.file].lower()
        )

    def _callers(self, start: list[str]) -> list[str]:
        """Return these modules and those that import them, in the project's order.

        Parsing all of a project is slow, so import statements are looked for by their lines.
        """
        if not start:
            return []
        above: dict[str, set[str]] = {}
        for name, source in self.sources.items():
            for base, items in imports.import_lines(self._texts[source.file]):
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

    def _parse_imported(self, start: list[str]) -> set[str]:
        """Parse these modules and those that they import, and note imports from outside.

        Return all of them.
        """
        waiting = list(start)
        done = set(waiting)
        while waiting:
            source = self.sources[waiting.pop()]
            for module in self._note(source, source.trees):
                if module not in done:
                    done.add(module)
                    parsed = self.sources[module].trees
                    waiting += [module] if parsed else self._parsed(module)
        return done

    def _note_others(self, done: set[str]) -> None:
        """Note what the other modules import from outside.

        A package that no table knows may use MediaPipe inside. Parsing is slow: only modules that
        may name a new one are parsed.
        """
        left = PARSED_MOST
        for module, source in self.sources.items():
            if module in done:
                continue
            if source.trees or source.file in self._notebooks:
                self._note(source, source.trees)
            elif not self._has_new(source, imports.possible(self._texts[source.file])):
                continue
            elif left:
                left -= 1
                self._note_unparsed(source)
            else:
                self._note_lines(source)

    def _has_new(self, source: Source, names: Iterable[str]) -> bool:
        """Return whether a name of these may be from outside and is not noted yet."""
        known = projects.known_modules()
        return any(
            name.split(".")[0] not in known
            and name.split(".")[0] not in self.imports
            and not self._inside(source, name)
            for name in names
        )

    def _note_unparsed(self, source: Source) -> None:
        """Note a module's imports from outside: by its tree, else by the look of its lines."""
        content = self._texts[source.file]
        try:
            # What boards do not run is left out only where that may matter: it is slow.
            whole = imports.imported(machines.whole(content, source.file))
            if self._has_new(source, (name for name, _ in whole)):
                self._note(source, ((0, machines.parsed(content, source.file)),))
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            self._note_lines(source)

    def _note_lines(self, source: Source) -> None:
        """Note a module's imports from outside by the look of its lines."""
        lines = imports.likely(self._texts[source.file])
        self._note_names(source, [(name, 0, line) for name, line in lines])

    def _note(self, source: Source, trees: Trees) -> list[str]:
        """Note imports from outside; return the project's modules that are imported."""
        return self._note_names(
            source,
            [(name, cell, line) for cell, tree in trees for name, line in imports.imported(tree)],
        )

    def _note_names(self, source: Source, names: list[tuple[str, int, int]]) -> list[str]:
        inside = {name: self._inside(source, name) for name, _, _ in names}
        # A folder without __init__.py is no module, but has some.
        own = {name.split(".")[0] for name, modules in inside.items() if modules}
        for name, cell, line in names:
            top = name.split(".")[0]
            if top and top not in own:
                self.imports.setdefault(top, Finding(source.file, cell, line, 1, "", ""))
        return [module for modules in inside.values() for module in modules]

    def _inside(self, source: Source, name: str) -> list[str]:
        """Return the project's modules that an import may mean, and the packages above them."""
        plain = name.lstrip(".")
        level = len(name) - len(plain)
        if not level and plain.split(".")[0] not in self._parts:
            return []
        folder = source.folder
        key = (name, tuple(folder), source.added)
        if key not in self._meanings:
            if level:
                modules = self._below([folder[: len(folder) - level + 1]], plain)
            else:
                # Another package of the project is meant only where nothing nearer is.
                modules = self._below(source.near(), plain) or self._below(source.far(plain), plain)
            self._meanings[key] = modules
        return self._meanings[key]

    def _below(self, starts: list[list[str]], plain: str) -> list[str]:
        """Return the modules of a name below these folders, and the packages above them."""
        result: dict[str, None] = {}
        for start in starts:
            parts = [*start, *plain.split(".")] if plain else start
            names = [".".join(parts[:end]) for end in range(1, len(parts) + 1)]
            if any(item in self.sources for item in names[len(start) if plain else 0 :]):
                result.update((item, None) for item in names if item in self.sources)
        return list(result)

    def folders_imported(self) -> set[PurePosixPath]:
        """Return the folders from which modules are imported by dotted or relative names.

        A dotted name counts where it is in another folder.
        """
        result: set[PurePosixPath] = set()
        for source in self.sources.values():
            here = PurePosixPath(source.file).parent
            for name in self._names_imported(source):
                level = len(name) - len(name.lstrip("."))
                result.update([here, *here.parents][:level])
                depth = name.lstrip(".").count(".")
                for module in self._exact(source, name) if depth and not level else ():
                    target = self.sources[module]
                    folder = PurePosixPath(target.file).parent
                    folder = folder.parent if target.package else folder
                    result.update([folder, *folder.parents][:depth] if folder != here else ())
        return result

    def _names_imported(self, source: Source) -> set[str]:
        """Return the modules that a program imports, and names of them, which may be modules."""
        if source.trees:
            return {name for _, tree in source.trees for name, _ in imports.imported(tree)}
        lines = imports.import_lines(self._texts[source.file])
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
        for name in requested:
            result |= whole[name] or whole[base]
        return result if requested else whole[base]

    def _exact(self, source: Source, name: str) -> set[str]:
        """Return the modules that a name may mean, without the packages above them."""
        parts = name.lstrip(".").split(".")
        if parts == [""]:  # `from .. import name`: the package itself
            above = source.folder[: len(source.folder) - len(name) + 1]
            return {".".join(above)} & self.sources.keys()
        return {
            module
            for module in self._inside(source, name)
            if module.split(".")[-len(parts) :] == parts
        }

    def _parsed(self, module: str) -> list[str]:
        """Parse one module; return it if that could be done."""
        item = self.sources[module]
        if item.file in self._notebooks:
            return []  # its cells were parsed when it was read
        try:
            tree = machines.parsed(self._texts[item.file], item.file)
        except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
            self.unread.append(Unread.of(item.file, error))
            return []
        self.sources[module] = dataclasses.replace(item, trees=((0, tree),))
        return [module]

    def _distinct(self) -> None:
        """Note attributes of legacy results where the object came from afar."""
        attributes = [name.encode() for name in self.uses.table.distinct]
        for module, source in list(self.sources.items()):
            content = self._texts[source.file]
            if any(attribute in content for attribute in attributes) and (
                source.trees or self._parsed(module)
            ):
                for cell, tree in self.sources[module].trees:
                    self.uses.add_distinct(tree, source.file, cell)


def starts(own: set[str]) -> Callable[[bytes], bool]:
    """Return a test for programs that use MediaPipe, or a package which does so inside.

    `own` are the project's own top modules: it may be such a package itself.
    """
    above = {*projects.importers("legacy_packages"), *projects.importers("tasks_packages")}
    names = [name.encode() for name in sorted({PACKAGE, *(above - own)})]
    signs = re.compile(
        rb"^[^\n#]*\b(?:import|from)\b[^\n]*\b(?:" + b"|".join(map(re.escape, names)) + rb")\b|"
        rb"[\"']mediapipe\.|\(\s*[\"']mediapipe[\"']",
        re.MULTILINE,
    )
    # A plain search for the names comes first, which is much faster.
    return lambda text: any(name in text for name in names) and signs.search(text) is not None
