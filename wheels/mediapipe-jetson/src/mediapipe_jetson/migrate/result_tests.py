"""Rewrites tests of a result's fields or form: hasattr, match, MessageToDict."""

from __future__ import annotations

from typing import Optional

import libcst as cst

from mediapipe_jetson.doctor.flow.values import Path
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.attributes import Attributes
from mediapipe_jetson.migrate.forms import call, code, primary
from mediapipe_jetson.migrate.table import OldValue

TO_DICT = "google.protobuf.json_format.MessageToDict"
POINT = {"x", "y", "z", "visibility", "presence"}
# What has an attribute in mp.solutions alone, where it is there at all.
HELD = {"landmark": {"list", "first"}, "classification": {"side"}}
MISSING = frozenset({"lists", "sides", "detections", "list"})
BY_FIELDS = "a match by fields or parts of a result"
POSES = ("pose_landmarks", "pose_world_landmarks")


class ResultTests(Attributes):
    """Rewrites questions about results."""

    def has(self, original: cst.Call, updated: cst.Call) -> Optional[cst.BaseExpression]:
        """Rewrite hasattr(results, "name"); None where that can't be done."""
        args, known = original.args, self.things(original.args[0].value) if original.args else ()
        kinds = table.kinds(known)
        if len(args) != 2 or not kinds or any(arg.star or arg.keyword for arg in args):
            return None
        owner, name_argument = args[0].value, args[1].value
        name = name_argument.evaluated_value if isinstance(name_argument, cst.SimpleString) else ""
        if self.foreign(owner) or self.other(owner) or not isinstance(name, str):
            return None
        if kinds == {"result"}:
            fields = {table.solutions()[item.solution].results.get(name) for item in known}
            field = fields.pop() if len(fields) == 1 else None
            if field is None:
                return None
            new = args[1].with_changes(value=cst.SimpleString(f'"{field[0]}"'))
            return updated.with_changes(args=[updated.args[0], new])
        if kinds == {"landmark"} and name in POINT:
            return updated
        if kinds == {"task"} and name in table.SAME_METHODS:
            return updated
        if not kinds <= HELD.get(name, set()):
            return None
        value = updated.args[0].value
        if kinds == {"first"} and not self.direct(owner):
            target = cst.ComparisonTarget(cst.IsNot(), cst.Name("None"))
            lpar, rpar = [cst.LeftParen()], [cst.RightParen()]
            return cst.Comparison(primary(value), [target], lpar=lpar, rpar=rpar)
        return value if self.tested(original) else call("bool", value)

    def to_dict(self, original: cst.Call, updated: cst.Call) -> Optional[cst.BaseExpression]:
        """Rewrite MessageToDict(landmarks); None where that can't be done."""
        functions = {item.text for item in self.values(original.func) if isinstance(item, Path)}
        args = original.args
        known = self.things(args[0].value) if args else ()
        names = [arg.keyword.value if arg.keyword else "" for arg in args]
        plain = names in ([""], ["", "preserving_proto_field_name"])
        if functions != {TO_DICT} or not known or not plain or args[0].star:
            return None
        if self.foreign(args[0].value) or self.other(args[0].value):
            return None
        kinds, value = table.kinds(known), updated.args[0].value
        if kinds == {"side"}:
            return call(self.helper("sides_dict"), value)
        name = {"list": "landmarks_dict", "first": "landmarks_dict", "landmark": "landmark_dict"}
        poses = {_pose(item) for item in known}
        if len(kinds) > 1 or not kinds <= name.keys() or len(poses) > 1 or None in poses:
            return None
        value = self.cut(args[0].value, value)
        more = [cst.SimpleString('"visibility"')] if poses == {True} else []
        return call(self.helper(name[kinds.pop()]), value, *more)

    def listed(self, original: cst.Call) -> None:
        """Refuse ListFields() where it is not that of a side, with [0][1] behind it."""
        field = self.parent(original)
        value = self.parent(field) if isinstance(field, cst.Subscript) else None
        if not (_at(field, "0") and _at(value, "1") and self.is_only(original, "listed")):
            self.refuse(original, "ListFields() of this has no counterpart in Tasks")

    def leave_Match(self, original_node: cst.Match, updated_node: cst.Match) -> cst.Match:
        """Rewrite what is matched: where nothing is found there is an empty list now, no None."""
        subject = updated_node.subject
        if isinstance(original_node.subject, cst.Tuple) and isinstance(subject, cst.Tuple):
            pairs = zip(original_node.subject.elements, subject.elements)  # noqa: B905
            parts = [
                new.with_changes(value=self._missing(old.value, new.value)) for old, new in pairs
            ]
            subject = subject.with_changes(elements=parts)
        else:
            subject = self._missing(original_node.subject, subject)
        for case in original_node.cases:
            pairs_of = _pairs(original_node.subject, case.pattern)
            if any(_Forms.of(pattern) and self._looked_into(part) for part, pattern in pairs_of):
                self.refuse(original_node, BY_FIELDS)
        return updated_node.with_changes(subject=subject)

    def _looked_into(self, node: cst.BaseExpression) -> bool:
        return bool(table.kinds(self.things(node)) - {"lists", "sides", "detections"} - _SAME)

    def _missing(
        self, original: cst.BaseExpression, updated: cst.BaseExpression
    ) -> cst.BaseExpression:
        kinds = table.kinds(self.things(original))
        if not kinds & MISSING:
            return updated
        if self.foreign(original) or self.other(original) or not kinds <= MISSING:
            self.refuse(original, f"{code(original)} may be several things")
            return updated
        return cst.BooleanOperation(updated, cst.Or(), cst.Name("None"))


def _at(node: Optional[cst.CSTNode], index: str) -> bool:
    """Return whether a node takes an item by this number."""
    return isinstance(node, cst.Subscript) and code(node).endswith(f"[{index}]")


# What is matched as it was.
_SAME = frozenset({"label", "plain", "xmin", "ymin", "scores", "label_ids", "visibility", "name"})


def _pose(item: OldValue) -> Optional[bool]:
    """Return whether landmarks have a visibility; None where that is not known."""
    if item.solution == "holistic":
        return item.name in POSES if item.kind == "list" else None
    return item.solution == "pose" if item.solution in table.solutions() else None


def _pairs(
    subject: cst.BaseExpression, pattern: cst.MatchPattern
) -> list[tuple[cst.BaseExpression, cst.MatchPattern]]:
    """Return what is matched with its pattern: of a tuple each part with its own."""
    if not isinstance(subject, cst.Tuple):
        return [(subject, pattern)]
    parts = [element.value for element in subject.elements]
    if isinstance(pattern, (cst.MatchTuple, cst.MatchList)):
        inner = [
            item.value for item in pattern.patterns if isinstance(item, cst.MatchSequenceElement)
        ]
        if len(inner) == len(parts) == len(pattern.patterns):
            return list(zip(parts, inner))  # noqa: B905 # Python 3.9 has no strict
    return [(part, pattern) for part in parts]


class _Forms(cst.CSTVisitor):
    """Finds patterns that look into what is matched."""

    def __init__(self) -> None:
        self.present = False

    def visit_MatchClass(self, node: cst.MatchClass) -> None:
        """Note a pattern with a class."""
        del node
        self.present = True

    def visit_MatchMapping(self, node: cst.MatchMapping) -> None:
        """Note a pattern of a mapping."""
        del node
        self.present = True

    def visit_MatchList(self, node: cst.MatchList) -> None:
        """Note a pattern of a sequence."""
        del node
        self.present = True

    def visit_MatchTuple(self, node: cst.MatchTuple) -> None:
        """Note a pattern of a sequence."""
        del node
        self.present = True

    @classmethod
    def of(cls, pattern: cst.MatchPattern) -> bool:
        """Return whether a pattern is one, or has one inside."""
        visitor = cls()
        pattern.visit(visitor)
        return visitor.present
