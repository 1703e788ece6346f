"""The values of calls: the project's functions and classes are followed, others reported."""

from __future__ import annotations

import ast
import contextlib
import dataclasses
from typing import Optional, Union

from mediapipe_jetson.doctor.flow import texts
from mediapipe_jetson.doctor.flow.parameters import MANY, OUTSIDE
from mediapipe_jetson.doctor.flow.started import Started
from mediapipe_jetson.doctor.flow.state import DICT, QUEUE, Frame
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Bound,
    Class,
    Function,
    Method,
    Object,
    Path,
    Place,
    Sequence,
    Text,
    Unknown,
    Value,
    Values,
    constant,
    join,
    origins_of,
    path,
    source,
    unknown,
)
from mediapipe_jetson.doctor.names import is_ours

# What looks at objects and changes none.
HARMLESS = ("builtins.", "logging.", "pprint.", "json.", "warnings.", "inspect.")
# pydantic's class whose fields come from the environment, whatever their defaults.
SETTINGS = ".BaseSettings"
# What a generated constructor calls.
AFTER = ("__post_init__", "__attrs_post_init__")
GROWING = ("append", "extend", "insert", "add", "appendleft")
TAKING = ("pop", "popleft")
NESTED_MOST, TIMES_MOST = 8, 24
NESTED_FAR, TIMES_FAR = 4, 6
OPTIONS_FIELDS = {"BaseOptions": ("model_asset_path", "model_asset_buffer", "delegate")}


class Calls(Started):
    """Follows calls."""

    def call(self, node: ast.Call) -> Values:
        """Evaluate the function and its arguments, then the call."""
        functions = self.eval(node.func)
        given = self.arguments(node, any(map(self.heard, functions)))
        if isinstance(node.func, ast.Attribute):
            known = self.of_list(node.func, given, node)
            if known is not None:
                return known
        with self.within(self.calls, self.place(node)):
            return join(self.apply(item, given, node) for item in functions)

    eval_call = call

    def of_list(self, method: ast.Attribute, given: Arguments, node: ast.Call) -> Optional[Values]:
        """Return what a list's method gives; None for any other."""
        name = method.attr
        if name in GROWING and given.positional and self.grow(method, given.positional[-1]):
            return unknown(source(node))
        held = self.eval(method.value) if name in (*TAKING, "copy") else frozenset()
        if not held or not all(isinstance(item, Sequence) for item in held):
            return None
        return self.elements(held) if name in TAKING else held

    def grow(self, node: Union[ast.Attribute, ast.Subscript], values: Values) -> bool:
        """Put something into a list, by a method or at a place; return whether it is one."""
        more = self.elements(values) if getattr(node, "attr", "") == "extend" else values
        return self.grow_by(node.value, more)

    def grow_by(self, target: ast.expr, more: Values) -> bool:
        """Let a list hold more; return whether it is one."""
        before = self.eval(target)
        known = bool(before) and all(isinstance(item, Sequence) for item in before)
        if known:
            held = [part for item in before if isinstance(item, Sequence) for part in item.items]
            origins = frozenset[ast.AST]().union(*map(origins_of, before))
            grown = frozenset({Sequence((join([*held, more]),), exact=False, origins=origins)})
            for scope in () if self.own(target) else self.frame.outer:
                if isinstance(target, ast.Name) and target.id in scope:
                    scope[target.id] = grown
                    return known
            self.assign(target, grown)
        return known

    def own(self, node: ast.AST) -> bool:
        """Return whether a name is of the innermost scope; what is no name counts as such."""
        return not isinstance(node, ast.Name) or node.id in self.frame.scope

    def heard(self, function: Value) -> bool:
        """Return whether a call may be reported to listeners."""
        return isinstance(function, Class) or (
            isinstance(function, Path) and is_ours(function.text)
        )

    def arguments(self, node: ast.Call, heard: bool = True) -> Arguments:
        """Return a call's arguments, with their places if the call may be reported to listeners."""
        positional: list[Values] = []
        keywords: dict[str, Values] = {}
        places: dict[Union[int, str], Place] = {}
        more = ""
        for part in node.args:
            if not isinstance(part, ast.Starred):
                if heard:
                    places[len(positional)] = self.place(part)
                positional.append(self.eval(part))
                continue
            items = self.eval(part.value)
            only = next(iter(items)) if len(items) == 1 else None
            if isinstance(only, Sequence) and only.exact:
                positional += only.items
            else:
                guessed = all(isinstance(item, Unknown) and not item.outside for item in items)
                more = more or (OUTSIDE.open if guessed else source(part))
        for keyword in node.keywords:
            values = self.eval(keyword.value)
            if keyword.arg is not None:
                keywords[keyword.arg] = values
                if heard:
                    places[keyword.arg] = self.place(keyword)
            else:
                places.update(dict.fromkeys(self.keys(values), self.place(keyword.value)))
                more = self.spread(keywords, values, source(keyword.value)) or more
        return Arguments(tuple(positional), tuple(keywords.items()), more, tuple(places.items()))

    def keys(self, values: Values) -> list[str]:
        """Return the keys of a dictionary."""
        heaps = [self.heap[item] for item in values if isinstance(item, Object)]
        return [name for heap in heaps for name in heap.fields]

    def spread(self, keywords: dict[str, Values], values: Values, why: str) -> str:
        """Add a dictionary's entries to the keywords; return why there may be more."""
        more = ""
        none: Values = frozenset()
        for item in values:
            heap = self.heap.get(item) if isinstance(item, Object) else None
            if heap is None or heap.base != DICT:
                more = why
                continue
            for name, entry in heap.fields.items():
                if name != "*":
                    star = heap.fields.get("*", none)
                    keywords[name] = entry | star | keywords.get(name, none)
            more = more or heap.open or (why if "*" in heap.fields else "")
        return more

    def apply(self, function: Value, given: Arguments, node: ast.AST) -> Values:  # noqa: PLR0911
        """Return what one call gives."""
        if isinstance(function, Path):
            builtin = self.builtin(function.text, given, node)
            return self.external(function.text, given, node) if builtin is None else builtin
        if isinstance(function, Function):
            return self.run(function, given)
        if isinstance(function, Bound):
            return self.run(function.function, given, function.owner)
        if isinstance(function, Class):
            return self.construct(function, given, node)
        if isinstance(function, Object):
            return self.called_object(function, given, node)
        if isinstance(function, Method):
            queue = self.heap[function.owner].base == QUEUE
            method = self.of_queue if queue else self.of_dictionary
            return method(function.owner, function.name, given, node)
        if isinstance(function, Text):
            return texts.called(function, given, source(node))
        self.start(getattr(getattr(node, "func", None), "attr", ""), given, node)
        self.handed_over(given, node)
        return unknown(source(node), function)

    def handed_over(self, given: Arguments, node: ast.AST) -> None:
        """Note that code which is not known has got objects, which it may change."""
        for values in (*given.positional, *(values for _, values in given.keywords)):
            for item in values:
                heap = self.heap.get(item) if isinstance(item, Object) else None
                if heap is not None and (heap.base.endswith("Options") or heap.base == DICT):
                    self.touched(heap, source(node))

    def external(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Report an external call; options of MediaPipe become objects with fields."""
        for listener in self.listeners if is_ours(name) else ():
            listener.called(self.place(node), name, given, self)
        last = name.rsplit(".", 1)[-1]
        if is_ours(name):
            self.escaped(given.values())
        if not is_ours(name) and not name.startswith(HARMLESS):
            self.start(name, given, node)
            self.handed_over(given, node)
        if name.startswith("mediapipe.") and last.endswith("Options"):
            return frozenset({self.options(name, given)})
        if last == "Delegate":
            number = next(iter(given.positional[0]), None) if given.positional else None
            return path(f"{name}({getattr(number, 'value', '?')})")
        if last == "__enter__":
            return path(name[: -len(".__enter__")])
        return path(f"{name}()")

    def options(self, name: str, given: Arguments) -> Object:
        """Return an options object with its fields."""
        order = OPTIONS_FIELDS.get(name.rsplit(".", 1)[-1], ("base_options", "running_mode"))
        fields = dict(zip(order, given.positional))  # noqa: B905 # Python 3.9 has no strict
        fields.update(given.keywords)
        return self.make(fields, base=name, open_=given.open)

    def construct(self, of: Class, given: Arguments, node: ast.AST) -> Values:
        """Make an object of a class of the project."""
        code = self.classes[of]
        outside = self.outer_bases(of)
        base = outside[0].text if outside else ""
        result = self.make({}, of=of, base=base)
        code.objects.append(result)
        init = self.member(of, "__init__")
        if init:
            for item in init:
                if isinstance(item, Function):
                    self.run(item, given, result)
        else:
            self.inherit(result, base, self.with_names(of, base, given), node)
            for name in AFTER if code.takes is not None else ():
                for item in self.member(of, name) or ():
                    if isinstance(item, Function):
                        self.run_after(item, result)
        return frozenset({result})

    def run_after(self, function: Function, instance: Object) -> None:
        """Follow what a generated constructor calls.

        Behind a return, and in what it hands its object to, not all of it may run.
        """
        node = self.functions[function].node
        own = {"super", *(item.arg for item in node.args.args[:1])}
        partly = any(isinstance(item, ast.Return) or _has(item, own) for item in ast.walk(node))
        with self.below() if partly else contextlib.nullcontext():
            self.run(function, Arguments(open="its fields"), instance)

    def with_names(self, of: Class, base: str, given: Arguments) -> Arguments:
        """Return what a generated constructor is given by place under the names of its fields."""
        code = self.classes[of]
        if code.takes is None or not given.positional or base.endswith("Options"):
            return given
        if not code.ordered:
            more = given.open or "fields in an order that is not known"
            return dataclasses.replace(given, positional=(), open=more)
        names = [name for name, place in code.takes.items() if place]
        named = zip(names, given.positional)  # noqa: B905 # Python 3.9 has no strict
        return dataclasses.replace(given, positional=(), keywords=(*named, *given.keywords))

    def inherit(self, instance: Object, base: str, given: Arguments, node: ast.AST) -> None:
        """Do what an inherited or generated constructor does."""
        heap = self.heap[instance]
        code = self.classes[heap.of] if heap.of is not None else None
        if base.endswith(SETTINGS):
            given = dataclasses.replace(given, open=given.open or "the environment")
        if base and not base.startswith("builtins."):
            reported = is_ours(base) and given is not OUTSIDE
            for listener in self.listeners if reported else ():
                listener.called(self.place(node), base, given, self)
            if base.endswith("Options"):
                order = OPTIONS_FIELDS.get(base.rsplit(".", 1)[-1], ("base_options",))
                heap.fields.update(zip(order, given.positional))  # noqa: B905
                heap.open = given.open
                if code is None or not code.dataclass:
                    heap.fields.setdefault("delegate", constant(None))
        elif code is not None and code.takes is not None:
            heap.open = given.open
        heap.fields.update(given.keywords)
        if given.open and heap.of is not None:
            for name in self.declared(heap.of):
                open_ = self.opened(given, given.open)
                heap.fields.setdefault(name, open_ | (self.member(heap.of, name) or frozenset()))

    def called_object(self, function: Object, given: Arguments, node: ast.AST) -> Values:
        """Call an object: a partial function, or a __call__ of the project."""
        heap = self.heap[function]
        if heap.base == "functools.partial":
            fields = dict(heap.fields)
            target, first = fields.pop("()", frozenset()), fields.pop("[]", frozenset())
            before = next((i.items for i in first if isinstance(i, Sequence)), ())
            keywords = {**fields, **dict(given.keywords)}
            joined = Arguments(
                (*before, *given.positional), tuple(keywords.items()), given.open or heap.open
            )
            return join(self.apply(item, joined, node) for item in target)
        method = self.attribute(function, "__call__", node)
        if all(isinstance(item, Bound) for item in method):
            return join(self.apply(item, given, node) for item in method)
        return unknown(source(node))

    def entered(self, values: Values, node: ast.AST) -> Values:
        """Return what a with statement binds."""
        result: list[Values] = []
        for item in values:
            method = self.attribute(item, "__enter__", node) if isinstance(item, Object) else None
            if method and all(isinstance(function, Bound) for function in method):
                result.append(join(self.apply(function, Arguments(), node) for function in method))
            elif isinstance(item, Sequence):  # a generator that is a context manager
                result.append(join(item.items))
            else:
                result.append(frozenset({item}))
        return join(result)

    def run(self, function: Function, given: Arguments, owner: Optional[Value] = None) -> Values:
        """Follow a function of the project with these arguments."""
        code = self.functions[function]
        near = code.frame.module in self.chosen
        nested, times = (NESTED_MOST, TIMES_MOST) if near else (NESTED_FAR, TIMES_FAR)
        if function in self.stack or len(self.stack) >= nested:
            self.escaped(given.values())
            return unknown(f"{getattr(code.node, 'name', 'lambda')}()")
        code.times += 1
        if code.times > times:
            if code.times > times + 1:
                self.escaped(given.values())
                return unknown(f"{getattr(code.node, 'name', 'lambda')}()")
            given = MANY
        holder = owner if isinstance(owner, (Object, Class)) else None
        home = code.frame
        scope = self.parameters(code, given, holder)
        self.homes[id(scope)] = (scope, code.node)
        inner = Frame(scope, code.outer, home.module, home.file, home.cell, holder, code.of)
        with self.within(self.stack, function), self.inside(inner):
            if isinstance(code.node, ast.Lambda):
                inner.returns.append(self.eval(code.node.body))
            elif not self.block(code.node.body):
                inner.returns.append(constant(None))
        if inner.yields:
            return frozenset({Sequence((join(inner.yields),), exact=False)})
        return join(inner.returns)

    def block(self, body: list[ast.stmt]) -> bool:
        """Follow statements."""
        raise NotImplementedError

    def parent_init(self, name: str, given: Arguments, node: ast.AST) -> bool:
        """Do what super().__init__() of an external class does; return whether it is one."""
        owner = self.frame.owner
        if not name.endswith("__init__") or not isinstance(owner, Object):
            return False
        base = name[: -len("__init__")].rstrip(".")
        base = base[:-2] if base.endswith("()") else base
        if given.positional and frozenset({owner}) == given.positional[0]:
            given = Arguments(given.positional[1:], given.keywords, given.open)
        self.inherit(owner, base, given, node)
        return True


def _has(node: ast.AST, names: set[str]) -> bool:
    """Return whether a call is one of these names' methods, or gets one of them."""
    if not isinstance(node, ast.Call):
        return False
    given = [node.func, *node.args, *(item.value for item in node.keywords)]
    roots = (getattr(item, "value", item) if item is node.func else item for item in given)
    return any(isinstance(item, ast.Name) and item.id in names for item in roots)
