"""Functions that others call: threads, processes, executors, defaults of fields."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable
from typing import Optional, Union

from mediapipe_jetson.doctor.flow.parameters import Parameters
from mediapipe_jetson.doctor.flow.state import DICT, Code
from mediapipe_jetson.doctor.flow.values import (
    WAYS_MOST,
    Arguments,
    Bound,
    Function,
    Object,
    Path,
    Sequence,
    Value,
    Values,
    join,
    source,
    unknown,
)
from mediapipe_jetson.doctor.names import is_ours

# The number of the argument that is the function; the rest are its own.
EXECUTORS = {"submit": 0, "to_thread": 0, "run_in_executor": 1, "run_sync": 0}
# They call a function with items of the lists behind it: an executor's map, a process pool's.
MAPS = re.compile(
    r"(concurrent\.futures|multiprocessing)\..+\(\)\.(map|map_async|imap|imap_unordered)"
)
# The numbers of the function, its arguments and its keywords, and the function's keyword.
THREADS = {
    "Thread": (1, 3, 4, "target"),
    "Process": (1, 3, 4, "target"),
    "Timer": (1, 2, 3, "function"),
    "apply_async": (0, 1, 2, "func"),
}
# What gives a field of a class its default.
FIELDS = {"dataclasses.field", "attr.field", "attr.ib", "attrs.field", "pydantic.Field"}
CREATES = re.compile(r"\.create_from_\w+$")


class Started(Parameters):
    """Follows functions that are handed over to be called."""

    def external(self, name: str, given: Arguments, node: ast.AST) -> Values:
        """Report an external call."""
        raise NotImplementedError

    def builtin(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return the default of a field, or what another of Python's own functions gives."""
        if name not in FIELDS:
            return super().builtin(name, given, node)
        factory = given.get(-1, "default_factory") or given.get(-1, "factory")
        if factory:
            return join(self.apply(item, Arguments(), node) for item in factory)
        return given.get(0, "default") or unknown(source(node))

    def escaped(self, many: Iterable[Values]) -> None:
        """Note functions that code which is not known has got, by themselves or in something."""
        waiting, seen = [item for values in many for item in values], set()
        while waiting:
            item = waiting.pop()
            if isinstance(item, (Function, Bound)):
                self.code_of(item).handed = True
            elif isinstance(item, Sequence):
                waiting += [inner for values in item.items for inner in values]
            elif isinstance(item, Object) and item not in seen:
                seen.add(item)
                heap = self.heap[item]
                if heap.base in (DICT, "functools.partial"):
                    waiting += [inner for values in heap.fields.values() for inner in values]

    def code_of(self, item: Union[Function, Bound]) -> Code:
        """Return the code of a function or a method."""
        return self.functions[item.function if isinstance(item, Bound) else item]

    def start(self, name: str, given: Arguments, node: ast.AST) -> None:
        """Note what a call starts: the project's functions wait, MediaPipe's are reported."""
        functions, own = self.handed_to(name, given, node)
        for item in functions:
            if isinstance(item, (Function, Bound)):
                code = self.code_of(item)
                code.started += [own] if own not in code.started else []
                if len(code.started) > WAYS_MOST:
                    code.started.pop()
                    code.handed = True
            elif _creates(item):
                self.external(item.text, own, node)  # type: ignore[union-attr] # a path
            else:
                self.escaped([frozenset({item})])
        for values in given.values():
            self.escaped([values - functions])
            for item in values - functions:
                if _creates(item):
                    # Whatever takes it calls it in a way that is not known.
                    more = Arguments(open=source(node))
                    self.external(item.text, more, node)  # type: ignore[union-attr] # a path

    def handed_to(self, name: str, given: Arguments, node: ast.AST) -> tuple[Values, Arguments]:
        """Return the functions that a call starts, and with what."""
        last = name.rsplit(".", 1)[-1]
        nothing: Values = frozenset()
        if last in EXECUTORS:
            at = EXECUTORS[last]
            functions = given.positional[at] if len(given.positional) > at else nothing
            return functions, Arguments(given.positional[at + 1 :], given.keywords, given.open)
        if MAPS.fullmatch(name) and len(given.positional) > 1:
            each = tuple(self.elements(item) for item in given.positional[1:])
            return given.positional[0], Arguments(each, open=given.open)
        if last not in THREADS:
            return nothing, Arguments()
        at, listed, keyed, keyword = THREADS[last]
        functions = given.get(at, keyword) or nothing
        positional, open_ = self._listed(given.get(listed, "args"), given.open, node)
        keywords, open_ = self._keyed(given.get(keyed, "kwargs"), open_, node)
        return functions, Arguments(positional, keywords, open_)

    def _listed(
        self, values: Optional[Values], open_: str, node: ast.AST
    ) -> tuple[tuple[Values, ...], str]:
        only = next(iter(values)) if values is not None and len(values) == 1 else None
        if isinstance(only, Sequence) and only.exact:
            return only.items, open_
        return (), open_ if values is None else source(node)

    def _keyed(
        self, values: Optional[Values], open_: str, node: ast.AST
    ) -> tuple[tuple[tuple[str, Values], ...], str]:
        only = next(iter(values)) if values is not None and len(values) == 1 else None
        heap = self.heap.get(only) if isinstance(only, Object) else None
        if heap is not None and heap.base == DICT and not heap.open and "*" not in heap.fields:
            return tuple(heap.fields.items()), open_
        return (), open_ if values is None else source(node)


def _creates(item: Value) -> bool:
    return isinstance(item, Path) and is_ours(item.text) and CREATES.search(item.text) is not None
