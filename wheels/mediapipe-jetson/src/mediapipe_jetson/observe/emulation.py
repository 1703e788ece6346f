"""Whether this machine only stands for a Jetson: what it says of itself, and what betrays it.

A virtual device says so by a file and a variable. Both can be taken away, so that what a machine
is made of is looked at too: CPU cores that the SoC does not have, a virtual machine's hardware. A
virtual machine that does not call itself a Jetson is no emulated Jetson, with a GPU or without.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import os
import platform
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Optional

from mediapipe_jetson.observation import Absent, below, on_device, read_text
from mediapipe_jetson.observe import cpu, l4t, module

DATA = Path(__file__).resolve().parent.parent / "data" / "emulation.json"
MARKER = "/etc/mediapipe-jetson/emulated"
VARIABLE = "MEDIAPIPE_JETSON_EMULATED"
PLAN = "/etc/mediapipe-jetson/plan.json"
BUSES = "/sys/bus"
ARM = ("aarch64", "armv8l", "armv7l")
MARKER_MOST = 300


@dataclasses.dataclass(frozen=True)
class Emulation:
    """What was seen; `emulated` is None where too little was.

    `claims` are what makes this machine call itself a Jetson, `cores` its cores as implementer and
    part, `virtual` a virtual machine's hardware, `user_emulation` what runs Arm programs elsewhere.
    """

    emulated: Optional[bool]
    reasons: tuple[str, ...]
    marker: Optional[str]
    variable: bool
    claims: tuple[str, ...]
    soc: Optional[str]
    machine: str
    cores: tuple[str, ...]
    user_emulation: Optional[str]
    virtual: tuple[str, ...]
    buses_seen: bool

    def lines(self) -> tuple[str, ...]:
        """Return what a person reads."""
        summary = {True: "this device is emulated", False: "no", None: "unknown"}[self.emulated]
        return (summary, *self.reasons)


@functools.lru_cache(maxsize=None)
def known() -> dict[str, Any]:
    """Return data/emulation.json."""
    document: dict[str, Any] = json.loads(DATA.read_text(encoding="utf-8"))
    return document


def read(
    root: Path = Path("/"),
    environment: Optional[Mapping[str, str]] = None,
    machine: Optional[str] = None,
) -> Emulation:
    """Look at the machine of the tree below `root`; `machine` is another tree's architecture."""
    variables = os.environ if environment is None else environment
    arch = machine or platform.machine()
    cpuinfo = read_text(below(root, "/proc/cpuinfo")) or ""
    marker = read_text(below(root, MARKER))
    result = module.read(root)
    raw: dict[str, Any] = {
        "marker": None if marker is None else " ".join(marker.split())[:MARKER_MOST],
        "variable": VARIABLE in variables,
        "claims": claims(root, result),
        "soc": None if isinstance(result, Absent) else result.soc,
        "machine": arch,
        "cores": cores(root, cpuinfo),
        "user_emulation": cpu.emulated(root, cpuinfo) if arch in ARM else None,
        "virtual": virtual(root),
        "buses_seen": below(root, BUSES).is_dir(),
    }
    emulated, reasons = judge(raw)
    return Emulation(emulated, reasons, **raw)


def judge(raw: Any) -> tuple[Optional[bool], tuple[str, ...]]:  # noqa: ANN401 # JSON
    """Return whether a Jetson is emulated, and why; None where the observations don't tell.

    `raw` is an Emulation as JSON has it. Its `told`, if any, are reasons that stand already.
    """
    if not isinstance(raw, Mapping):
        return None, ("what this machine is made of was not observed",)
    reasons = [str(reason) for reason in raw.get("told") or ()]
    if raw.get("marker") is not None:
        reasons.append(f"{MARKER} says so")
    if raw.get("variable"):
        reasons.append(f"{VARIABLE} is set")
    if raw.get("user_emulation"):
        reasons.append(f"its CPU is {raw['user_emulation']}")
    named, machine, own = raw.get("claims"), raw.get("machine"), list(raw.get("cores") or ())
    if named:
        reasons += _contradictions(f"it calls itself a Jetson ({named[0]})", raw, own)
    if reasons:
        return True, tuple(dict.fromkeys(reasons))
    unseen: tuple[str, ...] = ()
    if named is None or machine is None:
        unseen = ("what this machine calls itself was not observed",)
    elif named and not own:
        unseen = ("/proc/cpuinfo does not tell the cores, which may not be a Jetson's",)
    elif named and not raw.get("buses_seen"):
        unseen = (f"{BUSES} is not to be seen, where virtual hardware would stand",)
    return (None if unseen else False), unseen


def _contradictions(claim: str, raw: Mapping[str, Any], own: list[Any]) -> list[str]:
    """Return what no Jetson has."""
    result = []
    if raw.get("machine") is not None and raw["machine"] not in ARM:
        result.append(f"{claim}, but its CPU is {raw['machine']}")
    soc, table = raw.get("soc"), known()["cores"]
    real = table.get(soc) or [core for every in table.values() for core in every]
    strange = [str(core) for core in own if core not in real]
    if strange:
        result.append(f"{claim}, but {' and '.join(strange)} is no core of {soc or 'a Jetson'}")
    things = [str(thing) for thing in raw.get("virtual") or ()]
    return [*result, *([f"{claim}, but has {', '.join(things)}"] if things else [])]


def add_reported(
    raw: Any,  # noqa: ANN401 # JSON
    report: Mapping[str, Any],
    here: Optional[Emulation],
) -> dict[str, Any]:
    """Return a report's raw observation with what the report and this machine say already.

    Where it is judged again on the machine that made it (`here`), what was taken out of it is seen
    anew.
    """
    reasons = list(here.reasons) if here and here.emulated else []
    if report.get("emulated") is True:
        reasons += [
            str(reason) for reason in report.get("emulated_reasons") or ["its report says so"]
        ]
    result = dict(raw) if isinstance(raw, Mapping) else {}
    return {**result, "told": [*(result.get("told") or ()), *reasons]}


def claims(root: Path, board: object) -> tuple[str, ...]:
    """Return what only a Jetson has, or what stands for one."""
    message = []
    if isinstance(board, module.Module):
        text = " ".join((board.model, *board.compatible))
        if board.soc or re.search(r"jetson|nvidia,p\d{4}-", text, re.IGNORECASE):
            message.append(f"{board.source}: {board.model}")
    if below(root, l4t.FILE).exists():
        message.append(l4t.FILE)
    # An image for a Jetson stands for one wherever it runs: a container need see nothing else.
    try:
        if json.loads(read_text(below(root, PLAN)) or "{}").get("target"):
            message.append(PLAN)
    except (ValueError, AttributeError):
        message.append(PLAN)
    for pattern in known()["nodes"]:
        message += [on_device(root, path) for path in sorted(root.glob(pattern.lstrip("/")))[:1]]
    return tuple(message)


def cores(root: Path, cpuinfo: str) -> tuple[str, ...]:
    """Return the distinct cores as implementer:part, from /proc/cpuinfo and from sysfs."""
    makers = re.findall(r"^CPU implementer\s*:\s*(0x\w+)", cpuinfo, re.MULTILINE)
    parts = re.findall(r"^CPU part\s*:\s*(0x\w+)", cpuinfo, re.MULTILINE)
    result = [f"{maker}:{part}" for maker, part in zip(makers, parts)]  # noqa: B905 # Python 3.9
    registers = "sys/devices/system/cpu/cpu[0-9]*/regs/identification/midr_el1"
    for path in sorted(root.glob(registers)):
        try:
            value = int(read_text(path) or "", 16)
        except ValueError:
            continue
        result.append(f"{value >> 24 & 0xFF:#04x}:{value >> 4 & 0xFFF:#05x}")
    return tuple(dict.fromkeys(result))


def virtual(root: Path) -> tuple[str, ...]:
    """Return a virtual machine's hardware, each kind of it once."""
    result = []
    for path in sorted(root.glob("sys/bus/pci/devices/*/vendor")):
        vendor = (read_text(path) or "").strip()
        if vendor in known()["pci_vendors"]:
            result.append(f"PCI vendor {vendor} ({known()['pci_vendors'][vendor]})")
    for pattern, what in known()["paths"].items():
        if any(root.glob(pattern.lstrip("/"))):
            result.append(f"{what} ({pattern.rpartition('/')[0]})")
    for name in known()["dmi_files"]:
        text = (read_text(below(root, name)) or "").strip()
        if re.search(known()["dmi"], text):
            result.append(f"{text} as its {name.rpartition('/')[2]}")
    return tuple(dict.fromkeys(result))
