"""Holds a document to data/engines.schema.json, without a library: a device wheel asks for none."""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

FILE = Path(__file__).resolve().parent.parent / "data" / "engines.schema.json"
TYPES: Mapping[str, Any] = {
    "object": dict, "array": list, "string": str, "boolean": bool, "null": type(None),
    "integer": int, "number": (int, float),
}  # fmt: skip


@functools.lru_cache(maxsize=None)
def document() -> dict[str, Any]:
    """Return the schema."""
    result: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return result


def check(body: Any) -> None:  # noqa: ANN401 # JSON
    """Raise ValueError with what is wrong where a document is not of the schema."""
    _valid(body, document(), "the document")


def _valid(value: Any, rule: Mapping[str, Any], where: str) -> None:  # noqa: ANN401 # JSON
    """Raise ValueError unless a value keeps to the part of JSON Schema that the schema uses."""
    if "$ref" in rule:
        _valid(value, document()["$defs"][rule["$ref"].rpartition("/")[2]], where)
        return
    if "const" in rule and value != rule["const"]:
        raise ValueError(f"{where} is not {rule['const']!r}")
    if "enum" in rule and value not in rule["enum"]:
        raise ValueError(f"{where} is none of {', '.join(rule['enum'])}")
    kinds = rule.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if kinds and not any(_is(value, kind) for kind in kinds):
        raise ValueError(f"{where} is no {' or '.join(kinds)}")
    # Python's $ would take a line break behind the text.
    pattern = rule.get("pattern", "").replace("$", r"\Z")
    if isinstance(value, str) and not re.search(pattern, value):
        raise ValueError(f"{where} does not look as it must")
    if "minimum" in rule and not isinstance(value, bool) and not value >= rule["minimum"]:
        raise ValueError(f"{where} is below {rule['minimum']}")
    if isinstance(value, dict):
        _members(value, rule, where)
    elif isinstance(value, list) and "items" in rule:
        for number, item in enumerate(value):
            _valid(item, rule["items"], f"{where}[{number}]")


def _members(value: Mapping[str, Any], rule: Mapping[str, Any], where: str) -> None:
    known = rule.get("properties", {})
    for name in rule.get("required", ()):
        if name not in value:
            raise ValueError(f"{where} lacks {name!r}")
    for name, item in value.items():
        if name in known:
            _valid(item, known[name], f"{name!r} of {where}")
        elif rule.get("additionalProperties") is False:
            raise ValueError(f"{where} has {name!r}, which is unknown")


def _is(value: Any, kind: str) -> bool:  # noqa: ANN401 # JSON
    if isinstance(value, bool):
        return kind == "boolean"
    return isinstance(value, TYPES[kind])
