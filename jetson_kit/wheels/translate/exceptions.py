"""Functions that are chosen at run time, never reached on a core without their instructions."""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("exceptions.toml")


@dataclass(frozen=True)
class Exemption:
    """Functions whose instructions of some features are left as they are, and why that is right."""

    functions: re.Pattern[str]
    features: frozenset[str]
    reason: str
    evidence: str


@functools.cache
def exemptions() -> tuple[Exemption, ...]:
    """Return all of them."""
    rows = tomllib.loads(TABLE.read_text(encoding="utf-8"))["exemption"]
    return tuple(
        Exemption(
            re.compile(row["functions"]),
            frozenset(row["features"]),
            row["reason"],
            row["evidence"],
        )
        for row in rows
    )


@functools.lru_cache(maxsize=1 << 16)
def exemption(function: str, feature: str) -> Exemption | None:
    """Return what exempts instructions of a feature in a function (its symbol); None if nothing."""
    return next(
        (
            item
            for item in exemptions()
            if feature in item.features and function and item.functions.search(function)
        ),
        None,
    )
