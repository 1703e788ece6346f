"""Versions and specifiers, as far as requirements use them (PEP 440, Poetry's ^ and ~)."""

from __future__ import annotations

import re
from collections.abc import Iterable

Version = tuple[int, ...]
CLAUSE = re.compile(r"(===|==|~=|!=|<=|>=|<|>|\^|~)?\s*v?([0-9][\w.+!-]*\*?|\*)$")


def parse(text: str) -> Version:
    """Return the release numbers of a version, without its suffix and trailing zeros.

    Raises ValueError where there is no number.
    """
    match = re.match(r"\s*v?(?:\d+!)?(\d+(?:\.\d+)*)", text)
    if not match:
        raise ValueError(f"{text!r} is no version")
    numbers = [int(part) for part in match.group(1).split(".")]
    while len(numbers) > 1 and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def at_least(version: str, lowest: str) -> bool:
    """Return whether a version is this one or a later one. Raises ValueError."""
    return parse(version) >= parse(lowest)


def local(version: str) -> str:
    """Return the last part of a version's local label: "armv80" of 1.2.2+jetson.1.armv80; or ""."""
    return version.partition("+")[2].rpartition(".")[2]


def allowed(specifier: str, versions: Iterable[str]) -> list[str]:
    """Return those versions that a specifier allows. Raises ValueError for one not understood."""
    clauses = [part.strip() for part in specifier.split(",") if part.strip()]
    return [item for item in versions if all(_satisfies(clause, item) for clause in clauses)]


def _satisfies(clause: str, version: str) -> bool:
    match = CLAUSE.match(clause)
    if not match:
        raise ValueError(f"{clause!r} is no version specifier")
    operator, requested = match.group(1) or "==", match.group(2)
    if requested == "*":
        return True
    if requested.endswith(".*"):
        prefix = [int(part) for part in requested[:-2].split(".")]
        same = _padded(version, len(prefix)) == prefix
        return not same if operator == "!=" else same
    here, there = parse(version), parse(requested)
    simple = {
        "===": here == there,
        "==": here == there,
        "!=": here != there,
        "<=": here <= there,
        ">=": here >= there,
        "<": here < there,
        ">": here > there,
    }
    return (
        simple[operator]
        if operator in simple
        else here >= there and _below(operator, here, requested)
    )


def _below(operator: str, here: Version, requested: str) -> bool:
    """Return whether a version is below the end of a range that an operator implies."""
    numbers = [int(part) for part in re.findall(r"\d+", requested.partition("+")[0])]
    if operator == "~=":
        fixed = numbers[:-1]
    elif operator == "^":
        first = next((at for at, number in enumerate(numbers) if number), len(numbers) - 1)
        fixed = numbers[: first + 1]
    else:
        fixed = numbers[:2]
    return list((here + (0,) * len(fixed))[: len(fixed)]) <= fixed


def _padded(version: str, count: int) -> list[int]:
    return list((parse(version) + (0,) * count)[:count])
