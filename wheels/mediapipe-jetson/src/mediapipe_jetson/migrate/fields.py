"""Tells which expressions read a field of a result where they stand."""

from __future__ import annotations

from typing import Optional

import libcst as cst

from mediapipe_jetson.doctor.flow.values import Path
from mediapipe_jetson.migrate import table
from mediapipe_jetson.migrate.names import Names


class Fields(Names):
    """Knows fields of results, by attribute or getattr."""

    def direct(self, node: cst.CSTNode) -> bool:
        """Return whether an expression is a field of a result, read there."""
        if isinstance(node, cst.Call):
            return self.by_getattr(node) is not None
        return isinstance(node, cst.Attribute) and self.is_one(node.value, "result")

    def by_getattr(self, node: cst.Call) -> Optional[tuple[str, str]]:
        """Return the name and kind of the field that getattr(result, "name") gives."""
        functions = {path.text for path in self.values(node.func) if isinstance(path, Path)}
        args, known = node.args, self.things(node.args[0].value) if node.args else ()
        if functions != {"builtins.getattr"} or len(args) not in (2, 3):
            return None
        if table.kinds(known) != {"result"} or any(arg.star or arg.keyword for arg in args):
            return None
        owner, word = args[0].value, args[1].value
        name = word.evaluated_value if isinstance(word, cst.SimpleString) else ""
        fields = {table.solutions()[item.solution].results.get(str(name)) for item in known}
        return fields.pop() if len(fields) == 1 and not self.foreign(owner) else None
