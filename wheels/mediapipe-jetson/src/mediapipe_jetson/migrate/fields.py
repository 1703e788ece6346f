"""Finds expressions that read a field of a result in place."""

from __future__ import annotations

import re
from typing import Optional

import libcst as cst

from mediapipe_jetson.doctor.flow.started import EXECUTORS
from mediapipe_jetson.doctor.flow.values import Path
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.forms import code, is_none
from mediapipe_jetson.migrate.names import Names

# What calls a function later with the arguments behind it.
LATER = re.compile(
    r"concurrent\.futures\..+\(\)\.submit"
    r"|(asyncio|anyio|starlette)\.(.+\.)?(to_thread|run_in_executor|run_sync)"
)


class Fields(Names):
    """Knows fields of results, by attribute or getattr."""

    def direct(self, node: cst.CSTNode) -> bool:
        """Return whether an expression is a field of a result, read there."""
        if isinstance(node, cst.Call):
            return self.by_getattr(node) is not None
        return isinstance(node, cst.Attribute) and self.is_only(node.value, "result")

    def by_getattr(self, node: cst.Call) -> Optional[tuple[str, str]]:
        """Return the name and kind of the field that getattr(result, "name") gives."""
        functions = {path.text for path in self.values(node.func) if isinstance(path, Path)}
        args, known = node.args, self.things(node.args[0].value) if node.args else ()
        if functions != {"builtins.getattr"} or len(args) not in (2, 3):
            return None
        if table.kinds(known) != {"result"} or any(arg.star or arg.keyword for arg in args):
            return None
        owner, name_argument = args[0].value, args[1].value
        name = name_argument.evaluated_value if isinstance(name_argument, cst.SimpleString) else ""
        fields = {table.solutions()[item.solution].results.get(str(name)) for item in known}
        return fields.pop() if len(fields) == 1 and not self.foreign(owner) else None

    def handed_process(self, arg: cst.Arg) -> bool:
        """Return whether an argument is a process() that an executor calls with one picture."""
        outer = self.parent(arg)
        if not isinstance(outer, cst.Call) or not self.is_only(arg.value, "method"):
            return False
        paths = {item.text for item in self.values(outer.func) if isinstance(item, Path)}
        at = {EXECUTORS[path.rsplit(".", 1)[-1]] for path in paths if LATER.fullmatch(path)}
        plain = not any(item.star or item.keyword for item in outer.args)
        named = all(item.name == "process" for item in self.things(arg.value))
        count = len(outer.args)
        return plain and named and len(paths) == 1 and at == {count - 2} and outer.args[-2] is arg

    def chained(self, node: cst.Comparison) -> None:
        """Refuse a chain of comparisons with None, such as a is b is None."""
        parts = [node.left, *(target.comparator for target in node.comparisons)]
        kinds = {kind for part in parts for kind in table.kinds(self.things(part))}
        if len(parts) > 2 and any(map(is_none, parts)) and kinds & table.NULLABLE:
            self.refuse(node, f"{code(node)} is a chain of comparisons; write each by itself")
