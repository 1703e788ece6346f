"""Rewrites what makes and fills messages of landmark_pb2: lists and landmarks of Tasks."""

from __future__ import annotations

from typing import Optional, Union

import libcst as cst

from mediapipe_jetson.migrate.forms import attribute, call, code
from mediapipe_jetson.migrate.result_tests import ResultTests

MESSAGE_KINDS = {"list_class", "landmark_class", "adder", "copier"}
ROUNDED = "numbers: messages rounded to 32 bits, landmarks of Tasks keep what they are given"


class MessageCalls(ResultTests):
    """Rewrites messages that the program creates itself."""

    def message_call(
        self, original: cst.Call, updated: cst.Call, kinds: set[str]
    ) -> cst.BaseExpression:
        """Rewrite what makes or fills messages of landmark_pb2."""
        kind = kinds.pop() if len(kinds) == 1 else ""
        args, func = updated.args, updated.func
        keywords = [arg.keyword.value if arg.keyword else "" for arg in args]
        owner = func.value if isinstance(func, cst.Attribute) else None
        if kind in ("landmark_class", "adder"):
            self.note(original, ROUNDED)
        if kind == "landmark_class" and all(keywords):
            return updated.with_changes(func=cst.Name(self.helper("new_landmark")))
        if kind == "list_class" and keywords in ([], ["landmark"]):
            whole = args[0].value if args else cst.List([])
            return (
                whole
                if self._fresh(original.args[0].value if args else cst.List([]))
                else self._copies(whole, cst.ListComp)
            )
        if kind == "adder" and owner is not None and all(keywords):
            name = cst.Name(self.helper("add_landmark"))
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            first = cst.Arg(owner, comma=comma if args else cst.MaybeSentinel.DEFAULT)
            return updated.with_changes(func=name, args=[first, *args])
        if kind == "copier" and owner is not None and keywords == [""]:
            return call(self.helper("copy_landmarks"), owner, args[0].value)
        self.refuse(original, f"{code(original.func)}() with these arguments has no counterpart")
        return updated

    def grown(self, original: cst.Call, updated: cst.Call) -> Optional[cst.BaseExpression]:
        """Rewrite append and extend of a message's points, which took copies."""
        function = original.func
        if not isinstance(function, cst.Attribute) or not self.is_only(function.value, "items"):
            return None
        method, args = function.attr.value, updated.args
        if (
            method not in ("append", "extend")
            or len(args) != 1
            or self._fresh(original.args[0].value)
        ):
            return None
        value = args[0].value
        copy = self._copy(value) if method == "append" else self._copies(value, cst.GeneratorExp)
        return updated.with_changes(args=[args[0].with_changes(value=copy)])

    def _copy(self, value: cst.BaseExpression) -> cst.Call:
        return cst.Call(attribute(self.imported("dataclasses"), "replace"), [cst.Arg(value)])

    def _copies(
        self, values: cst.BaseExpression, kind: Union[type[cst.ListComp], type[cst.GeneratorExp]]
    ) -> cst.BaseExpression:
        target = cst.Name("one")
        source = cst.CompFor(target=target, iter=values)
        if kind is cst.ListComp:
            return cst.ListComp(elt=self._copy(target), for_in=source)
        return cst.GeneratorExp(elt=self._copy(target), for_in=source, lpar=[], rpar=[])

    def _fresh(self, value: cst.BaseExpression) -> bool:
        """Return whether a point, or each of several, is made in place."""
        if isinstance(value, cst.List):
            items = value.elements
            return all(isinstance(item, cst.Element) and self._fresh(item.value) for item in items)
        if isinstance(value, (cst.ListComp, cst.GeneratorExp)):
            return self._fresh(value.elt)
        return isinstance(value, cst.Call) and self.is_only(value.func, "landmark_class")
