"""Cuts faces: those of Tasks have the irises' points, the old ones only where an option set it."""

from __future__ import annotations

from typing import Optional

import libcst as cst

from mediapipe_jetson.doctor.flow.values import Constant
from mediapipe_jetson.migrate.fields import Fields
from mediapipe_jetson.migrate.forms import is_none, primary
from mediapipe_jetson.migrate.table import OldValue

MORE_POINTS = "models: a face has 478 points, wherever refine_landmarks was False too"


class Faces(Fields):
    """Gives faces the points that they had."""

    def cut(self, original: cst.CSTNode, value: cst.BaseExpression) -> cst.BaseExpression:
        """Return a face without the irises where the old one had none."""
        whole = {self._irises(item) for item in self.things(original) if _face(item)}
        if None in whole:
            self.note(original, MORE_POINTS)
        if whole != {False}:
            return value
        end = cst.Slice(lower=None, upper=cst.Integer("468"), step=None)
        return cst.Subscript(primary(value), [cst.SubscriptElement(end)])

    def drawn(self, original: cst.CSTNode, value: cst.BaseExpression) -> cst.BaseExpression:
        """Return what is drawn as `cut` does: None was drawn as nothing, and can't be cut."""
        nothing = any(isinstance(item, Constant) for item in self.values(original))
        exact = any(item in self.facts.exact for item in self.things(original))
        named = isinstance(original, (cst.Name, cst.Attribute, cst.Subscript))
        if isinstance(original, cst.Attribute) and not self.things(original.value):
            # It may be its class's, which may be None, and is not seen here.
            named = False
        if (named and not nothing and not exact) or self.guarded(original):
            return self.cut(original, value)
        if isinstance(value, cst.BooleanOperation) and is_none(value.right):
            listed = value.left
        else:
            listed = cst.BooleanOperation(primary(value), cst.Or(), cst.List([]))
        result = self.cut(original, listed)
        return value if result is listed else result

    def _irises(self, value: OldValue) -> Optional[bool]:
        """Return whether a face has irises; None where that is decided at run time."""
        site = self.facts.sites[value.site]
        name = "refine_landmarks" if value.solution == "face_mesh" else "refine_face_landmarks"
        literal = site.literal(name, False)
        return None if literal is None else bool(literal)


def _face(value: OldValue) -> bool:
    """Return whether a list of landmarks is a face's."""
    if value.kind != "list" or value.site < 0:
        return False
    return value.solution == "face_mesh" or (value.solution, value.name) == (
        "holistic",
        "face_landmarks",
    )
