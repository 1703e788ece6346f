"""Rewrites one file."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import libcst as cst
from libcst import metadata

from mediapipe_jetson.migrate import helpers, placing, table, unseen, unused
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.facts import Facts
from mediapipe_jetson.migrate.imports import Bound, Imports

LEGACY_BASE = "a class derived from the legacy API; hold the task in an attribute instead"
TOO_EARLY = "MediaPipe is imported and used in one statement; make two of it"
NEVER_RUN = "this call of a legacy class is made in a way that can't be rewritten"


@dataclass(frozen=True)
class Rewritten:
    """A file after it; `refused` is empty if `module` may be used."""

    module: cst.Module
    refused: tuple[Note, ...]
    differs: tuple[Note, ...]
    models: tuple[str, ...]


class Rewriter(Imports):
    """Rewrites a whole file."""

    def __init__(self, file: str, facts: Facts, bound: Bound, gpu: bool) -> None:
        super().__init__(file, facts, _names(bound), gpu)
        self.constants = bound.constants

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        """Refuse classes derived from legacy ones."""
        for base in node.bases:
            if any(value.kind in ("class", "gone") for value in self.things(base.value)):
                self.refuse(node, LEGACY_BASE)

    def finish(self, bound: Bound, module: cst.Module) -> cst.Module:
        """Return the module with what its new code needs; note calls that were not reached."""
        for site in self.facts.sites:
            span = [key for key in self.built if key[0] == site.line]
            if site.file == self.file and not span:
                self.refused.add(Note(self.file, site.line, 1, NEVER_RUN))
        for line, why in self.facts.guards.get(self.file, ()):
            self.refused.add(Note(self.file, line, 1, why))
        for line, text, _ in self.facts.told.get(self.file, ()):
            self.differs.add(Note(self.file, line, 1, unseen.ONLY_NAMED.format(text)))
        return self._with_helpers(bound, module)

    def _with_helpers(self, bound: Bound, module: cst.Module) -> cst.Module:
        names = helpers.closed(self.helpers)
        if "landmark_dict" in names or "sides_dict" in names:
            module = unused.without(module)
        imports = [*dict.fromkeys([*self.imports, *helpers.imports_of(names)])]
        new = [item for item in helpers.IMPORTS if item in imports and not _has(bound, item)]
        words = {**self.names, "models": _models(self.models)}
        early = {self.names[item] for item in (*names, *new)}
        if early & placing.words_before(module):
            self.refused.add(Note(self.file, 1, 1, TOO_EARLY))
        lines = "".join(f"{_import(item, self.names[item])}\n" for item in new)
        texts = [helpers.HELPERS[name].text.format(**words).strip("\n") for name in names]
        functions = "".join(
            f"\n{'' if name == 'MODEL_FOLDER' else chr(10)}{text}\n"
            for name, text in zip(names, texts)  # noqa: B905 # Python 3.9 has no strict
        )
        return placing.insert(module, lines, functions)


def rewrite(
    file: str, wrapper: metadata.MetadataWrapper, facts: Facts, gpu: bool = False
) -> Rewritten:
    """Return a file rewritten. Raises what LibCST raises for code that it can't follow."""
    module = wrapper.module
    bound = Bound()
    module.visit(bound)
    bound.top_imports(module)
    rewriter = Rewriter(file, facts, bound, gpu)
    changed = rewriter.finish(bound, wrapper.visit(rewriter))
    return Rewritten(
        changed,
        tuple(sorted(rewriter.refused)),
        tuple(sorted(rewriter.differs)),
        tuple(rewriter.models),
    )


def _names(bound: Bound) -> dict[str, str]:
    """Return names for helpers and imports that the file has not yet."""
    names = {}
    for name in (*helpers.HELPERS, *helpers.IMPORTS):
        module = helpers.MODULES.get(name)
        if module in bound.modules:
            names[name] = bound.modules[str(module)]
            continue
        tries = (name + "_" * count for count in itertools.count())
        names[name] = next(attempt for attempt in tries if attempt not in bound.names)
    return names


def _has(bound: Bound, name: str) -> bool:
    return helpers.MODULES.get(name) in bound.modules


def _import(name: str, bound: str) -> str:
    line = helpers.IMPORTS[name]
    if bound == line.split()[-1]:
        return line
    return f"{line.rpartition(' as ')[0] or line} as {bound}"


def _models(models: dict[str, None]) -> str:
    """Return comment lines that say where models come from."""
    ways = table.document()["models"]
    lines = ["# Models of MediaPipe Tasks, in the kit's images or a folder of yours:"]
    for model in models:
        way = ways[model]
        lines.append(f"# {model}: {'./inv ' if way.startswith('models.') else ''}{way}")
    return "\n".join(lines)
