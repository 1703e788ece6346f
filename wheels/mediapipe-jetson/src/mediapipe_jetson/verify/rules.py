"""The tables of rules in data/verify_rules.json: from facts to a verdict with its reason."""

from __future__ import annotations

import dataclasses
import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

DATA = Path(__file__).resolve().parent.parent / "data"
VERDICTS = ("gpu", "software", "cpu", "broken", "unknown")
NO_RULE = "no-rule"


@dataclasses.dataclass(frozen=True)
class Judgement:
    """A verdict, the rule that gave it, its reason and what to do; `missing` was not observed."""

    verdict: str
    rule: str
    reason: str
    remedy: str
    missing: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        """Return JSON's types."""
        return {**dataclasses.asdict(self), "missing": list(self.missing)}


@functools.lru_cache(maxsize=None)
def book() -> dict[str, Any]:
    """Return all of the data: tables, patterns, thresholds."""
    document: dict[str, Any] = json.loads((DATA / "verify_rules.json").read_text(encoding="utf-8"))
    return document


@functools.lru_cache(maxsize=None)
def pattern(name: str) -> re.Pattern[str]:
    """Return one of the data's regular expressions."""
    return re.compile(book()["patterns"][name], re.IGNORECASE)


def threshold(name: str) -> float:
    """Return one of the data's numbers."""
    return float(book()["thresholds"][name])


def holds(condition: Any, value: Any) -> bool:  # noqa: ANN401 # JSON
    """Tell whether a fact meets a condition: a value, any of a list, or {"not": list}.

    What was not observed (None) meets no condition but one that names null.
    """
    if isinstance(condition, dict):
        return value is not None and not any(_same(item, value) for item in condition["not"])
    if isinstance(condition, list):
        return any(_same(item, value) for item in condition)
    return _same(condition, value)


def _same(expected: Any, value: Any) -> bool:  # noqa: ANN401 # JSON
    # False and 0 are equal in Python, and not here.
    return type(expected) is type(value) and bool(expected == value)


class _Blank(dict):  # type: ignore[type-arg]
    def __missing__(self, key: str) -> str:
        return "?"


def _filled(text: str, facts: Mapping[str, Any]) -> str:
    shown = {name: "unknown" if value is None else value for name, value in facts.items()}
    return text.format_map(_Blank(shown))


def judge(table: str, facts: Mapping[str, Any]) -> Judgement:
    """Return what the first rule that fits says; without one it is unknown, never a pass."""
    missing = tuple(sorted(name for name, value in facts.items() if value is None))
    for rule in book()[table]:
        if all(holds(condition, facts.get(name)) for name, condition in rule["when"].items()):
            return Judgement(
                _filled(rule["verdict"], facts),
                rule["id"],
                _filled(rule["reason"], facts),
                _filled(rule["remedy"], facts),
                missing,
            )
    listed = ", ".join(missing) or "no two observations agree"
    return Judgement(
        "unknown",
        NO_RULE,
        f"the observations prove nothing; missing: {listed}",
        "report this with the JSON",
        missing,
    )


def warnings(facts: Mapping[str, Any]) -> list[dict[str, str]]:
    """Return every warning that applies; none of them changes a verdict."""
    return [
        {
            "id": rule["id"],
            "reason": _filled(rule["reason"], facts),
            "remedy": _filled(rule["remedy"], facts),
        }
        for rule in book()["warnings"]
        if all(holds(condition, facts.get(name)) for name, condition in rule["when"].items())
    ]
