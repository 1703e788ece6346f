"""Follow what queues, deques and dictionaries with defaults hold."""

from __future__ import annotations

import ast
import re
from typing import Optional

from mediapipe_jetson.doctor.flow.classes import settle
from mediapipe_jetson.doctor.flow.reflection import Reflection
from mediapipe_jetson.doctor.flow.state import DICT, QUEUE, ClassCode, Frame
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Class,
    Object,
    Path,
    Sequence,
    Value,
    Values,
    join,
    path,
    source,
    text_of,
    unknown,
)

QUEUES = re.compile(
    r"(queue|asyncio|(torch\.)?multiprocessing(\.\w+(\(\))?)*)\."
    r"(Queue|LifoQueue|PriorityQueue|SimpleQueue|JoinableQueue)"
)
LISTS = ("builtins.list", "builtins.set", "builtins.tuple", "collections.deque")
PUTTING, GETTING = ("put", "put_nowait"), ("get", "get_nowait", "result")
# Functions that return the result of what they are given, once that is done.
AWAITED = re.compile(
    r"asyncio\.(run|wait_for|create_task|ensure_future|shield|as_completed)"
    r"|concurrent\.futures\.as_completed|asyncio\..*\(\)\.(run_until_complete|create_task)"
)
# Context managers that give what they are given.
CONTEXTS = ("contextlib.closing", "contextlib.nullcontext", "contextlib.aclosing")
ENTERED = re.compile(r"contextlib\.(Async)?ExitStack\(\)\.enter_(async_)?context")
NOTHING: Values = frozenset()


class Holders(Reflection):
    """Answers calls of what makes holders, and of their methods."""

    def dictionary(self, given: Arguments) -> Values:
        """Return what dict() makes."""
        raise NotImplementedError

    def entered(self, values: Values, node: ast.AST) -> Values:
        """Return what a with statement binds."""
        raise NotImplementedError

    def holder(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return a new holder, or what is awaited; None for any other function."""
        if QUEUES.fullmatch(name):
            # One for each place: what is followed again reads what it put there before.
            return frozenset({self.queues.setdefault(node, self.make({}, base=QUEUE))})
        if AWAITED.fullmatch(name) and given.positional:
            return given.positional[0]
        if name in LISTS and not given.positional and not given.open:
            return frozenset({Sequence((), exact=False)})
        if name == "collections.deque":
            held = given.positional[0] if given.positional else NOTHING
            return frozenset({Sequence((self.elements(held),), exact=False)})
        if name == "asyncio.gather" and not given.open:
            return frozenset({Sequence(given.positional)})
        return self._context(name, given, node) or self._mapping(name, given, node)

    def _context(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return what a context manager of another gives, or a namedtuple; None for any other."""
        if name == "collections.namedtuple":
            return self._tuple_class(given, node)
        first = given.positional[0] if given.positional else NOTHING
        if name in CONTEXTS:
            return first
        return self.entered(first, node) if ENTERED.fullmatch(name) else None

    def _tuple_class(self, given: Arguments, node: ast.AST) -> Values:
        """Return the class that namedtuple() makes."""
        names = next(iter(given.get(1, "field_names") or NOTHING), None)
        listed = isinstance(names, Sequence) and names.exact
        parts = names.items if isinstance(names, Sequence) and listed else [frozenset({names})]
        texts = [text_of(part) for part in parts]  # type: ignore[arg-type] # None is no text
        fields = " ".join(filter(None, texts)).replace(",", " ").split() if all(texts) else []
        name = text_of(given.get(0, "typename"))
        if name is None or not fields or not isinstance(node, ast.expr):
            return unknown(source(node))
        result = Class(len(self.classes))
        frame = self.frame
        home = Frame({}, (), frame.module, frame.file, frame.cell)
        code = ClassCode(name, {}, (), True, tuple(fields), home, node)
        settle(code, self.classes)
        self.classes[result] = code
        return frozenset({result})

    def _mapping(self, name: str, given: Arguments, node: ast.AST) -> Optional[Values]:
        """Return a new dictionary; None for any other function."""
        if name == "collections.OrderedDict":
            return self.dictionary(given)
        if name != "collections.defaultdict":
            return None
        result = self.dictionary(Arguments(given.positional[1:], given.keywords, given.open))
        default = join(self._default(item, node) for item in given.get(0, "") or NOTHING)
        for item in result:
            if isinstance(item, Object) and default:
                self.heap[item].fields["*"] = default
        return result

    def _default(self, factory: Value, node: ast.AST) -> Values:
        """Return what a dictionary has under a new key."""
        if isinstance(factory, Path) and factory.text == "builtins.dict":
            return frozenset({self.make({}, base=DICT)})
        return self.apply(factory, Arguments(), node)

    def of_queue(self, owner: Object, name: str, given: Arguments, node: ast.AST) -> Values:
        """Return what a queue's method gives: any of what was put into it."""
        fields = self.heap[owner].fields
        if name in PUTTING:
            put = given.get(0, "item") or given.get(0, "obj") or NOTHING
            fields["*"] = join([fields.get("*", NOTHING), put])
            return unknown("None")
        if name in GETTING:
            return fields.get("*", NOTHING) or unknown(source(node))
        return path(f"queue.Queue().{name}()")
