"""Rewrites one file."""

from __future__ import annotations

import io
import itertools
import re
from dataclasses import dataclass
from typing import Union

import libcst as cst
from libcst import metadata

from mediapipe_jetson.migrate import edges, helpers, placing, table, unseen, unused
from mediapipe_jetson.migrate.context import Note
from mediapipe_jetson.migrate.facts import Facts
from mediapipe_jetson.migrate.forms import code
from mediapipe_jetson.migrate.imports import Bound, Imports
from mediapipe_jetson.migrate.names import BOUND_ANEW
from mediapipe_jetson.migrate.scopes import Scopes

LEGACY_BASE = "a class derived from the legacy API; hold the task in an attribute instead"
TOO_EARLY = "MediaPipe is imported and used in one statement; make two of it"
UNFIT = "what this becomes does not fit where it stands"
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

    def __init__(self, file: str, facts: Facts, bound: Bound, text: str, gpu: bool) -> None:
        super().__init__(file, facts, _names(bound), gpu)
        self.constants = bound.constants
        self.lines = list(io.StringIO(text, newline=""))
        self.scopes = Scopes(text)
        self.at: cst.CSTNode = cst.Pass()

    def on_visit(self, node: cst.CSTNode) -> bool:
        """Remember where the rewriting is."""
        self.at = node
        return super().on_visit(node)

    def on_leave(  # type: ignore[override] # as LibCST itself has it
        self, original_node: cst.CSTNode, updated_node: cst.CSTNode
    ) -> Union[cst.CSTNode, cst.RemovalSentinel, cst.FlattenSentinel[cst.CSTNode]]:
        """Rewrite a node; an expression keeps the parentheses and blanks that it needs."""
        self.at = original_node
        new = super().on_leave(original_node, updated_node)
        if new is updated_node or not isinstance(new, cst.BaseExpression):
            return new
        if not isinstance(original_node, cst.BaseExpression):
            return new
        first, start, last, end = self.span(original_node)
        before = self.lines[first - 1][start - 1 : start] if start else ""
        return edges.fitted(original_node, new, before, self.lines[last - 1][end : end + 1])

    def visit_ClassDef(self, node: cst.ClassDef) -> None:
        """Refuse classes derived from legacy ones."""
        for base in node.bases:
            if any(value.kind in ("class", "gone") for value in self.things(base.value)):
                self.refuse(node, LEGACY_BASE)

    def visit_Del(self, node: cst.Del) -> None:
        """Refuse to forget a constant of the legacy API, which the new code does not bind."""
        for name in set(re.findall(r"\w+", code(node.target))) & self.constants.keys():
            self.refuse(node, BOUND_ANEW.format(name))

    def finish(self, bound: Bound, module: cst.Module) -> cst.Module:
        """Return the module with what its new code needs; note calls that were not reached."""
        for site in self.facts.sites:
            span = [key for key in self.built if key[0] == site.line]
            if site.file == self.file and not span:
                self.refused.add(Note(self.file, site.line, 1, NEVER_RUN))
        for line, why in self.facts.guards.get(self.file, ()):
            self.refused.add(Note(self.file, line, 1, why))
        for line, text, _ in self.facts.mentions.get(self.file, ()):
            self.differs.add(Note(self.file, line, 1, unseen.ONLY_NAMED.format(text)))
        return self._with_helpers(bound, module)

    def _with_helpers(self, bound: Bound, module: cst.Module) -> cst.Module:
        names = helpers.closed(self.helpers)
        if "landmark_dict" in names or "sides_dict" in names:
            module = unused.without(module)
        imports = [*dict.fromkeys([*self.imports, *helpers.imports_of(names)])]
        new = [item for item in helpers.IMPORTS if item in imports and not _has(bound, item)]
        substitutions = {**self.names, "models": _models(self.models)}
        early = {self.names[item] for item in (*names, *new)}
        if early & placing.names_before(module):
            self.refused.add(Note(self.file, 1, 1, TOO_EARLY))
        lines = "".join(f"{_import(item, self.names[item])}\n" for item in new)
        texts = [helpers.HELPERS[name].text.format(**substitutions).strip("\n") for name in names]
        functions = "".join(
            f"\n{'' if name == 'MODEL_FOLDER' else chr(10)}{text}\n"
            for name, text in zip(names, texts)  # noqa: B905 # Python 3.9 has no strict
        )
        return placing.insert(module, lines, functions)


def rewrite(
    file: str, wrapper: metadata.MetadataWrapper, facts: Facts, gpu: bool = False
) -> Rewritten:
    """Return a file rewritten, or why that can't be."""
    module = wrapper.module
    bound = Bound()
    module.visit(bound)
    bound.top_imports(module)
    rewriter = Rewriter(file, facts, bound, module.code, gpu)
    try:
        changed = rewriter.finish(bound, wrapper.visit(rewriter))
    except (cst.CSTValidationError, TypeError):
        # LibCST raises TypeError for a lambda behind a word without a blank.
        rewriter.refuse(rewriter.at, UNFIT)
        changed = module
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
        candidates = (name + "_" * count for count in itertools.count())
        names[name] = next(candidate for candidate in candidates if candidate not in bound.names)
    return names


def _has(bound: Bound, name: str) -> bool:
    return helpers.MODULES.get(name) in bound.modules


def _import(name: str, bound: str) -> str:
    line = helpers.IMPORTS[name]
    if bound == line.split()[-1]:
        return line
    return f"{line.rpartition(' as ')[0] or line} as {bound}"


def _models(models: dict[str, None]) -> str:
    """Return comment lines with where models come from."""
    ways = table.document()["models"]
    lines = ["# Models of MediaPipe Tasks, in the kit's images or a folder of yours:"]
    for model in models:
        way = ways[model]
        lines.append(f"# {model}: {'./inv ' if way.startswith('models.') else ''}{way}")
    return "\n".join(lines)
