"""Rewrites constructors: Hands(...) becomes HandLandmarker.create_from_options(...)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Optional

import libcst as cst

from mediapipe_jetson.doctor import legacy
from mediapipe_jetson.doctor.flow.values import Constant
from mediapipe_jetson.migrate.context import Context
from mediapipe_jetson.migrate.facts import Site
from mediapipe_jetson.migrate.forms import attribute, call, code, simple
from mediapipe_jetson.migrate.table import Solution

COMMA = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
PLAIN = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
LITE = "models: the lite hand model has no counterpart; this is the full one"
SMOOTH = "smoothing: MediaPipe Tasks always smooth the poses of a video"
AT_RUN_TIME = "models: which one it is ({name}) is decided at run time; each has to be there"


class Construct(Context):
    """Rewrites constructors."""

    def mode(self, site: Site) -> str:
        """Return how a task runs: "image", "video" or "both"."""
        raise NotImplementedError

    def construct(self, original: cst.Call, updated: cst.Call) -> cst.BaseExpression:
        """Rewrite one constructor; what can't be done is refused."""
        self.built.add(self.span(original))
        sites = [
            self.facts.sites[value.site]
            for value in self.things(original)
            if value.kind == "task" and value.site >= 0
        ]
        if not sites:
            self.refuse(original, "this call can't be followed")
            return updated
        site = sites[0]
        solution = site.solution
        expanded = self._expanded(original, site)
        names = None if expanded is None else self._names(original, expanded, site)
        if len({item.solution.module for item in sites}) > 1 or site.open or names is None:
            self.refuse(original, f"{solution.legacy}() with arguments that can't be followed")
            return updated
        updated = updated.with_changes(args=self._expanded(updated, site) or [])
        model = self._model(site)
        chosen: Optional[cst.BaseExpression] = None
        if model is None:
            if solution.chosen_by not in names:
                self.refuse(original, f"{solution.chosen_by} that can't be followed")
                return updated
            self.note(original, AT_RUN_TIME.format(name=solution.chosen_by))
            chosen = updated.args[names.index(solution.chosen_by)].value
        self._notes(original, site, (model,) if model else solution.models)
        func = updated.func
        source = original.func
        # Elsewhere, as in self.Hands(), what the class is an attribute of has no options.
        of_module = isinstance(source, cst.Attribute) and self.is_only(source.value, "module")
        vision: cst.BaseExpression = (
            func.value if of_module and isinstance(func, cst.Attribute) else self.imported("vision")
        )
        args = self._arguments(updated, names, site, vision)
        base = self._base_options(solution, model or "", chosen)
        args = [*self._added(updated, names, site, vision, base, bool(args)), *args]
        options = cst.Call(
            attribute(vision, f"{solution.task}Options"),
            args,
            whitespace_before_args=updated.whitespace_before_args if updated.args else _none(),
        )
        expression: cst.BaseExpression = updated.with_changes(
            func=attribute(func, "create_from_options"),
            args=[cst.Arg(options)],
            whitespace_before_args=_none(),
        )
        if self.mode(site) == "both":
            still = updated.args[names.index("static_image_mode")].value
            expression = call(self.helper("keep_mode"), expression, still)
        return expression

    def _expanded(self, node: cst.Call, site: Site) -> Optional[list[cst.Arg]]:
        """Return the arguments, those of **CONFIG one by one; None where they are not known."""
        stars = [arg for arg in node.args if arg.star]
        if not stars:
            return list(node.args)
        own = {arg.keyword.value for arg in node.args if arg.keyword}
        places = sum(arg.keyword is None and not arg.star for arg in node.args)
        keys = [[name for name, _ in given.keywords if name not in own] for given in site.given]
        same = all(set(item) == set(keys[0]) for item in keys)
        places_known = all(len(given.positional) == places for given in site.given)
        if len(stars) > 1 or stars[0].star != "**" or not (same and places_known):
            return None
        if not simple(stars[0].value) or not all(map(str.isidentifier, keys[0])):
            return None
        args = [arg for arg in node.args if not arg.star]
        for name in keys[0]:
            if args:
                args[-1] = args[-1].with_changes(comma=COMMA)
            value = _entry(stars[0].value, name, site)
            if value is None:
                return None
            args.append(_arg(name, value))
        return args

    def _names(self, node: cst.Call, args: Sequence[cst.Arg], site: Site) -> Optional[list[str]]:
        """Return what each argument is named; None where that is not known."""
        uses = legacy.Uses()
        solution = uses.table.table["solutions"][site.solution.module]
        order = uses.order(solution, site.given[0])
        names = []
        for number, item in enumerate(args):
            if item.keyword is None and number >= len(order):
                return None
            names.append(item.keyword.value if item.keyword else order[number])
        unknown = [name for name in names if name not in site.solution.arguments]
        for name in unknown:
            why = uses.table.argument(solution, name)
            self.refuse(node, f"{site.solution.legacy}({name}=...): {why}")
        return names

    def _model(self, site: Site) -> Optional[str]:
        """Return the model's file; None where it is decided at run time."""
        solution = site.solution
        if not solution.chosen_by:
            return solution.models[0]
        number = site.literal(solution.chosen_by, solution.chosen)
        known = isinstance(number, int) and 0 <= number < len(solution.models)
        return solution.models[number] if known and isinstance(number, int) else None

    def _notes(self, node: cst.Call, site: Site, models: Sequence[str]) -> None:
        """Note what will differ."""
        self.models.update(dict.fromkeys(models))
        for text in site.solution.differs:
            self.note(node, text)
        if site.solution.module == "hands" and site.literal("model_complexity", 1) != 1:
            self.note(node, LITE)
        if site.solution.module == "pose" and site.literal("smooth_landmarks", True) is not True:
            self.note(node, SMOOTH)

    def _added(
        self,
        call_: cst.Call,
        names: list[str],
        site: Site,
        vision: cst.BaseExpression,
        base: cst.BaseExpression,
        followed: bool,
    ) -> list[cst.Arg]:
        """Return the arguments that the old code did not need."""
        solution = site.solution
        given = {solution.arguments.get(name) for name in names}
        added = [_arg("base_options", base)]
        if "@mode" in solution.arguments.values() and "@mode" not in given:
            added.append(_arg("running_mode", attribute(vision, "RunningMode", "VIDEO")))
        for name, value in solution.defaults.items():
            if name not in given:
                added.append(_arg(name, cst.parse_expression(value)))
        space = _space(call_.whitespace_before_args)
        comma = cst.Comma(whitespace_after=space)
        last = len(added) - (0 if followed else 1)
        added = [
            arg.with_changes(comma=comma) if at < last else arg for at, arg in enumerate(added)
        ]
        if not followed and call_.args:
            end = call_.args[-1]
            added[-1] = added[-1].with_changes(
                comma=end.comma, whitespace_after_arg=end.whitespace_after_arg
            )
        return added

    def _base_options(
        self, solution: Solution, model: str, chosen: Optional[cst.BaseExpression]
    ) -> cst.BaseExpression:
        """Return the options with a model, or with the one that a number chooses at run time."""
        base = attribute(self.imported("mp"), "tasks", "BaseOptions")
        if chosen is not None and solution.member:
            args = [_arg("model_asset_buffer", call(self.helper("face_model"), chosen))]
        elif chosen is not None:
            folder = cst.parse_expression(f'f"{{{self.helper("MODEL_FOLDER")}}}/"')
            all_ = cst.parse_expression(f"({', '.join(map(_quoted, solution.models))})")
            chosen_model = cst.Subscript(all_, [cst.SubscriptElement(cst.Index(chosen))])
            args = [_arg("model_asset_path", cst.BinaryOperation(folder, cst.Add(), chosen_model))]
        elif solution.member and model == solution.models[0]:
            strings = [cst.SimpleString(_quoted(name)) for name in (model, solution.member)]
            args = [_arg("model_asset_buffer", call(self.helper("model_part"), *strings))]
        else:
            path = cst.parse_expression(f'f"{{{self.helper("MODEL_FOLDER")}}}/{model}"')
            args = [_arg("model_asset_path", path)]
        if self.gpu:
            gpu = attribute(self.imported("mp"), "tasks", "BaseOptions", "Delegate", "GPU")
            comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
            args = [args[0].with_changes(comma=comma), _arg("delegate", gpu)]
        return cst.Call(base, args)

    def _arguments(
        self, node: cst.Call, names: list[str], site: Site, vision: cst.BaseExpression
    ) -> list[cst.Arg]:
        """Return the old arguments under their new names; those without one are left out."""
        args: list[cst.Arg] = []
        for name, arg in zip(names, node.args):  # noqa: B905 # Python 3.9 has no strict
            new = site.solution.arguments.get(name)
            if new is None or new == "@model":
                _keep_comment(args, arg)
                continue
            value = arg.value
            if new == "@mode":
                new, value = "running_mode", self._running_mode(value, site, vision)
            equal = arg.equal if arg.keyword else PLAIN
            args.append(arg.with_changes(keyword=cst.Name(new), equal=equal, value=value))
        if args and node.args:
            args[-1] = _ended(args[-1], node.args[-1])
        return args

    def _running_mode(
        self, value: cst.BaseExpression, site: Site, vision: cst.BaseExpression
    ) -> cst.BaseExpression:
        mode = self.mode(site)
        image, video = (attribute(vision, "RunningMode", item) for item in ("IMAGE", "VIDEO"))
        if mode == "both":
            return cst.IfExp(test=value, body=image, orelse=video)
        return image if mode == "image" else video


def _entry(owner: cst.BaseExpression, name: str, site: Site) -> Optional[cst.BaseExpression]:
    """Return an entry of a dictionary of arguments; None where it may be missing and matters."""
    key = cst.SimpleString(_quoted(name))
    absent = Constant(None, "NoneType")
    missing = any(absent in (given.get(-1, name) or ()) for given in site.given)
    if not missing or site.solution.arguments.get(name, "") is None:
        return cst.Subscript(owner, [cst.SubscriptElement(cst.Index(key))])
    if not name.startswith("min_"):
        return None
    default = cst.Float("0.5")
    comma = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    return cst.Call(attribute(owner, "get"), [cst.Arg(key, comma=comma), cst.Arg(default)])


def _quoted(text: str) -> str:
    return f'"{text}"'


def _none() -> cst.SimpleWhitespace:
    return cst.SimpleWhitespace("")


def _arg(name: str, value: cst.BaseExpression) -> cst.Arg:
    return cst.Arg(value, keyword=cst.Name(name), equal=PLAIN)


def _space(before: cst.BaseParenthesizableWhitespace) -> cst.BaseParenthesizableWhitespace:
    """Return the space between arguments: a new line where the first has a line of its own."""
    if not isinstance(before, cst.ParenthesizedWhitespace):
        return cst.SimpleWhitespace(" ")
    return cst.ParenthesizedWhitespace(
        cst.TrailingWhitespace(newline=before.first_line.newline),
        indent=before.indent,
        last_line=before.last_line,
    )


def _ended(last: cst.Arg, before: cst.Arg) -> cst.Arg:
    """Return the last argument, ended as the last one was, unless a comment would go."""
    if isinstance(last.comma, cst.Comma) and "#" in code(last.comma):
        return last
    return last.with_changes(comma=before.comma, whitespace_after_arg=before.whitespace_after_arg)


def _keep_comment(args: list[cst.Arg], dropped: cst.Arg) -> None:
    """Put the comment of an argument that goes under the one before it."""
    if not isinstance(dropped.comma, cst.Comma) or not args:
        return
    space = dropped.comma.whitespace_after
    before = args[-1].comma
    if not isinstance(space, cst.ParenthesizedWhitespace) or not isinstance(before, cst.Comma):
        return
    lines: Sequence[cst.EmptyLine] = space.empty_lines
    indent = space.last_line
    if space.first_line.comment is not None:
        lines = [cst.EmptyLine(whitespace=indent, comment=space.first_line.comment), *lines]
    after = before.whitespace_after
    if lines and isinstance(after, cst.ParenthesizedWhitespace):
        merged = after.with_changes(empty_lines=[*after.empty_lines, *lines])
        args[-1] = args[-1].with_changes(comma=before.with_changes(whitespace_after=merged))
