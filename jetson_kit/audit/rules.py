"""The audit's rules, read from rules.toml."""

from __future__ import annotations

import functools
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("rules.toml")


@dataclass(frozen=True)
class GpuPath:
    """What a library must hold for a GPU path to count as compiled in."""

    name: str
    formats: tuple[str, ...]
    imports: tuple[str, ...]
    opened: tuple[str, ...]
    needed: str
    code: tuple[str, ...]
    code_min: int
    says: str
    jetson: bool


@dataclass(frozen=True)
class Feature:
    """A CPU feature: its bit in AT_HWCAP and the first Arm level whose CPUs may have it."""

    name: str
    bit: int
    level: str
    says: str


@dataclass(frozen=True)
class Opcode:
    """Instruction words of a feature: (word & mask) == value."""

    feature: str
    mask: int
    value: int


@functools.cache
def raw() -> dict[str, Any]:
    """Return rules.toml."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


@functools.cache
def gpu_paths() -> tuple[GpuPath, ...]:
    """Return the GPU paths that the audit knows."""
    return tuple(
        GpuPath(
            name=row["name"],
            formats=tuple(row["formats"]),
            imports=tuple(row.get("imports", ())),
            opened=tuple(row.get("opened", ())),
            needed=row.get("needed", ""),
            code=tuple(row["code"]),
            code_min=row["code_min"],
            says=row["says"],
            jetson=row["jetson"],
        )
        for row in raw()["gpu"]["paths"]
    )


@functools.cache
def features() -> dict[str, Feature]:
    """Return the CPU features by Linux's name."""
    return {
        name: Feature(name, row["bit"], row["level"], row["says"])
        for name, row in raw()["features"].items()
    }


@functools.cache
def opcodes() -> tuple[Opcode, ...]:
    """Return the instruction words that the audit can name."""
    return tuple(Opcode(row["feature"], row["mask"], row["value"]) for row in raw()["opcodes"])


def say(names: tuple[str, ...]) -> str:
    """Return features as a reader knows them: "LSE atomics, dotprod"."""
    known = features()
    return ", ".join(known[name].says if name in known else name for name in names)
