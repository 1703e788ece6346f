"""Follow what queues, deques and dictionaries with defaults hold."""

from __future__ import annotations

import ast
import re
from typing import Optional

from mediapipe_jetson.doctor.flow.reflection import Reflection
from mediapipe_jetson.doctor.flow.state import DICT, QUEUE
from mediapipe_jetson.doctor.flow.values import (
    Arguments,
    Object,
    Path,
    Sequence,
    Value,
    Values,
    join,
    path,
    source,
    unknown,
)

QUEUES = re.compile(
    r"(queue|asyncio|(torch\.)?multiprocessing(\.\w+(\(\))?)*)\."
    r"(Queue|LifoQueue|PriorityQueue|SimpleQueue|JoinableQueue)"
)
LISTS = ("builtins.list", "builtins.set", "builtins.tuple", "collections.deque")
PUTTING, GETTING = ("put", "put_nowait"), ("get", "get_nowait", "result")
# What gives what it is given, once that is done.
AWAITED = re.compile(
    r"asyncio\.(run|wait_for|create_task|ensure_future|shield|as_completed)"
    r"|concurrent\.futures\.as_completed|asyncio\..*\(\)\.(run_until_complete|create_task)"
)
NOTHING: Values = frozenset()


class Holders(Reflection):
    """Answers calls of what makes holders, and of their methods."""

    def dictionary(self, given: Arguments) -> Values:
        """Return what dict() makes."""
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
            return frozenset({Sequence((self.elements(given.positional[0]),), exact=False)})
        if name == "asyncio.gather" and not given.open:
            return frozenset({Sequence(given.positional)})
        return self._mapping(name, given, node)

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
