"""Instructions beyond ARMv8.0-A and the cores that lack them: beyond.toml and cores.toml."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jetson_kit.core.errors import BadInputError
from jetson_kit.wheels.translate.words import Pattern

BEYOND = Path(__file__).with_name("beyond.toml")
CORES = Path(__file__).with_name("cores.toml")


@dataclass(frozen=True)
class Core:
    """What libraries are translated for."""

    name: str
    """As it stands in a wheel's version."""
    about: str
    level: str
    """Arm architecture level of the whole, such as armv8.0-a."""
    features: frozenset[str]
    """What it has of the features of beyond.toml."""
    mcpu: str
    """A core with just these, as LLVM names it."""
    mattr: str
    """What is added to that."""
    cpu: str
    """The core of cpus.toml that stands for it under emulation."""


@dataclass(frozen=True)
class Row:
    """A kind of instruction that some core lacks."""

    name: str
    feature: str
    pattern: Pattern
    lower: str
    """What replaces it; "" where nothing can."""
    source: str


@functools.cache
def cores() -> dict[str, Core]:
    """Return the cores by name."""
    rows: dict[str, Any] = tomllib.loads(CORES.read_text(encoding="utf-8"))["core"]
    return {
        name: Core(
            name,
            row["about"],
            row["level"],
            frozenset(row["features"]),
            row["mcpu"],
            row["mattr"],
            row["cpu"],
        )
        for name, row in rows.items()
    }


def core(name: str) -> Core:
    """Return a core by its name. Raises BadInputError, which lists them all."""
    known = cores()
    if name not in known:
        raise BadInputError(
            f"libraries are not translated for {name!r}", f"choose one of {', '.join(known)}"
        )
    return known[name]


@functools.cache
def rows() -> tuple[Row, ...]:
    """Return all kinds of instructions beyond ARMv8.0-A; a word is of the first that it fits."""
    raw = tomllib.loads(BEYOND.read_text(encoding="utf-8"))["row"]
    return tuple(
        Row(
            row["name"],
            row["feature"],
            Pattern(row["mask"], row["value"]),
            row.get("lower", ""),
            row["source"],
        )
        for row in raw
    )
