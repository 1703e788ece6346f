"""What a task would change or has changed, as text for people."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Mapping
from typing import Any

INDENT = "    "


def lines(result: Mapping[str, Any]) -> Iterator[str]:
    """Yield the lines of a task's differences; none where it reported none."""
    diff = result.get("diff")
    rows = diff if isinstance(diff, list) else [diff]
    for item in result.get("results") or ():
        if isinstance(item, dict) and item.get("changed"):
            yield from lines(item)
    for row in rows:
        if isinstance(row, dict):
            yield from _row(row)


def _row(row: Mapping[str, Any]) -> Iterator[str]:
    if "prepared" in row:
        yield from (INDENT + line for line in str(row["prepared"]).splitlines())
    before, after = _text(row.get("before")), _text(row.get("after"))
    if before == after:
        return
    name = str(row.get("after_header") or row.get("before_header") or "")
    changed = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=1)
    for number, line in enumerate(changed):
        # The first two name files, of which Ansible's are temporary ones.
        if number > 1:
            yield INDENT + line
        elif number == 1 and name:
            yield f"{INDENT}{name}"


def _text(value: object) -> str:
    if value is None or isinstance(value, str):
        return value or ""
    return json.dumps(value, indent=1, sort_keys=True)
