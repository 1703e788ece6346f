"""Rewrites calls: constructors, process(), drawing, and the little functions around results."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import libcst as cst

from mediapipe_jetson.doctor.flow.values import Bound, Class, Function, Method, Path
from mediapipe_jetson.migrate import table, unseen
from mediapipe_jetson.migrate.construct import Construct
from mediapipe_jetson.migrate.facts import Site
from mediapipe_jetson.migrate.forms import attribute, call, code, simple
from mediapipe_jetson.migrate.message_calls import MESSAGE_KINDS, MessageCalls
from mediapipe_jetson.migrate.names import named_function
from mediapipe_jetson.migrate.table import Solution

# What has the same class, or one that has another name alone.
SAME_KIND = {"plain", "label", "task", "class", "package", "module", "name", "method"}
SAME_KIND |= {"list_class", "landmark_class"}  # which are refused by themselves
REFLECTING = ("getattr", "hasattr", "setattr", "delattr", "vars")
PLAIN = {"plain", "label", "name", "visibility", "method", "class", "task"}
# Numbers, lists of numbers and arrays, whose text is the same.
NUMBERS = {"xmin", "ymin", "scores", "label_ids", "first_mask", "selfie_mask", "holistic_mask"}
OF_PROGRAM = (Bound, Class, Function, Method)
SAME_TEXT = PLAIN | NUMBERS
TEXTS = ("pickle.", "json.", "builtins.print", "builtins.str", "builtins.repr")
OWN = "builtins."
# Functions of the legacy API whose arguments are other things in Tasks, and what calls none.
FUNCTIONS = {"draw_landmarks", "plot_landmarks", "draw_detection", "get_key_point"}
SHOWING = {"print", "repr", "str", "id", "callable", "type"}
CLOCK = (
    "timestamps: MediaPipe Tasks want one for each frame; {name}() gives 30 frames a second, "
    "as mp.solutions counted"
)
SEVERAL = "may be several things"
PRESENCE = "drawing: points whose presence is below .5 are left out too, not only hidden ones"
COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))


class Calls(MessageCalls, Construct):
    """Rewrites calls."""

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.BaseExpression:
        """Rewrite a call of something legacy, or with something legacy."""
        function = original_node.func
        own = self.things(function)
        kinds = table.kinds(own)
        if self.by_text(original_node):
            self.refuse(original_node, f"{code(function)}() {table.GIVES}")
            return updated_node
        if "class" in kinds:
            return self.construct(original_node, updated_node)
        if any(value.kind == "method" and value.name == "process" for value in own):
            return self._process(original_node, updated_node)
        if kinds == {"has_field"}:
            return self._has_field(original_node, updated_node)
        if kinds & MESSAGE_KINDS:
            return self.message_call(original_node, updated_node, kinds)
        name = named_function(own)
        for arg in original_node.args if name else ():
            if self.things(arg.value) and self.foreign(arg.value):
                self.refuse(original_node, self.unfollowed(arg.value))
        if name in ("draw_landmarks", "plot_landmarks"):
            return self._draw(original_node, updated_node, name)
        if name == "draw_detection":
            return updated_node.with_changes(func=cst.Name(self.helper("draw_face")))
        if name == "get_key_point" and len(updated_node.args) == 2:
            keypoints = attribute(updated_node.args[0].value, "keypoints")
            index = cst.SubscriptElement(cst.Index(updated_node.args[1].value))
            return cst.Subscript(keypoints, [index])
        rewritten = self._test_or_callback(original_node, updated_node)
        if rewritten is not None:
            return rewritten
        if not own:
            self._handed(original_node)
        return updated_node

    def _test_or_callback(
        self, original: cst.Call, updated: cst.Call
    ) -> Optional[cst.BaseExpression]:
        """Rewrite tests of a result's fields, and process() that others call."""
        field = self.by_getattr(original)
        if field is not None:
            return self.field(original, attribute(updated.args[0].value, field[0]), field[1])
        grown = self.grown(original, updated)
        if grown is not None:
            return grown
        if self.is_only(original.func, "lister"):
            self.listed(original)
            return updated
        functions = {item.text for item in self.values(original.func) if isinstance(item, Path)}
        if functions == {"builtins.hasattr"}:
            return self.has(original, updated)
        return self.to_dict(original, updated) or self._called_later(original, updated)

    def _handed(self, node: cst.Call) -> None:
        """Refuse results handed to what looks into them as into messages."""
        handed = [value for arg in node.args for value in self.things(arg.value)]
        name = code(node.func)
        if not handed:
            if table.kinds(self.things(node)) & table.ROOTS and self._of_a_library(node.func):
                self.refuse(node, f"{name}() {table.GIVES}")
            self._unfollowed(node)
            return
        function = node.func
        if name.endswith((".draw_landmarks", ".plot_landmarks")) and (
            isinstance(function, cst.Attribute) and self.opaque(function.value, library=True)
        ):
            self.refuse(node, self.unfollowed(function.value))
        drawing = [value.name for value in handed if value.name in FUNCTIONS]
        if drawing and self._of_a_library(function) and name not in SHOWING:
            self.refuse(node, f"{drawing[0]} is handed on; call it where it is")
        paths = [path.text for path in self.values(node.func) if isinstance(path, Path)]
        known = [path[len(OWN) :] for path in paths if path.startswith(OWN)]
        name = known[0] if len(known) == 1 else name
        same = name == "getattr" and all(map(_same_names, handed))
        if name in REFLECTING and (not same or "holistic_mask" in table.kinds(self.things(node))):
            self.refuse(node, f"{name}() of something of the legacy API")
        elif self._looked_at(node, name) and table.kinds(handed) - SAME_KIND:
            self.refuse(node, f"{name}() of something that is of another class in MediaPipe Tasks")
        elif any(path.startswith(unseen.PROTOBUF) for path in paths):
            self.refuse(node, unseen.NO_MESSAGES)
        elif any(path.startswith(TEXTS) for path in paths) and not table.kinds(handed) <= SAME_TEXT:
            self.note(node, f"{name}() gets other objects, and their text is another")

    def _looked_at(self, node: cst.Call, name: str) -> bool:
        """Return whether something depends on the class or the names of what is handed over."""
        compared = isinstance(self.parent(node), (cst.Comparison, cst.ComparisonTarget))
        return name == "isinstance" or (name in ("type", "dir") and compared)

    def _of_a_library(self, function: cst.BaseExpression) -> bool:
        """Return whether a function is of Python or a package, not of the program."""
        values = self.values(function)
        return bool(values) and not any(isinstance(value, OF_PROGRAM) for value in values)

    def _unfollowed(self, node: cst.Call) -> None:
        """Refuse a process() of something that is not known."""
        function = node.func
        if not isinstance(function, cst.Attribute) or function.attr.value != "process":
            return
        if len(node.args) == 1 and self.opaque(function.value):
            self.refuse(node, self.unfollowed(function.value))

    def _process(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression:
        """Rewrite process(): detect, detect_for_video or segment of a picture."""
        function = updated.func
        source = original.func
        if not isinstance(function, cst.Attribute) or not isinstance(source, cst.Attribute):
            self.refuse(original, "process() is called by another name")
            return updated
        if len(updated.args) != 1 or updated.args[0].star:
            self.refuse(original, "process() has other arguments than one picture")
            return updated
        way = self._way(original, source)
        if way is None:
            return updated
        mode, solution = way
        detect, task = solution.detect, function.value
        picture = updated.args[0].value
        if solution.member:
            return updated.with_changes(
                func=cst.Name(self.helper("detect_faces")),
                args=[cst.Arg(task), cst.Arg(picture)],
            )
        image = updated.args[0].with_changes(
            value=call(self.helper("to_image"), picture),
            keyword=None,
            equal=cst.MaybeSentinel.DEFAULT,
        )
        if mode == "image":
            return updated.with_changes(
                func=function.with_changes(attr=cst.Name(detect)), args=[image]
            )
        clock = self.helper("next_ms")
        self.note(original, CLOCK.format(name=clock))
        if mode == "both" or not simple(source.value):
            name = "detect_next" if mode == "both" else "detect_frame"
            return updated.with_changes(
                func=cst.Name(self.helper(name)), args=[cst.Arg(task), image]
            )
        more = image.with_changes(
            comma=cst.Comma(whitespace_after=cst.SimpleWhitespace(" ")),
            whitespace_after_arg=cst.SimpleWhitespace(""),
        )
        stamp = cst.Arg(call(clock, task), whitespace_after_arg=image.whitespace_after_arg)
        return updated.with_changes(
            func=function.with_changes(attr=cst.Name(f"{detect}_for_video")), args=[more, stamp]
        )

    def _way(self, original: cst.Call, source: cst.Attribute) -> Optional[tuple[str, Solution]]:
        """Return the mode and the solution of a process(); None where it is refused."""
        sites = [self.facts.sites[value.site] for value in self.things(source) if value.site >= 0]
        if self.foreign(source.value):
            self.refuse(original, self.unfollowed(source.value))
            return None
        modes = {self.mode(site) for site in sites}
        names = {(site.solution.detect, site.solution.member) for site in sites}
        if not sites:
            self.refuse(original, f"where {code(source.value)} is made can't be followed")
            return None
        if len(modes) != 1 or len(names) != 1:
            why = "is for single pictures here and for videos there" if len(names) == 1 else SEVERAL
            self.refuse(original, f"{code(source.value)} {why}")
            return None
        return modes.pop(), sites[0].solution

    def _called_later(self, original: cst.Call, updated: cst.Call) -> Optional[cst.BaseExpression]:
        """Rewrite submit(hands.process, picture), where an executor calls it."""
        at = next((n for n, arg in enumerate(original.args) if self.handed_process(arg)), None)
        if at is None:
            return None
        source, function = original.args[at].value, updated.args[at].value
        if not isinstance(source, cst.Attribute) or not isinstance(function, cst.Attribute):
            return None
        way = self._way(original, source)
        if way is None:
            return updated
        mode, solution = way
        task, picture = cst.Arg(function.value, comma=COMMA), updated.args[at + 1]
        rest = picture.with_changes(value=call(self.helper("to_image"), picture.value))
        if solution.member:
            new = [cst.Arg(cst.Name(self.helper("detect_faces")), comma=COMMA), task, picture]
        elif mode == "image":
            detect = function.with_changes(attr=cst.Name(solution.detect))
            new = [updated.args[at].with_changes(value=detect), rest]
        else:
            self.note(original, CLOCK.format(name=self.helper("next_ms")))
            name = "detect_next" if mode == "both" else "detect_frame"
            new = [cst.Arg(cst.Name(self.helper(name)), comma=COMMA), task, rest]
        return updated.with_changes(args=[*updated.args[:at], *new])

    def mode(self, site: Site) -> str:
        """Return how a task runs: on an image, on a video, or on what is decided at run time."""
        if site.solution.still:
            return "image"
        literal = site.literal("static_image_mode", False)
        return "both" if literal is None else "image" if literal else "video"

    def _has_field(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression:
        """Rewrite landmark.HasField("visibility")."""
        text = code(original.args[0].value).strip("\"'") if len(original.args) == 1 else ""
        if text != "visibility" or not isinstance(updated.func, cst.Attribute):
            self.refuse(original, "HasField() of this has no counterpart in Tasks")
            return updated
        value = attribute(updated.func.value, "visibility")
        target = cst.ComparisonTarget(cst.IsNot(), cst.Name("None"))
        return cst.Comparison(value, [target], lpar=[cst.LeftParen()], rpar=[cst.RightParen()])

    def _draw(self, original: cst.Call, updated: cst.Call, name: str) -> cst.BaseExpression:
        """Rewrite what draws landmarks: connections are objects, not pairs."""
        place = 2 if name == "draw_landmarks" else 1
        at = argument(original.args, place, "connections")
        if any(arg.star for arg in original.args):
            self.refuse(original, f"{name}() with arguments that can't be followed")
            return updated
        if name == "draw_landmarks" and any(
            item.solution == "pose" or item.name == "pose_landmarks"
            for arg in original.args
            for item in self.things(arg.value)
        ):
            self.note(original, PRESENCE)
        drawn = argument(original.args, place - 1, "landmark_list")
        args = list(updated.args)
        if drawn is not None:
            points = self.drawn(original.args[drawn].value, args[drawn].value)
            args[drawn] = args[drawn].with_changes(value=points)
            updated = updated.with_changes(args=args)
        if at is None or name != "draw_landmarks":
            return updated
        value = original.args[at].value
        if code(value) == "None" or self._constant(value):
            return updated
        changed = call(self.helper("as_connections"), updated.args[at].value)
        args[at] = args[at].with_changes(value=changed)
        return updated.with_changes(args=args)

    def _constant(self, value: cst.BaseExpression) -> bool:
        """Return whether connections are given by the legacy module's own name for them.

        Where the program keeps them under a name of its own they are pairs.
        """
        if table.kinds(self.things(value)) != {"name"}:
            return False
        if isinstance(value, cst.Attribute):
            return self.is_only(value.value, "module")
        return code(value) in self.constants


def _same_names(value: table.OldValue) -> bool:
    """Return whether what getattr() looks into has the same names in Tasks."""
    if value.kind == "module":
        return value.solution in table.DRAWING
    return value.kind in ("landmark", "name") or (value.kind, value.solution) == (
        "result",
        "holistic",
    )


def argument(args: Sequence[cst.Arg], place: int, name: str) -> Optional[int]:
    """Return the number of an argument that is given by place or name."""
    for number, arg in enumerate(args):
        if arg.keyword is not None and arg.keyword.value == name:
            return number
        if arg.keyword is None and number == place:
            return number
    return None
