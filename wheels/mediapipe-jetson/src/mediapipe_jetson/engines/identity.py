"""What an engine is tied to: model, GPU class, TensorRT, precision; its file name, what may run it.

Rules of versions, from NVIDIA's "Engine Compatibility" and "Support Matrix" (TensorRT 11.4): an
engine runs on the very TensorRT that built it; one built version-compatible (from 8.6 on) also on
a later one of the same major version, one of 10 on 11, one of 8 on 10. Without a hardware
compatibility level, which Jetsons don't have, it runs on the compute capability it was built on.
The lean runtime runs version-compatible engines only (NVIDIA/TensorRT issue 4790).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Optional

PRECISIONS = ("fp16", "fp32")
VERSION_COMPATIBLE = "version-compatible"
OLDEST_COMPATIBLE = (8, 6)
MAJORS = ((8, 10), (10, 11))
"""Pairs (built by, run by) of different major versions that NVIDIA supports."""
SHORT = 12


def numbers(version: str) -> tuple[int, ...]:
    """Return a version's numbers, such as (10, 3, 0, 30); what follows them is left out."""
    match = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(part) for part in match.group().split(".")) if match else ()


def short(version: str) -> str:
    """Return the first three numbers of a version, missing ones as 0: 10.3.0."""
    return ".".join(str(part) for part in (*numbers(version), 0, 0, 0)[:3])


@dataclass(frozen=True)
class Identity:
    """What tells an engine from any other.

    `sm` is CUDA's compute capability as "8.7", `tensorrt` as much of the version as is known.
    """

    sub_model: str
    source_sha256: str
    sm: str
    tensorrt: str
    precision: str
    version_compatible: bool = False

    @property
    def file(self) -> str:
        """Return the file name."""
        tail = "-vc" if self.version_compatible else ""
        return (
            f"{self.sub_model}-{self.source_sha256[:SHORT]}-sm{self.sm.replace('.', '')}"
            f"-trt{short(self.tensorrt)}-{self.precision}{tail}.engine"
        )


@dataclass(frozen=True)
class LocalRuntime:
    """What would run an engine: GPU class and TensorRT's version; `lean` is its lean runtime."""

    sm: str
    tensorrt: str
    lean: bool


def same_version(built: str, running: str) -> bool:
    """Tell whether two versions agree in all the numbers that both have, at least three."""
    ours, theirs = numbers(built), numbers(running)
    known = min(len(ours), len(theirs))
    return known >= 3 and ours[:known] == theirs[:known]


def later_runs(built: str, running: str) -> bool:
    """Tell whether a version-compatible engine of one TensorRT runs on another."""
    ours, theirs = numbers(built), numbers(running)
    if not ours or not theirs or ours[:2] < OLDEST_COMPATIBLE:
        return False
    if ours[0] == theirs[0]:
        known = min(len(ours), len(theirs))
        return theirs[:known] >= ours[:known]
    return (ours[0], theirs[0]) in MAJORS


def refusal(engine: Identity, here: LocalRuntime) -> Optional[str]:
    """Return why an engine can't run here, in one clause; None if it can."""
    if engine.sm != here.sm:
        return f"it is for GPUs of SM {engine.sm}, this one has SM {here.sm}"
    if not engine.version_compatible:
        if here.lean:
            return "it is not version-compatible, and TensorRT's lean runtime takes no other"
        if not same_version(engine.tensorrt, here.tensorrt):
            return f"it is for TensorRT {engine.tensorrt} alone, here is {here.tensorrt}"
    elif not later_runs(engine.tensorrt, here.tensorrt):
        return (
            f"it was built version-compatible by TensorRT {engine.tensorrt}, "
            f"which {here.tensorrt} can't run"
        )
    return None
