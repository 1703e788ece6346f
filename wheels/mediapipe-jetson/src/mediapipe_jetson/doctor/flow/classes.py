"""The order of the classes above a class, and what its generated constructor takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Optional

from mediapipe_jetson.doctor.flow.state import ClassCode
from mediapipe_jetson.doctor.flow.values import Class, Path, Value

# Decorators that generate a constructor: of dataclasses, and of attrs.
DATACLASS, ATTRS = "dataclass", ("define", "frozen", "attrs", "s")
# External classes that have no fields.
FIELDLESS = re.compile(r"(builtins|abc|typing|typing_extensions|collections\.abc)\.")
FIELD = ("field", "ib", "attrib", "Field")
NO_FIELD, BY_NAME = re.compile(r"(\w+\.)*ClassVar\b"), re.compile(r"(\w+\.)*KW_ONLY$")


def last_word(node: ast.expr) -> str:
    """Return the last name of a function or of what a call calls."""
    return ast.unparse(node.func if isinstance(node, ast.Call) else node).rsplit(".", 1)[-1]


def generates(node: ast.ClassDef) -> bool:
    """Return whether a class's annotations are the fields of a generated constructor."""
    decorators = {last_word(item) for item in node.decorator_list}
    return not decorators.isdisjoint((DATACLASS, *ATTRS)) or any(
        "NamedTuple" in ast.unparse(base) for base in node.bases
    )


def settle(code: ClassCode, classes: Mapping[Class, ClassCode]) -> None:
    """Find a new class's order of bases, and what its generated constructor takes."""
    direct = [item for values in code.bases for item in values if isinstance(item, Class)]
    line = merged([[item, *classes[item].above] for item in direct])
    every = dict.fromkeys(item for base in direct for item in (base, *classes[base].above))
    code.above = tuple(every if line is None else line)
    code.ordered = (
        line is not None
        and all(len(values) == 1 and all(map(clear, values)) for values in code.bases)
        and all(classes[item].ordered for item in code.above)
    )
    if code.dataclass:
        code.takes = {}
        for item in reversed(code.above):
            code.takes.update(classes[item].takes or {})
        own = fields(code)
        decorators = [last_word(item) for item in getattr(code.node, "decorator_list", ())]
        if (
            code.takes
            and DATACLASS not in decorators
            and (len(direct) > 1 or {*code.takes} & {*own})
        ):
            code.ordered = False  # attrs has orders of its own
        code.takes.update(own)
    else:
        known = (classes[item].takes for item in code.above)
        code.takes = next((takes for takes in known if takes is not None), None)


def clear(base: Value) -> bool:
    """Return whether it is known which fields a base class brings."""
    return isinstance(base, Class) or (
        isinstance(base, Path) and FIELDLESS.match(base.text) is not None
    )


def merged(rows: list[list[Class]]) -> Optional[list[Class]]:
    """Return the classes in Python's order (C3), None where they have none."""
    if len(rows) < 2:
        return [item for row in rows for item in row]
    rows = [*rows, [row[0] for row in rows]]
    result: list[Class] = []
    while any(rows):
        later = {item for row in rows for item in row[1:]}
        first = next((row[0] for row in rows if row and row[0] not in later), None)
        if first is None:
            return None
        result.append(first)
        rows = [row[1:] if row and row[0] == first else row for row in rows]
    return result


def fields(code: ClassCode) -> dict[str, Optional[bool]]:
    """Return a class's own fields: taken by place (True), by name only (False), or not (None)."""
    if not isinstance(code.node, ast.ClassDef):
        return dict.fromkeys(code.fields, True)
    named = False
    for item in code.node.decorator_list:
        if last_word(item) in (DATACLASS, *ATTRS):
            named = option(item, "kw_only", code, usual=False)
            option(item, "init", code, usual=True, only=True)
            code.ordered = code.ordered and not (named and last_word(item) in ATTRS and code.takes)
    result: dict[str, Optional[bool]] = {}
    for part in code.node.body:
        if not isinstance(part, ast.AnnAssign) or not isinstance(part.target, ast.Name):
            continue
        note = part.annotation
        quoted = isinstance(note, ast.Constant) and isinstance(note.value, str)
        text = str(note.value) if quoted and isinstance(note, ast.Constant) else ast.unparse(note)
        given = isinstance(part.value, ast.Call) and last_word(part.value) in FIELD
        value = part.value if given else None
        if BY_NAME.match(text):
            named = True
        elif NO_FIELD.match(text) or not option(value, "init", code, usual=True):
            result[part.target.id] = None
        else:
            result[part.target.id] = not option(value, "kw_only", code, usual=named)
    return result


def option(
    node: Optional[ast.expr],
    name: str,
    code: ClassCode,
    *,
    usual: bool,
    only: Optional[bool] = None,
) -> bool:
    """Return a call's option; where it is not known, or is not `only`, the order is not known."""
    for keyword in node.keywords if isinstance(node, ast.Call) else ():
        if keyword.arg in (name, None):
            known = isinstance(keyword.value, ast.Constant) and keyword.arg is not None
            value = bool(keyword.value.value) if isinstance(keyword.value, ast.Constant) else usual
            code.ordered = code.ordered and known and only in (None, value)
            return value
    return usual
