"""The CPU: its name, its features, its Arm architecture level, and whether it is emulated."""

from __future__ import annotations

import ctypes
import dataclasses
import json
import os
import platform
import re
from pathlib import Path
from typing import Any, Optional, Union

from mediapipe_jetson.observation import Absent, below, read_text

DATA = Path(__file__).resolve().parent.parent / "data" / "cpus.json"
AT_HWCAP, AT_HWCAP2 = 16, 26


@dataclasses.dataclass(frozen=True)
class Cpu:
    """One machine's CPU.

    `arm_level` is the highest level whose mandatory features are all there; None off Arm.
    `atomics` are Arm's LSE instructions, without which MediaPipe 1.x can't start.
    """

    arch: str
    names: tuple[str, ...]
    cores: int
    features: tuple[str, ...]
    features_from: str
    arm_level: Optional[str]
    atomics: Optional[bool]
    emulated: Optional[str]

    @property
    def cpuinfo_is_foreign(self) -> bool:
        """Tell whether an Arm program sees the /proc/cpuinfo of the CPU that emulates it."""
        return self.arch == "aarch64" and bool(self.emulated) and not self.names

    @property
    def name(self) -> str:
        """Return the CPU's name as one text."""
        kind = "emulated" if self.emulated else "unknown"
        return " + ".join(self.names) or f"{kind} {self.arch} CPU"

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        level = f", at least {self.arm_level}" if self.arm_level else ""
        result = [f"{self.cores} x {self.name} ({self.arch}{level})"]
        if self.atomics is not None:
            result.append(f"atomics (LSE): {'yes' if self.atomics else 'no'}")
        if self.arm_level:
            result.append(f"features ({self.features_from}): {' '.join(self.features)}")
        if self.emulated:
            result.append(f"emulated: {self.emulated}")
        return tuple(result)


def read(root: Path = Path("/"), machine: Optional[str] = None) -> Union[Absent, Cpu]:
    """Read the CPU; `machine` is the architecture where `root` is another machine's tree."""
    text = read_text(below(root, "/proc/cpuinfo")) or ""
    own = root == Path("/")
    arch = machine or platform.machine()
    if not text and not own:
        return Absent("no /proc/cpuinfo")
    known: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    features, source = hwcap_features(known) if own and arch == "aarch64" else ((), "")
    if not features:
        features, source = listed_features(text), "/proc/cpuinfo"
    is_arm = arch == "aarch64"
    host = emulated(root, text) if is_arm else None
    return Cpu(
        arch=arch,
        # Under user emulation /proc/cpuinfo may name the CPU below, which says nothing of this one.
        names=() if host and "CPU implementer" not in text else names(text, known["parts"]),
        cores=len(re.findall(r"^processor\s*:", text, re.MULTILINE)) or os.cpu_count() or 1,
        features=features,
        features_from=source,
        arm_level=arm_level(features, known) if is_arm and features else None,
        atomics="atomics" in features if is_arm and features else None,
        emulated=host,
    )


def hwcap_features(known: dict[str, Any]) -> tuple[tuple[str, ...], str]:
    """Return what the kernel tells this very process, which holds under user emulation too."""
    try:
        getauxval = ctypes.CDLL(None).getauxval
    except (OSError, AttributeError):
        return (), ""
    getauxval.restype, getauxval.argtypes = ctypes.c_ulong, [ctypes.c_ulong]
    result: list[str] = []
    for entry, table in ((AT_HWCAP, "hwcap"), (AT_HWCAP2, "hwcap2")):
        bits = getauxval(entry)
        result += [name for bit, name in enumerate(known[table]) if bits >> bit & 1]
    return tuple(result), "AT_HWCAP"


def listed_features(text: str) -> tuple[str, ...]:
    """Return the features that every core of /proc/cpuinfo has, in the first core's order."""
    cores = [
        line.split() for line in re.findall(r"^(?:Features|flags)\s*:(.*)$", text, re.MULTILINE)
    ]
    if not cores:
        return ()
    common = set(cores[0]).intersection(*cores)
    return tuple(feature for feature in cores[0] if feature in common)


def names(text: str, parts: dict[str, str]) -> tuple[str, ...]:
    """Return the distinct cores' names, in order of their first appearance."""
    makers = re.findall(r"^CPU implementer\s*:\s*(\S+)", text, re.MULTILINE)
    numbers = re.findall(r"^CPU part\s*:\s*(\S+)", text, re.MULTILINE)
    if makers and len(makers) == len(numbers):
        keys = [f"{maker}:{numbers[index]}" for index, maker in enumerate(makers)]
        matches = [parts.get(key, f"Arm core {key}") for key in keys]
    else:
        matches = re.findall(r"^model name\s*:\s*(.+?)\s*$", text, re.MULTILINE)
    return tuple(dict.fromkeys(matches))


def arm_level(features: tuple[str, ...], known: dict[str, Any]) -> str:
    """Return the highest architecture level that these features prove."""
    level = "armv8.0-a"
    for name, needs in known["levels"]:
        if not set(needs) <= set(features):
            break
        level = name
    if level == known["levels"][-1][0] and set(known["armv9"]) <= set(features):
        return "armv9.0-a"
    return level


def emulated(root: Path, cpuinfo: str) -> Optional[str]:
    """Return what betrays that an Arm program runs on a CPU that is none, or None."""
    alias = read_text(below(root, "/sys/devices/system/cpu/modalias")) or ""
    kind = re.match(r"cpu:type:(\w+)", alias)
    if kind and kind.group(1) != "aarch64":
        return f"QEMU user emulation on {kind.group(1)}"
    if re.search(r"^vendor_id\s*:", cpuinfo, re.MULTILINE):
        return "QEMU user emulation on x86"
    return None
