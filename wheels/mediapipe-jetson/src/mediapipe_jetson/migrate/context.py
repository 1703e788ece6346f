"""What every part of the rewriting shares: a node's place, its values, the notes on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional, Union

import libcst as cst
from libcst import metadata

from mediapipe_jetson.doctor.files import standard
from mediapipe_jetson.doctor.flow.values import Constant, Object, Path, Unknown, Value
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.facts import Facts, Span
from mediapipe_jetson.migrate.forms import code, compared_with_none, is_none
from mediapipe_jetson.migrate.table import OldValue

LOUD = frozenset({"AttributeError", "TypeError", "Exception", "BaseException", ""})


@dataclass(frozen=True, order=True)
class Note:
    """A note on a place; lines and columns count from 1."""

    file: str
    line: int
    column: int
    text: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.text}"


class Context(cst.CSTTransformer):
    """A transformer of one file that knows what its expressions are."""

    METADATA_DEPENDENCIES = (metadata.PositionProvider, metadata.ParentNodeProvider)

    def __init__(self, file: str, facts: Facts, names: dict[str, str], gpu: bool) -> None:
        super().__init__()
        self.file, self.facts = file, facts
        self.gpu = gpu
        """Whether the new code asks for the GPU."""
        self.names = names
        """What helpers and imports are called in this file."""
        self.refused: set[Note] = set()
        self.differs: set[Note] = set()
        self.helpers: dict[str, None] = {}
        self.imports: dict[str, None] = {}
        self.models: dict[str, None] = {}
        self.built: set[Span] = set()

    def span(self, node: cst.CSTNode) -> Span:
        """Return the place of a node of the original tree."""
        at = self.get_metadata(metadata.PositionProvider, node)
        return (at.start.line, at.start.column, at.end.line, at.end.column)

    def parent(self, node: cst.CSTNode) -> Optional[cst.CSTNode]:
        """Return the node around one of the original tree."""
        result = self.get_metadata(metadata.ParentNodeProvider, node, None)
        return result if isinstance(result, cst.CSTNode) else None

    def values(self, node: cst.CSTNode) -> frozenset[Value]:
        """Return all that an expression of the original tree may be."""
        return self.facts.at(self.file, self.span(node))

    def by_text(self, node: cst.CSTNode) -> bool:
        """Return whether an expression gets a part of the legacy API by a text."""
        return (self.file, self.span(node)) in self.facts.by_text

    def things(self, node: cst.CSTNode) -> tuple[OldValue, ...]:
        """Return what of the legacy API an expression of the original tree may be."""
        if not isinstance(node, cst.BaseExpression):
            return ()
        return self.facts.things(self.file, self.span(node))

    def is_only(self, node: cst.CSTNode, *kinds: str) -> bool:
        """Return whether an expression is of these kinds alone, as far as it is known."""
        result = table.kinds(self.things(node))
        return bool(result) and result <= set(kinds)

    def other(self, node: cst.CSTNode) -> bool:
        """Return whether an expression may be something that is known and not legacy."""
        return any(
            isinstance(path, Object)
            or (
                isinstance(path, Path)
                and path.text.startswith("mediapipe.")
                and not self._old(path)
            )
            for path in self.values(node)
        )

    def foreign(self, node: cst.CSTNode) -> bool:
        """Return whether an expression may be what code gives that is not known."""
        return any(isinstance(value, Unknown) and value.outside for value in self.values(node))

    def mixed(self, node: cst.CSTNode) -> bool:
        """Return whether an expression may be what another package gives."""
        return any(
            isinstance(value, Path)
            and value.text.endswith("()")
            and value.text.split(".")[0] not in ("mediapipe", "builtins")
            for value in self.values(node)
        )

    def unfollowed(self, node: cst.CSTNode) -> str:
        """Return the refusal of an expression that may be anything."""
        return f"where {code(node)} comes from can't be followed"

    def opaque(self, node: cst.CSTNode, *, library: bool = False) -> bool:
        """Return whether an expression may be anything: unknown, or what Python's library returns.

        None or 0 proves nothing: a name is that before it gets its value. dataclasses.field(),
        asyncio.to_thread() and the like give back what they were given. With
        `library` what any other package returns counts as well.
        """
        return all(
            isinstance(value, (Constant, Unknown))
            or (
                isinstance(value, Path)
                and "()" in value.text
                and not value.text.startswith("mediapipe.")
                and (library or value.text.split(".")[0] in standard.names())
            )
            for value in self.values(node)
        )

    def _old(self, path: Path) -> bool:
        return table.thing(path.text) is not None

    def note(self, node: cst.CSTNode, text: str) -> None:
        """Note what will differ at a place."""
        line, column, _, _ = self.span(node)
        self.differs.add(Note(self.file, line, column + 1, text))

    def refuse(self, node: cst.CSTNode, why: str) -> None:
        """Note that the file can't be migrated, and why."""
        line, column, _, _ = self.span(node)
        self.refused.add(Note(self.file, line, column + 1, why))

    def helper(self, name: str) -> str:
        """Return what a helper is called here; it will be written into the file."""
        self.helpers[name] = None
        return self.names[name]

    def imported(self, name: str) -> cst.Name:
        """Return a name that will be imported."""
        self.imports[name] = None
        return cst.Name(self.names[name])

    def tested(self, node: cst.CSTNode) -> bool:
        """Return whether the code around an expression uses only its truth."""
        around = self.parent(node)
        if isinstance(around, (cst.If, cst.While, cst.IfExp, cst.Assert, cst.CompIf)):
            return around.test is node
        if isinstance(around, cst.UnaryOperation):
            return isinstance(around.operator, cst.Not)
        if isinstance(around, cst.BooleanOperation):
            return self.tested(around)
        if isinstance(around, cst.Comparison):
            whole = isinstance(node, cst.BooleanOperation)  # which may be another value
            return self.compared(around) is not None and not whole
        if isinstance(around, cst.Arg):
            outer = self.parent(around)
            return isinstance(outer, cst.Call) and code(outer.func) == "bool"
        return False

    def compared(self, node: cst.Comparison) -> Optional[bool]:
        """Return True for `x is None`, False for `x is not None`, None for anything else."""
        if len(node.comparisons) != 1:
            return None
        target = node.comparisons[0]
        if not (is_none(target.comparator) or is_none(node.left)):
            return None
        if isinstance(target.operator, (cst.Is, cst.Equal)):
            return True
        return False if isinstance(target.operator, (cst.IsNot, cst.NotEqual)) else None

    def guarded(self, node: cst.CSTNode) -> bool:
        """Return whether an expression is used only where it was seen to be true."""
        text = code(node)
        inner, around = node, self.parent(node)
        while around is not None and not isinstance(around, (cst.FunctionDef, cst.Lambda)):
            if isinstance(around, cst.BooleanOperation) and inner is around.right:
                if isinstance(around.operator, cst.And) and self._says(around.left, text):
                    return True
            elif isinstance(around, (cst.If, cst.IfExp)) and inner is around.body:
                if self._says(around.test, text) and not _binds(around, text):
                    return True
            elif isinstance(around, (cst.IndentedBlock, cst.Module)):
                before: Sequence[cst.CSTNode] = around.body
                for statement in before[: _index(before, inner)][::-1]:
                    if self._leaves(statement, text):
                        return True
                    if _binds(statement, text):
                        break
            inner, around = around, self.parent(around)
        return False

    def _says(self, test: cst.BaseExpression, text: str) -> bool:
        """Return whether a test is true only if the expression is."""
        if isinstance(test, cst.BooleanOperation) and isinstance(test.operator, cst.And):
            return self._says(test.left, text) or self._says(test.right, text)
        if isinstance(test, cst.Comparison):
            return self.compared(test) is False and code(compared_with_none(test)) == text
        return code(test.with_changes(lpar=[], rpar=[])) == text

    def _leaves(self, statement: cst.CSTNode, text: str) -> bool:
        """Return whether a statement is `if not x: return` or `assert x` or their like."""
        if isinstance(statement, cst.SimpleStatementLine):
            return any(
                isinstance(item, cst.Assert) and self._says(item.test, text)
                for item in statement.body
            )
        if not isinstance(statement, cst.If) or statement.orelse is not None:
            return False
        test = statement.test
        negated = isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not)
        tests_absence = (
            isinstance(test, cst.UnaryOperation) and negated and code(test.expression) == text
        ) or (
            isinstance(test, cst.Comparison)
            and self.compared(test) is True
            and code(compared_with_none(test)) == text
        )
        last = statement.body.body[-1] if statement.body.body else None
        if isinstance(last, cst.SimpleStatementLine):
            last = last.body[-1]
        return tests_absence and isinstance(last, (cst.Return, cst.Continue, cst.Break, cst.Raise))

    def caught(self, node: cst.CSTNode) -> bool:
        """Return whether an error of None, where nothing was found, is caught around a node."""
        inner, around = node, self.parent(node)
        while around is not None and not isinstance(around, (cst.FunctionDef, cst.ClassDef)):
            if isinstance(around, cst.Try) and inner is around.body:
                names = {name for handler in around.handlers for name in _caught(handler)}
                if names & LOUD:
                    return True
            inner, around = around, self.parent(around)
        return False


def _caught(handler: cst.ExceptHandler) -> list[str]:
    kind = handler.type
    if kind is None:
        return [""]
    items: list[Union[cst.BaseElement, cst.BaseExpression]] = (
        list(kind.elements) if isinstance(kind, cst.Tuple) else [kind]
    )
    return [code(item.value if isinstance(item, cst.Element) else item) for item in items]


def _index(statements: Sequence[cst.CSTNode], inner: cst.CSTNode) -> int:
    return next((at for at, statement in enumerate(statements) if statement is inner), 0)


def _binds(node: cst.CSTNode, text: str) -> bool:
    """Return whether a statement may bind the name that an expression begins with."""
    names = (code(target.target).strip("() ") for target in _Targets.of(node))
    return any(text == name or text.startswith((f"{name}.", f"{name}[")) for name in names)


class _Targets(cst.CSTVisitor):
    """Collects what assignments bind."""

    def __init__(self) -> None:
        self.targets: list[cst.AssignTarget] = []

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:
        """Note a target."""
        self.targets.append(node)

    @classmethod
    def of(cls, node: cst.CSTNode) -> list[cst.AssignTarget]:
        """Return the targets in a node."""
        visitor = cls()
        node.visit(visitor)
        return visitor.targets
