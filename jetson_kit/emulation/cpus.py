"""The Arm cores that can be emulated, read from cpus.toml."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

TABLE = Path(__file__).with_name("cpus.toml")


@dataclass(frozen=True)
class Cpu:
    """A CPU to emulate; `hwcap` is all that a process is shown, None for the model's own.

    `cpuinfo` (implementer, variant, part, revision) and `features` stand in /proc/cpuinfo.
    """

    name: str
    qemu: str
    level: str
    hwcap: tuple[str, ...] | None
    socs: tuple[str, ...]
    says: str
    cpuinfo: Mapping[str, str]
    features: tuple[str, ...]


@functools.cache
def load() -> tuple[Cpu, ...]:
    """Return the CPUs to emulate, least capable first."""
    return tuple(
        Cpu(
            name=row["name"],
            qemu=row["qemu"],
            level=row["level"],
            hwcap=tuple(row["hwcap"]) if "hwcap" in row else None,
            socs=tuple(row["socs"]),
            says=row["says"],
            cpuinfo=row["cpuinfo"],
            features=tuple(row["features"].split() if "features" in row else row["hwcap"]),
        )
        for row in tomllib.loads(TABLE.read_text(encoding="utf-8"))["cpus"]
    )
