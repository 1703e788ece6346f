"""Filters that say which values of a role's variables are not allowed, and what is.

allowed.json holds a row for each variable that reaches a unit, a file or a command line. A row's
name leads into dictionaries (.key), lists ([]), all values ({}) and all keys ({@}) of dictionaries.
The controller reads the same table before it touches a board.
"""

from __future__ import annotations

import functools
import json
import os
import re
from typing import Any, Dict, Iterator, List, Mapping, Set, Tuple

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "allowed.json")
STEP = re.compile(r"\.(\w+)|(\[\])|(\{\})|(\{@\})")
SHOWN_CHARS = 80


@functools.lru_cache(maxsize=1)
def table() -> Dict[str, Any]:
    """Return the table: `kinds` of values, and the kind of each variable."""
    with open(TABLE, encoding="utf-8") as stream:
        document: Dict[str, Any] = json.load(stream)
    return document


def names(role: str) -> List[str]:
    """Return the variables of a role that have a row."""
    rows = {re.split(r"[.\[{]", row)[0] for row in table()["variables"]}
    return sorted(name for name in rows if name.startswith(role + "_"))


def faults(values: Mapping[str, Any]) -> List[str]:
    """Return what is wrong with values, by their variables' names: a line for each."""
    known = table()
    result = []
    for row, kind in known["variables"].items():
        name = re.split(r"[.\[{]", row)[0]
        if name in values:
            steps = STEP.findall(row[len(name) :])
            rule = known["kinds"][kind.rstrip("?")]
            for where, value in _reached(name, values[name], steps):
                if not (kind.endswith("?") and value == "") and not _allowed(value, rule):
                    result.append(_line(where, value, rule))
    return result + _unknown(values, known["variables"])


def faults_of(values: List[Any], role: str) -> List[str]:
    """Return what is wrong with a role's values, in the order of its names."""
    return faults(dict(zip(names(role), values)))


def _reached(
    where: str, value: object, steps: List[Tuple[str, ...]]
) -> Iterator[Tuple[str, object]]:
    if not steps:
        yield where, value
        return
    (key, item, each, keys), rest = steps[0], steps[1:]
    if item:
        if not isinstance(value, (list, tuple)):
            yield where, MISSING
            return
        for number, one in enumerate(value):
            yield from _reached(f"{where}[{number}]", one, rest)
    elif not isinstance(value, Mapping):
        yield where, MISSING
    elif key:
        yield from _reached(f"{where}.{key}", value.get(key, MISSING), rest)
    else:
        for one in value:
            if keys:
                yield f"{where}: the name {one}", one
            elif each:
                yield from _reached(f"{where}.{one}", value[one], rest)


class _Missing:
    """Stands where a value is missing, or where it is of another type."""

    def __str__(self) -> str:
        return "not as it must be"


MISSING = _Missing()


def _allowed(value: object, rule: Mapping[str, Any]) -> bool:
    if "range" in rule:
        low, high = rule["range"]
        text = str(value)
        whole = not isinstance(value, bool) and re.fullmatch(r"-?[0-9]{1,12}", text, re.ASCII)
        return bool(whole) and low <= int(text) <= high
    if rule.get("type") == "flag":
        return isinstance(value, bool)
    if isinstance(value, bool):
        value = str(value).lower()
    if not isinstance(value, (str, int, float)):
        return False
    text = str(value)
    if any(re.search(item, text) for item in rule.get("refused", ())):
        return False
    return bool(re.fullmatch(rule["pattern"], text, re.ASCII))


def _unknown(values: Mapping[str, Any], rows: Mapping[str, str]) -> List[str]:
    """Return the keys that a dictionary with named keys does not have."""
    known: Dict[str, Set[str]] = {}
    for row in rows:
        match = re.match(r"(\w+)\.(\w+)", row)
        if match:
            known.setdefault(match[1], set()).add(match[2])
    lines = []
    for name, keys in known.items():
        value = values.get(name)
        for key in sorted(set(map(str, value)) - keys) if isinstance(value, Mapping) else ():
            lines.append(f"{name} has no {key}; it has {', '.join(sorted(keys))}")
    return lines


def _line(where: str, value: object, rule: Mapping[str, Any]) -> str:
    if value is MISSING:
        message = f"{where} is missing, or of another form"
    elif rule.get("secret"):
        message = f"{where} is not allowed"
    else:
        text = json.dumps(value if isinstance(value, (str, int, float, bool)) else str(value))
        message = f"{where} is {text[:SHOWN_CHARS]}"
    return f"{message}; write {rule['words']}"


class FilterModule:
    """What Ansible finds here."""

    def filters(self) -> Dict[str, Any]:
        """Return the filters by name."""
        return {"role_variables": names, "refused_values": faults_of}
