"""Follow a whole project: its modules, what they import, and what nobody calls."""

from __future__ import annotations

import ast
from typing import Optional

from mediapipe_jetson.doctor.flow.exports import LISTED, exported, fills, lists, reaches
from mediapipe_jetson.doctor.flow.parameters import OUTSIDE
from mediapipe_jetson.doctor.flow.state import ExhaustedError, Frame, Listener, Source
from mediapipe_jetson.doctor.flow.statements import Statements
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Class,
    Function,
    Module,
    Scope,
    Value,
    Values,
    join,
    path,
    unknown,
)
from mediapipe_jetson.doctor.names import canonical, is_ours, starred

# What has got a function may call it with anything.
HANDED = Arguments(open="what it is handed to")
# Decorators that call a function as it is called.
PLAIN = frozenset(
    (
        *("staticmethod", "classmethod", "property", "cached_property", "abstractmethod"),
        *("override", "final", "cache", "lru_cache", "no_grad", "inference_mode"),
    )
)


class Rounds(Listener):
    """A listener that can drop what was reported to it since a mark."""

    def mark(self) -> None:
        """Set the mark at what was reported so far."""

    def back(self) -> None:
        """Drop what was reported since the mark."""


class Flow(Statements):
    """Follows the modules of one project."""

    def __init__(self, sources: dict[str, Source], listeners: tuple[Listener, ...]) -> None:
        super().__init__(sources, listeners)
        self.uncalled_ones: set[Function] = set()
        """The functions that no code calls that was followed before they were."""
        self.filling: dict[str, bool] = {}
        """Modules, and whether what is not followed may change what their __all__ lists."""
        self.reaching: Optional[list[str]] = None
        """The modules that may change the __all__ of others."""
        self.stand_ins: set[Value] = set()
        """Objects of classes that no code was seen to make any of."""

    def follow(self, names: list[str]) -> str:
        """Follow these modules and what they import; return why that failed, "" if it did not."""
        self.chosen = frozenset(names)
        try:
            for name in names:
                self.module_scope(name)
            self.uncalled()
        except ExhaustedError as error:
            return str(error)
        except RecursionError:
            return "too deep to be followed"
        return ""

    def module_scope(self, name: str) -> Scope:
        """Return a module's names; the first call follows the module."""
        if name in self.modules:
            return self.modules[name]
        scope = self.modules[name] = {}
        self.homes[id(scope)] = (scope, name)
        code = self.sources[name]
        frame = Frame(scope, (), name, code.file, 0)
        depth, self.depth = self.depth, 0
        dead, self.dead = self.dead, 0
        try:
            with self.inside(frame):
                for cell, tree in code.trees:
                    frame.cell = cell
                    self.block(tree.body)
        finally:
            self.depth, self.dead = depth, dead
        return scope

    def uncalled(self) -> None:
        """Follow functions that nobody calls, twice: one may set what another reads."""
        waiting = self.waiting()
        marked = [item for item in self.listeners if isinstance(item, Rounds)]
        for listener in marked:
            listener.mark()
        for _ in range(2):
            for listener in marked:
                listener.back()
            for function in waiting:
                self.outside(function)
        # Functions within functions, and methods of classes that these rounds have made.
        for _ in range(3):
            for function in self.waiting():
                self.outside(function)

    def waiting(self) -> list[Function]:
        """Return the functions of the chosen modules that others call in ways not followed yet."""
        chosen = [item for item, code in self.functions.items() if code.frame.module in self.chosen]
        self.uncalled_ones |= {item for item in chosen if not self.functions[item].times}
        return [
            item for item in chosen if not self.functions[item].followed.issuperset(self.ways(item))
        ]

    def ways(self, function: Function) -> list[Arguments]:
        """Return the arguments with which others than the code itself call a function."""
        code = self.functions[function]
        if function not in self.uncalled_ones:
            return [*code.started, *([HANDED] if code.handed else [])]
        if not code.started:
            return [HANDED if code.handed else OUTSIDE]
        loose = code.of is not None and getattr(code.node, "name", "") in self.loose
        handed = code.handed or loose or not code.decorators <= PLAIN
        return [*code.started, *([HANDED] if handed else [])]

    def outside(self, function: Function) -> None:
        """Follow a function as if something unknown called it."""
        code = self.functions[function]
        owners: list[Optional[Value]] = [None]
        if code.of is not None and "staticmethod" not in code.decorators:
            owners = [code.of] if "classmethod" in code.decorators else list(self.objects(code.of))
        if code.of is not None and getattr(code.node, "name", "") == "__init__":
            # Objects that the code makes keep what it has given them.
            stand_ins = [item for item in owners if item in self.stand_ins]
            owners = list(stand_ins or self.stand_in(code.of))
        for given in self.ways(function):
            code.followed.add(given)
            for owner in owners[:4]:
                code.times = 0
                with self.below():
                    self.escaped([self.run(function, given, owner)])

    def objects(self, of: Class) -> list[Value]:
        """Return the objects of a class and of those below it; without one, one is made."""
        result: list[Value] = [
            item
            for kind, code in self.classes.items()
            if kind == of or self.derived(kind, of)
            for item in code.objects
        ]
        return result or self.stand_in(of)

    def stand_in(self, of: Class) -> list[Value]:
        """Return an object as others may make it."""
        with self.below(), self.inside(self.classes[of].frame):
            result = list(self.construct(of, OUTSIDE, ast.Constant(value=None, lineno=1)))
        self.stand_ins.update(result)
        return result

    def derived(self, of: Class, base: Class) -> bool:
        """Return whether a class is derived from another."""
        return base in self.classes[of].above

    def resolve(self, name: str, level: int = 0) -> Optional[str]:
        """Return the project's module that an import names, None for one from outside."""
        source = self.sources[self.frame.module]
        folder = source.folder
        parts = name.split(".") if name else []
        if level:
            up = folder[: len(folder) - (level - 1)] if level > 1 else folder
            return self.known([*up, *parts])
        if is_ours(name):
            return None
        for start in (*source.near(), *source.far(name)):
            value = self.known([*start, *parts])
            if value is not None:
                return value
        return None

    def known(self, parts: list[str]) -> Optional[str]:
        """Return a module's name if the project has it."""
        name = ".".join(parts)
        return name if name in self.sources else None

    def imported(self, name: str, node: ast.AST) -> Values:
        """Return a module by its name."""
        del node
        value = self.resolve(name)
        return frozenset({Module(value)}) if value is not None else path(canonical(name))

    def do_import(self, node: ast.Import) -> None:
        """Bind modules and report external ones."""
        for item in node.names:
            top = item.name.split(".")[0]
            value = self.resolve(item.name)
            if value is not None:
                first = self.resolve(top)
                shown = value if item.asname or first is None else first
                self.bind(item.asname or top, frozenset({Module(shown)}))
                self.module_scope(value)
                continue
            whole = canonical(item.name)
            for listener in self.listeners:
                listener.imported(self.place(node), whole, False)
            self.bind(item.asname or top, path(whole if item.asname else top))

    def do_importfrom(self, node: ast.ImportFrom) -> None:
        """Bind names of a module."""
        module = node.module or ""
        value = self.resolve(module, node.level)
        for item in node.names:
            if value is not None:
                self.from_project(value, item)
            elif node.level:
                inner = self.resolve(f"{module}.{item.name}" if module else item.name, node.level)
                values = unknown(item.name) if inner is None else frozenset({Module(inner)})
                self.bind(item.asname or item.name, values)
            elif item.name == "*":
                base = canonical(module)
                for name in starred(base):
                    self.bind(name, path(f"{base}.{name}"))
                for listener in self.listeners:
                    for name in listener.imported(self.place(node), base, True):
                        self.bind(name, path(f"{base}.{name}"))
            else:
                whole = canonical(f"{module}.{item.name}")
                for listener in self.listeners:
                    listener.imported(self.place(node), whole, False)
                self.bind(item.asname or item.name, path(whole))

    def do_augassign(self, node: ast.AugAssign) -> None:
        """Keep what is known of an __all__ that surely grows."""
        if lists(node.target) and not self.depth:
            both = ast.BinOp(node.target, node.op, node.value)
            self.assign(node.target, self.eval(ast.copy_location(both, node)))
        else:
            super().do_augassign(node)

    def from_project(self, module: str, item: ast.alias) -> None:
        """Bind a name of a module of the project."""
        scope = self.module_scope(module)
        inner = f"{module}.{item.name}" if module else item.name
        if item.name == "*":
            filled = self.filled(module)
            listed = None if filled else exported(scope)
            # Where a list is not known, it may have any name, and any may stay what it was.
            unsure = listed is None and (filled or LISTED in scope)
            before = self.frame.scope if unsure else {}
            for name in listed if listed is not None else list(scope):
                part = f"{module}.{name}"
                taken = listed is not None or not name.startswith("__" if unsure else "_")
                if name in scope and taken:
                    self.bind(name, scope[name] | before.get(name, frozenset()))
                elif part in self.sources and listed is not None:
                    self.bind(name, frozenset({Module(part)}))
        elif item.name in scope:
            self.bind(item.asname or item.name, join([scope[item.name]]))
        elif inner in self.sources:
            self.bind(item.asname or item.name, frozenset({Module(inner)}))
        else:
            self.bind(item.asname or item.name, unknown(item.name))

    def filled(self, module: str) -> bool:
        """Return whether what is not followed may fill a module's __all__."""
        if self.reaching is None:
            self.reaching = [
                item.name
                for item in self.sources.values()
                if any(reaches(tree) for _, tree in item.trees)
            ]
        if module not in self.filling:
            trees = [tree for _, tree in self.sources[module].trees]
            others = any(name != module for name in self.reaching)
            self.filling[module] = others or any(map(fills, trees))
        return self.filling[module]
