"""Rewrites what results hold, and comparisons with None."""

from __future__ import annotations

import re

import libcst as cst

from mediapipe_jetson.doctor.flow.values import Path
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.faces import Faces
from mediapipe_jetson.migrate.forms import (
    attribute,
    call,
    code,
    compared_with_none,
    first,
    next_of,
    or_none,
    several,
)
from mediapipe_jetson.migrate.names import MESSAGES
from mediapipe_jetson.migrate.table import NULLABLE, OldValue

RENAMED = {
    "location.relative_bounding_box": "bounding_box",
    "location.relative_keypoints": "keypoints",
    "box.xmin": "origin_x",
    "box.ymin": "origin_y",
    "detection.score": "categories",
    "detection.label_id": "categories",
}
DROPPED = {"list.landmark", "first.landmark", "side.classification", "detection.location_data"}
OF_CATEGORY = {"scores": "score", "label_ids": "index"}
# A module by a name that is not known.
MODULE = re.compile(r"sys\.modules\W").match
METHODS = {"process", *table.SAME_METHODS}
SIDES = (
    "handedness: MediaPipe Tasks name the other side; {name}() gives the one that mp.solutions gave"
)
NONE_ERROR = "where nothing was found this raises IndexError, not AttributeError or TypeError"


class Attributes(Faces):
    """Rewrites expressions other than calls."""

    def leave_Attribute(
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        """Rewrite an attribute of something legacy."""
        base, own = self.things(original_node.value), self.things(original_node)
        if any(value.kind == "package" for value in own):
            return self.package(original_node, updated_node)
        if not base:
            if any(value.kind == "gone" for value in own):
                self.gone(original_node, own)
            else:
                self._leftover(original_node)
            return updated_node
        around = self.parent(original_node)
        if isinstance(around, cst.Arg) and any(item.kind == "method" for item in own):
            if self.handed_process(around):
                return updated_node
            self.refuse(original_node, f"{code(original_node)} is handed on; call it where it is")
            return updated_node
        if self.is_only(original_node, *MESSAGES):
            return self.message_class(original_node, updated_node, own)
        actions = {self._action(original_node, value) for value in base}
        if len(actions) > 1 or (self.other(original_node.value) and actions != {"keep"}):
            self.refuse(original_node, f"{code(original_node.value)} may be several things")
            return updated_node
        unsure = self.foreign(original_node.value) or self.mixed(original_node.value)
        if unsure and actions != {"keep"}:
            self.refuse(original_node, self.unfollowed(original_node.value))
            return updated_node
        return self._done(original_node, updated_node, base[0], actions.pop())

    def _action(self, node: cst.Attribute, base: OldValue) -> str:
        """Return the action for an attribute of one thing."""
        name = node.attr.value
        key = f"{base.kind}.{name}"
        if base.kind in ("package", "module", "name", "gone"):
            return base.kind
        if base.kind == "formats":
            return "keep" if self.is_only(node, "list_class", "landmark_class") else "refuse"
        if base.kind == "task":
            return "keep" if name in METHODS else "refuse"
        if base.kind == "result":
            field = table.solutions()[base.solution].results.get(name)
            return f"field {field[0]} {field[1]}" if field else "refuse"
        if key in DROPPED:
            return "drop"
        if key in RENAMED:
            return f"rename {RENAMED[key]}"
        if key in ("category.label", "landmark.visibility"):
            seen = base.solution == "pose" and base.kind == "landmark"
            return "keep" if seen else name
        known = key in table.document()["kinds"] and key != "landmark.presence"
        plain = base.kind in table.PYTHONS or base.kind.endswith("mask") or base.kind == "plain"
        return "keep" if known or plain else "refuse"

    def _done(  # one for each action
        self, original: cst.Attribute, updated: cst.Attribute, base: OldValue, action: str
    ) -> cst.BaseExpression:
        """Do an action."""
        word, *more = action.split()
        stored = isinstance(self.parent(original), (cst.AssignTarget, cst.AugAssign, cst.Del))
        if stored and word == "visibility":
            return updated
        if word == "refuse" or (stored and word not in ("keep", "rename")):
            return self._unknown(original, updated, base)
        if word == "keep":
            return updated
        if word == "package":
            return self.module(original, updated)
        if word == "module":
            return self.named(original, updated, base)
        if word == "name":
            return self.member(original, updated, base)
        if word == "drop":
            return self._list_of(original, updated, base)
        if word == "rename" and more[0] == "categories" and not self._indexed(original):
            return _each(updated.value, OF_CATEGORY[f"{original.attr.value}s"])
        if word == "rename":
            return updated.with_changes(attr=cst.Name(more[0]))
        if word == "label":
            name = self.helper("hand_side")
            self.note(original, SIDES.format(name=name))
            return call(name, updated.value)
        if word == "visibility":
            return cst.BooleanOperation(
                updated, cst.Or(), cst.Float("0.0"), lpar=[cst.LeftParen()], rpar=[cst.RightParen()]
            )
        if word == "field":
            renamed = updated.with_changes(attr=cst.Name(more[0]))
            return self.field(original, renamed, more[1])
        return updated

    def _indexed(self, node: cst.CSTNode) -> bool:
        """Return whether the code around an expression takes one item of it."""
        around = self.parent(node)
        return isinstance(around, cst.Subscript) and isinstance(around.slice[0].slice, cst.Index)

    def _unknown(
        self, original: cst.Attribute, updated: cst.Attribute, base: OldValue
    ) -> cst.Attribute:
        kind = "what is not known" if base.kind == "unknown" else f"a {base.kind}"
        kind = kind if base.kind != "task" else table.solutions()[base.solution].legacy
        why = f".{original.attr.value} of {kind} has no counterpart in Tasks"
        reset = base.kind == "task" and original.attr.value == "reset"
        self.refuse(original, why + ("; close it and make a new one" if reset else ""))
        return updated

    def _list_of(
        self, original: cst.Attribute, updated: cst.Attribute, base: OldValue
    ) -> cst.BaseExpression:
        """Drop .landmark and its like: the list itself holds the items."""
        direct = self.direct(original.value)
        value = updated.value
        none = base.kind == "list" and (direct or base in self.facts.exact)
        none = none or (base.kind == "first" and not direct)
        if none and self.caught(original) and not self.guarded(original.value):
            value = call(self.helper("found"), value)
        return value if self._indexed(original) else self.cut(original.value, value)

    def field(
        self, original: cst.BaseExpression, renamed: cst.BaseExpression, kind: str
    ) -> cst.BaseExpression:
        """Rewrite a field of a result."""
        if kind == "first":
            return self._first(original, renamed)
        if kind == "selfie_mask":
            return call(self.helper("mask_array"), first(renamed))
        if kind in ("first_mask", "holistic_mask"):
            around = self.parent(original)
            if isinstance(around, cst.Comparison) and self.tested(original):
                return renamed
            if kind == "holistic_mask":
                return call(self.helper("mask_array"), renamed)
            if self.guarded(original):
                return call(self.helper("mask_array"), first(renamed))
            empty = cst.BooleanOperation(renamed, cst.Or(), cst.Tuple([]))
            return call(self.helper("mask_array"), next_of(empty))
        around = self.parent(original)
        iterated = isinstance(around, (cst.For, cst.CompFor, cst.Subscript))
        # What unpacks it or counts it fails of None by a TypeError.
        taken = isinstance(around, cst.Assign) and any(map(several, around.targets))
        counted = isinstance(around, (cst.Arg, cst.StarredElement)) or taken
        if (iterated or counted) and self.caught(original) and not self.guarded(original):
            return call(self.helper("found"), renamed, cst.Name("TypeError"))
        return self._missing_too(original, renamed)

    def _missing_too(
        self, original: cst.BaseExpression, renamed: cst.BaseExpression
    ) -> cst.BaseExpression:
        """Return a field that is None where nothing was found, if the program looks at that."""
        around = self.parent(original)
        exact = any(value in self.facts.exact for value in self.things(original))
        looped = isinstance(around, (cst.For, cst.CompFor, cst.Subscript, cst.Attribute))
        instead = isinstance(around, cst.BooleanOperation) and isinstance(around.operator, cst.Or)
        left = instead and isinstance(around, cst.BooleanOperation) and around.left is original
        if not exact or looped or left or self.tested(original) or self.guarded(original):
            return renamed
        bare = isinstance(around, (cst.Assign, cst.AnnAssign, cst.Arg, cst.Return, cst.Element))
        return or_none(renamed, bare=bare)

    def _first(self, original: cst.CSTNode, renamed: cst.BaseExpression) -> cst.BaseExpression:
        """Rewrite results.pose_landmarks, which is a list of poses now."""
        if self.tested(original):
            return renamed
        if self.guarded(original):
            return first(renamed)
        around = self.parent(original)
        if isinstance(around, cst.Attribute):
            if self.caught(original):
                return first(call(self.helper("found"), renamed))
            self.note(original, NONE_ERROR)
            return first(renamed)
        return next_of(renamed)

    def leave_Subscript(
        self, original_node: cst.Subscript, updated_node: cst.Subscript
    ) -> cst.BaseExpression:
        """Rewrite detection.score[0]; refuse a table of Python's that holds the legacy API."""
        holder = self.values(original_node.value)
        root = table.kinds(self.things(original_node)) & table.ROOTS and any(
            isinstance(value, Path) for value in holder
        )
        if root or self.by_text(original_node):
            table_of = code(original_node.value)
            self.refuse(original_node, f"{table_of}[] {table.GIVES}")
        kinds = table.kinds(self.things(original_node.value))
        if kinds == {"pair"} and isinstance(updated_node.value, cst.Subscript):
            # side.ListFields()[0][1] is side.classification, which is the side itself.
            called = updated_node.value.value
            if isinstance(called, cst.Call) and isinstance(called.func, cst.Attribute):
                return called.func.value
        own = isinstance(original_node.value, cst.Attribute) and self._indexed(original_node.value)
        if own and kinds and kinds <= set(OF_CATEGORY):
            return attribute(updated_node, OF_CATEGORY[kinds.pop()])
        return updated_node

    def leave_Comparison(
        self, original_node: cst.Comparison, updated_node: cst.Comparison
    ) -> cst.BaseExpression:
        """Rewrite `is None`: where nothing is found there is an empty list now."""
        self.chained(original_node)
        missing = self.compared(original_node)
        left = compared_with_none(original_node)
        kinds = table.kinds(self.things(left))
        messages = all(item.solution == "landmark_pb2" for item in self.things(left))
        direct = self.direct(left)
        exact = any(item in self.facts.exact for item in self.things(left))
        if missing is None or not kinds or messages or (exact and not direct):
            return updated_node
        lists = kinds <= NULLABLE and (direct or kinds != {"first"})
        if not (lists or (direct and kinds == {"first_mask"})):
            if kinds & (NULLABLE - {"first"}):
                self.refuse(original_node, f"{code(left)} may be several things")
            return updated_node
        if self.foreign(left):
            self.refuse(original_node, self.unfollowed(left))
            return updated_node
        value = compared_with_none(updated_node)
        if missing:
            around = self.parent(original_node)
            whole = cst.UnaryOperation(cst.Not(), value, updated_node.lpar, updated_node.rpar)
            if isinstance(around, (cst.Comparison, cst.BinaryOperation)) and not whole.lpar:
                whole = whole.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
            return whole
        if self.tested(original_node):
            return value.with_changes(
                lpar=[*updated_node.lpar, *value.lpar], rpar=[*value.rpar, *updated_node.rpar]
            )
        return call("bool", value)

    def _leftover(self, node: cst.Attribute) -> None:
        """Refuse what looks like a legacy result but comes from where nothing is known."""
        name = node.attr.value
        names = {item.text for item in self.values(node.value) if isinstance(item, Path)}
        opaque = any(map(MODULE, names)) or self.opaque(node.value, library=True)
        root = name == "solutions" and self.values(node.value)
        if opaque and (root or name in table.document()["distinct"]):
            self.refuse(node, self.unfollowed(node.value))


def _each(detection: cst.BaseExpression, name: str) -> cst.ListComp:
    """Return a list of one field of a detection's categories."""
    category = cst.Name("category")
    source = cst.CompFor(target=category, iter=attribute(detection, "categories"))
    return cst.ListComp(elt=attribute(category, name), for_in=source)
