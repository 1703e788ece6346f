"""Files of a project as modules that take names of each other."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path, PurePath

from mediapipe_jetson.doctor.names import is_ours
from mediapipe_jetson.migrate.spelled import Spelled, spelled

ALL = "*"
Parts = tuple[str, ...]


class Modules:
    """The files of a project, and which of them an import may mean."""

    def __init__(self, trees: Mapping[str, ast.Module], paths: Mapping[str, Path]) -> None:
        self.trees = trees
        self.stars = [
            (name, node)
            for name, tree in trees.items()
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and node.names[0].name == ALL
        ]
        """Star imports, by the files that they stand in."""
        self._folders = {name: paths[name].parent.resolve() for name in trees}
        self._parts = {name: _parts(self._folders[name], paths[name]) for name in trees}
        self._by_word: dict[str, list[str]] = {}
        for name, parts in self._parts.items():
            self._by_word.setdefault(parts[-1], []).append(name)
        self._known = {part for name in trees for part in PurePath(name).with_suffix("").parts}

    @cached_property
    def texts(self) -> dict[str, list[Spelled]]:
        """Return the names that texts in the files spell, with their lines."""
        return spelled(self.trees)

    def meant(self, node: ast.ImportFrom, file: str) -> set[str]:
        """Return the files that an import in a file may take names of."""
        dotted = tuple((node.module or "").split(".")) if node.module else ()
        if node.level:
            folder = self._folders[file].parts
            dotted = folder[: max(len(folder) - node.level + 1, 1)] + dotted
        elif is_ours(node.module or ""):
            return set()
        alike = self._by_word.get(dotted[-1], [])
        matches = {name for name in alike if self._parts[name][-len(dotted) :] == dotted}
        if not matches:
            # Packages may be installed under a name that no folder has.
            return set() if not node.level and dotted[0] in self._known else set(alike)
        return matches if node.level else self._nearest(matches, dotted, file)

    def _nearest(self, matches: set[str], dotted: Parts, file: str) -> set[str]:
        """Return those of some files that a program finds first, where one is beside it.

        Python looks in the folder of the program that was started, which may be further up.
        """
        folder = self._folders[file].parts
        bases = {name: self._parts[name][: -len(dotted)] for name in matches}
        if folder not in bases.values() or _searches(self.trees[file]):
            return matches
        return {name for name, base in bases.items() if folder[: len(base)] == base}

    def makers(self, file: str) -> set[str]:
        """Return a file, and those that have all its names by star imports."""
        result, before = {file}, 0
        while len(result) > before:
            before = len(result)
            result |= {other for other, node in self.stars if self.meant(node, other) & result}
        return result

    def starred(self, file: str) -> Iterator[tuple[str, ast.ImportFrom]]:
        """Yield the star imports of a file by others."""
        for other, node in self.stars:
            if other != file and file in self.meant(node, other):
                yield other, node


def _parts(folder: Path, path: Path) -> Parts:
    """Return the whole path of a file's module; a package's is its folder."""
    return folder.parts if path.stem == "__init__" else (*folder.parts, path.stem)


def _searches(tree: ast.Module) -> bool:
    """Return whether a program sets itself where modules are looked for."""
    return any(
        isinstance(node, ast.Attribute) and ast.unparse(node) == "sys.path"
        for node in ast.walk(tree)
    )
