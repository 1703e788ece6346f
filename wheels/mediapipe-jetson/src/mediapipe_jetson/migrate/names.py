"""Rewrites modules, classes and constants of the legacy API, by attribute or imported name."""

from __future__ import annotations

from typing import Optional, Union

import libcst as cst

from mediapipe_jetson.doctor import migration
from mediapipe_jetson.doctor.flow.values import Path
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.context import Context
from mediapipe_jetson.migrate.forms import attribute, call, code
from mediapipe_jetson.migrate.scopes import Scopes
from mediapipe_jetson.migrate.table import OldValue

# What annotations name instead of a class of messages.
MESSAGES = {"list_class": "list", "landmark_class": "NormalizedLandmark"}
CONNECTIONS = ("face_mesh_connections", "hands_connections", "pose_connections")
ONLY_CALLED = "{} is gone; only where it is called or annotates can it be rewritten"
BOUND_ANEW = "{} is imported from the legacy API and bound to another thing too; give that a name"
PAIRED = "connections: pairs of numbers are objects with .start and .end in MediaPipe Tasks"

# Nodes that may be between a class and the annotation that it is in.
TYPING = (
    cst.Index,
    cst.SubscriptElement,
    cst.Subscript,
    cst.BinaryOperation,
    cst.Element,
    cst.Tuple,
    cst.List,
)


class Names(Context):
    """Rewrites the names of modules."""

    constants: dict[str, str]
    """Names that an import bound to constants of the legacy API."""
    scopes: Scopes
    """Whose a name is."""

    def package(self, original: cst.Attribute, updated: cst.Attribute) -> cst.BaseExpression:
        """Rewrite mp.solutions."""
        root = updated.value
        python = any(
            isinstance(path, Path) and path.text.endswith(".python")
            for path in self.values(original.value)
        )
        if python and isinstance(root, cst.Attribute):
            root = root.value
        return attribute(root, "tasks", "vision").with_changes(lpar=updated.lpar, rpar=updated.rpar)

    def module(self, original: cst.Attribute, updated: cst.Attribute) -> cst.BaseExpression:
        """Rewrite mp.solutions.hands: its classes are in `vision` itself."""
        name = original.attr.value
        if name in table.DRAWING:
            return updated
        if name in table.solutions() or name in CONNECTIONS:
            return updated.value
        self.refuse(original, migration.load().instead(f"{table.ROOT}.{name}"))
        return updated

    def named(
        self, original: cst.Attribute, updated: cst.Attribute, base: OldValue
    ) -> cst.BaseExpression:
        """Rewrite a class, a function or a constant of a module."""
        known = table.solutions().get(base.solution)
        if known is not None and original.attr.value == known.legacy:
            return updated.with_changes(attr=cst.Name(known.task))
        return self.constant(original, updated, updated.value, base.solution, original.attr.value)

    def member(
        self, original: cst.Attribute, updated: cst.Attribute, base: OldValue
    ) -> cst.BaseExpression:
        """Rewrite a member of an enumeration that Tasks do not have."""
        numbers = table.document()["numbers"]
        name = original.attr.value
        if base.name in numbers and name == "value":
            return updated.value
        if base.name.rpartition(".")[0] and base.name in numbers:
            self.refuse(original, f"{base.name} is a number in MediaPipe Tasks, without a .{name}")
            return updated
        number = numbers.get(f"{base.name}.{name}")
        return updated if number is None else self._number(original, number)

    def _number(self, original: cst.CSTNode, number: int) -> cst.Integer:
        """Return a number, in parentheses where something is read of it."""
        around = self.parent(original)
        if isinstance(around, cst.Attribute) and around.attr.value != "value":
            return cst.Integer(str(number), lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
        return cst.Integer(str(number))

    def constant(
        self,
        original: Union[cst.Attribute, cst.Name],
        updated: Union[cst.Attribute, cst.Name],
        vision: cst.BaseExpression,
        module: str,
        name: str,
    ) -> cst.BaseExpression:
        """Rewrite a name of a legacy module."""
        document = table.document()
        if module in table.DRAWING:
            if name not in document[module]:
                path = f"{table.ROOT}.{module}.{name}"
                known = migration.load()
                gone = known.instead(path) if known.gone(path) else "has no counterpart in Tasks"
                self.refuse(original, f"{module}.{name}{': ' if known.gone(path) else ' '}{gone}")
            return updated
        if name == "HandLandmark":
            return self.imported("HandLandmark")
        if name in ("PoseLandmark", "get_key_point"):
            return updated
        if name in document["numbers"]:
            return self._number(original, document["numbers"][name])
        around = self.parent(original)
        member = around.attr.value if isinstance(around, cst.Attribute) else ""
        if f"{name}.{member}" in document["numbers"]:
            return updated
        whole = _connections(vision, name)
        if whole is None:
            why = migration.load().instead(f"{table.ROOT}.{module}.{name}")
            self.refuse(original, f"{module}.{name}: {why}")
            return updated
        if self._drawn(original):
            return whole
        self.note(original, PAIRED)
        return call(self.helper("connection_pairs"), whole)

    def _drawn(self, node: cst.CSTNode) -> bool:
        """Return whether an expression is the connections that draw_landmarks gets."""
        argument = self.parent(node)
        outer = self.parent(argument) if isinstance(argument, cst.Arg) else None
        if not isinstance(outer, cst.Call) or not isinstance(argument, cst.Arg):
            return False
        drawing = any(value.name == "draw_landmarks" for value in self.things(outer.func))
        named = argument.keyword.value if argument.keyword else ""
        return drawing and (
            named == "connections" or (not named and outer.args.index(argument) == 2)
        )

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.BaseExpression:
        """Rewrite a constant that was imported by its name."""
        around = self.parent(original_node)
        bound = self.constants.get(original_node.value)
        if isinstance(around, cst.ImportAlias) or _names_it(around, original_node):
            return updated_node
        own = self.things(original_node)
        if table.kinds(own) & set(MESSAGES):
            return self.message_class(original_node, updated_node, own)
        if bound is not None and any(value.kind == "name" for value in own):
            module, _, name = bound.partition(".")
            if isinstance(around, cst.AssignTarget) or self.local(original_node):
                return updated_node
            if not all(
                isinstance(value, Path) and value.text.endswith(f".{name}")
                for value in self.values(original_node)
            ):
                self.refuse(original_node, BOUND_ANEW.format(original_node.value))
                return updated_node
            vision = self.imported("vision")
            return self.constant(original_node, updated_node, vision, module, name)
        if any(value.kind == "gone" for value in own):
            self.gone(original_node, own)
        if any(value.kind == "formats" for value in own) and not isinstance(around, cst.Attribute):
            self.refuse(original_node, "landmark_pb2 is gone")
        return updated_node

    def local(self, node: cst.Name) -> bool:
        """Return whether a name is one that a function or a class binds itself."""
        return self.scopes.local(node, self.parent, lambda around: self.span(around)[0])

    def message_class(
        self, original: cst.CSTNode, updated: cst.BaseExpression, own: tuple[OldValue, ...]
    ) -> cst.BaseExpression:
        """Rewrite a class of landmark_pb2 that is not called here: annotations keep their sense."""
        around = self.parent(original)
        called = isinstance(around, cst.Call) and around.func is original
        bound = isinstance(around, cst.AnnAssign) and around.target is original
        if called or bound or isinstance(around, cst.AssignTarget):
            return updated
        while isinstance(around, TYPING):
            around = self.parent(around)
        if not isinstance(around, cst.Annotation) or len(own) > 1:
            self.refuse(original, ONLY_CALLED.format(code(original)))
            return updated
        name = "Landmark" if own[0].name == "Landmark" else MESSAGES[own[0].kind]
        return cst.Name(name) if name == "list" else self.imported(name)

    def gone(self, node: cst.CSTNode, own: tuple[OldValue, ...]) -> None:
        """Refuse what went with the legacy API, unless it is only on the way to something."""
        around = self.parent(node)
        while isinstance(around, cst.Attribute):
            if any(value.kind != "gone" for value in self.things(around)):
                return
            node, around = around, self.parent(around)
        name = next(value.name for value in own if value.kind == "gone")
        self.refuse(node, f"{name}: {migration.load().instead(name)}")


def _connections(vision: cst.BaseExpression, name: str) -> Optional[cst.BaseExpression]:
    """Return what a constant of connections is in Tasks; None where it is something else."""
    document = table.document()
    parts = document["joined"].get(name, [name])
    if not all(part in document["constants"] for part in parts):
        return None
    first, *more = (attribute(vision, *document["constants"][part].split(".")) for part in parts)
    return cst.BinaryOperation(first, cst.Add(), more[0]) if more else first


def _names_it(around: Optional[cst.CSTNode], node: cst.Name) -> bool:
    """Return whether a node names something by a word, which is read nowhere."""
    if isinstance(around, cst.Attribute):
        return around.attr is node
    if isinstance(around, cst.Param):
        return around.name is node
    return isinstance(around, cst.Arg) and around.keyword is node


def named_function(things: tuple[OldValue, ...]) -> Optional[str]:
    """Return the one function of the legacy API that these are."""
    names = {value.name for value in things if value.kind == "name"}
    return names.pop() if len(names) == 1 else None
