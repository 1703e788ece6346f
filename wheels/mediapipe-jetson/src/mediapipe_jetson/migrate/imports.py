"""Rewrites imports of the legacy API; a name keeps its name and is bound to the Tasks' thing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional, Union

import libcst as cst
from libcst.helpers import get_full_name_for_node

from mediapipe_jetson.doctor import migration
from mediapipe_jetson.doctor.names import canonical
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.calls import Calls
from mediapipe_jetson.migrate.names import BOUND_ANEW, CONNECTIONS

VISION = "mediapipe.tasks.python.vision"
HAND_LANDMARK = f"{VISION}.hand_landmarker"
SEVERAL = "several statements in one line with this import"
Places = dict[str, list[tuple[str, str]]]
"""New names and what they are bound to, by the module that they come from."""


class Imports(Calls):
    """Rewrites import statements."""

    def leave_Import(self, original_node: cst.Import, updated_node: cst.Import) -> cst.Import:
        """Rewrite `import mediapipe.python.solutions.hands as hands`."""
        names = []
        for alias in updated_node.names:
            full = get_full_name_for_node(alias.name) or ""
            thing = table.thing(canonical(full))
            if thing is None:
                names.append(alias)
                continue
            if alias.asname is None:
                # It binds `mediapipe`, which has the tasks.
                names.append(alias.with_changes(name=cst.Name("mediapipe")))
                continue
            if _moved(alias) is None:
                self._import_gone(original_node, canonical(full))
            names.append(alias)
        return updated_node.with_changes(names=names)

    def leave_SimpleStatementLine(
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> Union[
        cst.SimpleStatementLine, cst.FlattenSentinel[cst.SimpleStatementLine], cst.RemovalSentinel
    ]:
        """Rewrite `from mediapipe.python.solutions import hands`, or `import ...hands as h`."""
        for number, statement in enumerate(original_node.body):
            changed = updated_node.body[number]
            if isinstance(changed, cst.Import) and any(map(_moved, changed.names)):
                return self._moved(original_node, updated_node, number, changed)
            if not isinstance(statement, cst.ImportFrom):
                continue
            places = self._places(statement)
            if places is None:
                continue
            return self._replaced(original_node, updated_node, number, places)
        return updated_node

    def _moved(
        self,
        original: cst.SimpleStatementLine,
        updated: cst.SimpleStatementLine,
        number: int,
        changed: cst.Import,
    ) -> Union[cst.SimpleStatementLine, cst.FlattenSentinel[cst.SimpleStatementLine]]:
        """Return `from ... import ... as h`: `mediapipe.tasks` is another name of its `python`."""
        moved = [place for alias in changed.names if (place := _moved(alias))]
        rest = [alias for alias in changed.names if not _moved(alias)]
        if len(updated.body) > 1 and (rest or len(moved) > 1):
            self.refuse(original, SEVERAL)
            return updated
        statements: list[cst.BaseSmallStatement] = []
        if rest:
            rest[-1] = rest[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
            statements.append(changed.with_changes(names=rest))
        statements += [cst.ImportFrom(_dotted(module), [_alias(*pair)]) for module, *pair in moved]
        return _lines(updated, number, statements)

    def _places(self, node: cst.ImportFrom) -> Optional[Places]:
        """Return what to import instead; None where the statement may stay."""
        module = canonical(get_full_name_for_node(node.module) or "") if node.module else ""
        if node.relative or isinstance(node.names, cst.ImportStar):
            return None
        legacy = [
            canonical(f"{module}.{alias.name.value}")
            for alias in node.names
            if isinstance(alias.name, cst.Name)
        ]
        if not any(table.thing(item) for item in legacy):
            return None
        places: Places = {}
        for alias, full in zip(node.names, legacy):  # noqa: B905 # Python 3.9 has no strict
            bound = alias.evaluated_alias or alias.evaluated_name
            self._place(node, places, full, bound)
        return places

    def _place(self, node: cst.ImportFrom, places: Places, full: str, bound: str) -> None:
        """Note what one name comes from now."""
        thing = table.thing(full)
        above, _, name = full.rpartition(".")
        if thing is None:
            places.setdefault(above, []).append((name, bound))
        elif thing.kind == "package" or (
            thing.kind == "module" and thing.solution in (*table.solutions(), *CONNECTIONS)
        ):
            places.setdefault("mediapipe.tasks.python", []).append(("vision", bound))
        elif thing.kind == "module" and thing.solution in table.DRAWING:
            places.setdefault(VISION, []).append((thing.solution, bound))
        elif thing.kind == "class":
            task = table.solutions()[thing.solution].task
            places.setdefault(VISION, []).append((task, bound))
        elif thing.kind in ("formats", "list_class", "landmark_class"):
            # What is made of them is a list, or a landmark of Tasks.
            places.setdefault("", []).append((name, bound))
        elif thing.kind == "name":
            self._place_name(node, places, thing, bound)
        else:
            self._import_gone(node, full)
            places.setdefault(above, []).append((name, bound))

    def _place_name(
        self, node: cst.ImportFrom, places: Places, thing: table.OldValue, bound: str
    ) -> None:
        """Note what a constant or a function comes from now; constants go where they are used."""
        document = table.document()
        if thing.solution in table.DRAWING:
            if thing.name not in document[thing.solution]:
                self.refuse(node, f"{thing.name} has no counterpart in Tasks")
            places.setdefault(f"{VISION}.{thing.solution}", []).append((thing.name, bound))
        elif thing.name == "HandLandmark":
            places.setdefault(HAND_LANDMARK, []).append((thing.name, bound))
        elif thing.name == "PoseLandmark":
            places.setdefault(VISION, []).append((thing.name, bound))
        elif thing.name in _inlined() or thing.name == "get_key_point":
            places.setdefault("", []).append((thing.name, bound))
        else:
            self._import_gone(node, f"{table.ROOT}.{thing.solution}.{thing.name}")

    def _import_gone(self, node: cst.CSTNode, name: str) -> None:
        self.refuse(node, f"{name}: {migration.load().instead(name)}")

    def _replaced(
        self,
        original: cst.SimpleStatementLine,
        updated: cst.SimpleStatementLine,
        number: int,
        places: Places,
    ) -> Union[
        cst.SimpleStatementLine, cst.FlattenSentinel[cst.SimpleStatementLine], cst.RemovalSentinel
    ]:
        """Return the statements that import all of it."""
        old = updated.body[number]
        real = [(module, names) for module, names in places.items() if module]
        if len(updated.body) > 1 and len(real) != 1:
            self.refuse(original, SEVERAL)
            return updated
        for _, bound in places.get("", ()):
            if bound in self.scopes.rebound:
                self.refuse(original, BOUND_ANEW.format(bound))
        if not real:
            if updated.leading_lines or updated.trailing_whitespace.comment:
                self.note(original, "imports: a line is left out, and the comment at it")
            return cst.RemovalSentinel.REMOVE
        statements = [self._statement(old, module, names) for module, names in real]
        return _lines(updated, number, statements)

    def _statement(
        self, old: cst.BaseSmallStatement, module: str, names: Sequence[tuple[str, str]]
    ) -> cst.ImportFrom:
        aliases = [_alias(*pair) for pair in dict.fromkeys(names)]
        assert isinstance(old, cst.ImportFrom)  # noqa: S101 # for the type checker
        same = not isinstance(old.names, cst.ImportStar) and len(old.names) == len(aliases)
        if same and not isinstance(old.names, cst.ImportStar):
            aliases = [
                name.with_changes(name=alias.name, asname=name.asname or alias.asname)
                if alias.asname
                else name.with_changes(name=alias.name, asname=None)
                for name, alias in zip(old.names, aliases)  # noqa: B905
            ]
            return old.with_changes(module=_dotted(module), names=aliases)
        return cst.ImportFrom(_dotted(module), aliases)


def _moved(alias: cst.ImportAlias) -> Optional[tuple[str, str, str]]:
    """Return what `import legacy.module as name` takes from where, and its name; else None."""
    thing = table.thing(canonical(alias.evaluated_name))
    if thing is None or alias.asname is None or thing.kind not in ("package", "module"):
        return None
    bound = alias.evaluated_alias or ""
    if thing.solution in table.DRAWING:
        return (VISION, thing.solution, bound)
    known = thing.kind == "package" or thing.solution in (*table.solutions(), *CONNECTIONS)
    return ("mediapipe.tasks.python", "vision", bound) if known else None


def _alias(name: str, bound: str) -> cst.ImportAlias:
    return cst.ImportAlias(cst.Name(name), cst.AsName(cst.Name(bound)) if bound != name else None)


def _lines(
    updated: cst.SimpleStatementLine, number: int, statements: Sequence[cst.BaseSmallStatement]
) -> Union[cst.SimpleStatementLine, cst.FlattenSentinel[cst.SimpleStatementLine]]:
    """Return a line with these statements instead of one; several get a line each."""
    if len(statements) == 1:
        body: Sequence[cst.BaseSmallStatement] = [
            statements[0] if at == number else statement
            for at, statement in enumerate(updated.body)
        ]
        return updated.with_changes(body=body)
    lines = [cst.SimpleStatementLine([statement]) for statement in statements]
    lines[0] = lines[0].with_changes(leading_lines=updated.leading_lines)
    lines[-1] = lines[-1].with_changes(trailing_whitespace=updated.trailing_whitespace)
    return cst.FlattenSentinel(lines)


def _dotted(name: str) -> Union[cst.Attribute, cst.Name]:
    top, *below = name.split(".")
    result: Union[cst.Attribute, cst.Name] = cst.Name(top)
    for part in below:
        result = cst.Attribute(result, cst.Name(part))
    return result


def _inlined() -> set[str]:
    """Return the names that other expressions replace now."""
    document = table.document()
    return {*document["constants"], *document["joined"], *document["numbers"], "FaceKeyPoint"}


class Bound(cst.CSTVisitor):
    """Collects what a file binds: names, imports of modules, and constants of the legacy API."""

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.modules: dict[str, str] = {}
        self.constants: dict[str, str] = {}

    def visit_Name(self, node: cst.Name) -> None:
        """Note a name."""
        self.names.add(node.value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:
        """Look at the value alone: an attribute's name binds nothing."""
        node.value.visit(self)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> None:
        """Note what an import binds."""
        module = canonical(get_full_name_for_node(node.module) or "") if node.module else ""
        if node.relative or isinstance(node.names, cst.ImportStar):
            return
        for alias in node.names:
            bound = alias.evaluated_alias or alias.evaluated_name
            self.names.add(bound)
            thing = table.thing(f"{module}.{alias.evaluated_name}")
            if thing is not None and thing.kind == "name" and thing.name in _inlined():
                self.constants[bound] = f"{thing.solution}.{thing.name}"

    def top_imports(self, module: cst.Module) -> None:
        """Note the modules that the file imports for all of it."""
        for statement in module.body:
            small = statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
            for item in small:
                for alias in item.names if isinstance(item, cst.Import) else ():
                    if alias.asname is not None or isinstance(alias.name, cst.Name):
                        bound = alias.evaluated_alias or alias.evaluated_name
                        self.modules.setdefault(alias.evaluated_name, bound)
